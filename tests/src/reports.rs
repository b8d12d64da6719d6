//! Telemetry reports, as instances send them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::Hub;
use crate::clock::{ago, now};
use crate::http::{Answer, Caller};

/// An instance that can report.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Its handle.
    pub id: String,
    /// Its hub key.
    pub hub_key: String,
    caller: Caller,
}

/// A report of the last hour with this content and an id of its own.
#[must_use]
pub fn report_of(content: Value) -> Value {
    let mut report = content;
    report["report_id"] = uuid::Uuid::from_u128(unique()).to_string().into();
    for (name, back) in [("window_start", Duration::from_hours(1)), ("window_end", Duration::ZERO)]
    {
        if report.get(name).is_none() {
            report[name] = ago(back).into();
        }
    }
    report
}

/// An ordinary report: one tool, one error, three durations, one count.
#[must_use]
pub fn report() -> Value {
    report_of(json!({
        "tools": [{"name": "browser.navigate", "calls": 12, "errors": {"TIMEOUT": 2},
            "durations_ms": [10, 20.5, 30]}],
        "counts": {"agents_online": 3},
    }))
}

fn unique() -> u128 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let process = u128::from(std::process::id()) << 64;
    let time = u128::try_from(now().unix_ms()).unwrap_or(0) << 72;
    time ^ process ^ u128::from(NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Hub {
    /// Lists names in the catalogue.
    pub async fn list_names(&self, tools: &[&str], codes: &[&str], counts: &[&str]) {
        let add = json!({"add": {"tools": tools, "codes": codes, "counts": counts}});
        let listed = self.admin().patch("/api/v1/admin/telemetry/catalogue", add).await;
        listed.expect(200).done();
    }

    /// An active instance of a client, with the hub key that it reports with. The names of the ordinary
    /// report are listed.
    pub async fn reporter(&self, client: &str, id: &str) -> Instance {
        self.list_names(&["browser.navigate"], &["TIMEOUT"], &["agents_online"]).await;
        let license = self.issue(client, id).await.license_key;
        let hub_key = self.hub_key(&license).await;
        self.reporter_with(id, &hub_key)
    }

    /// The same with an existing key.
    #[must_use]
    pub fn reporter_with(&self, id: &str, hub_key: &str) -> Instance {
        let caller = self.instance(hub_key);
        Instance { id: id.to_owned(), hub_key: hub_key.to_owned(), caller }
    }

    /// A read of usage.
    pub async fn usage(&self, read: &str) -> Value {
        self.admin().get(&format!("/api/v1/admin/telemetry/{read}")).await.ok()
    }
}

impl Instance {
    fn path(&self) -> String {
        format!("/api/v1/instances/{}/telemetry", self.id)
    }

    /// Sends a report.
    pub async fn send(&self, report: &Value) -> Answer {
        self.caller.post(&self.path(), report.clone()).await
    }

    /// Sends a report that must be taken; gives the answer.
    pub async fn report(&self, report: &Value) -> Value {
        self.send(report).await.expect(202).json()
    }

    /// Sends bytes as a report.
    pub async fn send_bytes(&self, body: impl Into<bytes::Bytes>) -> Answer {
        let json = Some("application/json");
        self.caller.send_bytes(http::Method::POST, &self.path(), json, body).await
    }

    /// What would be stored of a report.
    pub async fn preview(&self, report: &Value) -> Value {
        self.caller.post(&format!("{}?dry_run=true", self.path()), report.clone()).await.ok()
    }

    /// Everything that the hub keeps of it.
    pub async fn own(&self) -> Value {
        self.caller.get("/api/v1/instances/self/telemetry").await.ok()
    }
}
