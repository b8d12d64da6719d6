//! What the benchmarks send: activations, hub-key checks and reports of many instances.

use std::time::Duration;

use hub_core::redact::Listed;
use serde_json::json;

use crate::load::{Request, UNIQUE};
use crate::{Hub, clock};

/// Instances that requests are spread over.
pub const INSTANCES: usize = 500;

/// Requests of each kind, one for each instance.
#[derive(Debug)]
pub struct Workload {
    /// `POST …/activate`.
    pub activations: Vec<Request>,
    /// `GET …/self`.
    pub checks: Vec<Request>,
    /// `POST …/telemetry`.
    pub reports: Vec<Request>,
}

impl Workload {
    /// Issues the instances: `bench-0` and so on activate, `reporter-0` and so on report, because an
    /// activation replaces the hub key.
    pub async fn issue(hub: &Hub) -> Self {
        hub.client("bench").await;
        hub.list_names(&TOOLS, &["TIMEOUT"], &["agents_online"]).await;
        let (mut activations, mut checks, mut reports) = (Vec::new(), Vec::new(), Vec::new());
        let report = report_body();
        for n in 0..INSTANCES {
            let issued = hub.issue("bench", &format!("bench-{n}")).await;
            let hub_key = hub.hub_key(&issued.license_key).await;
            hub.use_key(&hub_key).await;
            let body = activation_body(&issued.license_key);
            activations.push(Request::post("/api/v1/instances/activate", "", &body));
            let key = format!("x-hub-api-key: {hub_key}\r\n");
            checks.push(Request::get("/api/v1/instances/self", &key));
            let id = format!("reporter-{n}");
            let issued = hub.issue("bench", &id).await;
            let key = format!("x-hub-api-key: {}\r\n", hub.hub_key(&issued.license_key).await);
            let path = format!("/api/v1/instances/{id}/telemetry");
            reports.push(Request::post(&path, &key, &report));
        }
        Self { activations, checks, reports }
    }
}

/// The body of an activation.
#[must_use]
pub fn activation_body(license_key: &str) -> String {
    json!({ "license_key": license_key }).to_string()
}

/// The tools of the report.
pub const TOOLS: [&str; 5] = ["tool.a", "tool.b", "tool.c", "tool.d", "tool.e"];

/// The catalogue that lists the names of the report.
#[must_use]
pub fn listed() -> Listed {
    Listed {
        version: 1,
        tools: (1..).zip(TOOLS.map(|name| name.parse().expect("a name"))).collect(),
        codes: [(1, "TIMEOUT".parse().expect("a name"))].into_iter().collect(),
        counts: [(1, "agents_online".parse().expect("a name"))].into_iter().collect(),
    }
}

/// A report of 5 tools with 20 durations each.
#[must_use]
pub fn report_body() -> String {
    let tool = |(n, name): (u64, &str)| {
        let durations: Vec<u64> = (1..=20).map(|d| d * d * (n + 3)).collect();
        json!({"name": name, "calls": 20 + n,
            "errors": {"TIMEOUT": n}, "durations_ms": durations})
    };
    let now = clock::ago(Duration::ZERO);
    let tools: Vec<_> = (0..).zip(TOOLS).map(tool).collect();
    json!({"report_id": format!("0191d6a0-0000-7000-8000-{UNIQUE}"), "window_start": now,
        "window_end": now, "tools": tools, "counts": {"agents_online": 3}})
    .to_string()
}
