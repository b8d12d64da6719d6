//! Nobody stops the hub for others: while a stranger, an instance or an operator takes all that it can
//! get, nobody else is refused.

use std::sync::atomic::{AtomicU32, Ordering};

use hub_tests::Hub;
use hub_tests::fleet::{own_hub_key, sha256};
use hub_tests::reports::{Instance, report};
use serde_json::json;

#[path = "shares/connections.rs"]
mod connections;
#[path = "shares/heads.rs"]
mod heads;
#[path = "shares/instances.rs"]
mod instances;
#[path = "shares/postgres.rs"]
mod postgres;
#[path = "shares/strangers.rs"]
mod strangers;

const ACTIVATE: &str = "/api/v1/instances/activate";
const VALIDATE: &str = "/api/v1/instances/validate";
const SELF: &str = "/api/v1/instances/self";
const CLIENTS: &str = "/api/v1/admin/clients";
const WHOAMI: &str = "/api/v1/admin/whoami";
const PRIVACY: &str = "/api/v1/privacy";

/// Those who do nothing wrong: an instance, a bootstrap script, an operator, and a probe.
pub(crate) struct Innocents<'a> {
    hub: &'a Hub,
    instance: Instance,
    license: String,
    turns: AtomicU32,
}

impl<'a> Innocents<'a> {
    pub(crate) async fn of(hub: &'a Hub) -> Self {
        hub.client("innocent").await;
        let instance = hub.reporter("innocent", "innocent-1").await;
        let license = hub.issue("innocent", "innocent-2").await.license_key;
        Self { hub, instance, license, turns: AtomicU32::new(0) }
    }

    /// They do what they do, so many times, and nobody refuses them.
    pub(crate) async fn go_on(&self, times: u32) {
        for _ in 0..times {
            let n = self.turns.fetch_add(1, Ordering::Relaxed);
            self.probe().await;
            self.hub.use_key(&self.instance.hub_key).await;
            self.instance.report(&report()).await;
            self.bootstrap(n).await;
            self.operate(n).await;
        }
    }

    async fn probe(&self) {
        for path in ["/healthz", "/readyz", "/version"] {
            self.hub.anonymous().get(path).await.expect(200).done();
        }
    }

    async fn bootstrap(&self, n: u32) {
        let license = json!({"license_key": self.license});
        self.hub.anonymous().post(VALIDATE, license).await.expect(200).done();
        let own = own_hub_key(1_000 + n);
        let body = json!({"license_key": self.license, "hub_key_sha256": sha256(&own)});
        self.hub.anonymous().post(ACTIVATE, body).await.expect(200).done();
        self.hub.use_key(&own).await;
    }

    async fn operate(&self, n: u32) {
        let id = format!("innocent-of-{n}");
        self.hub.issue("innocent", &id).await;
        self.hub.act(&id, "suspend", json!({})).await;
        self.hub.act(&id, "reactivate", json!({})).await;
        self.hub.admin().get("/api/v1/admin/instances").await.expect(200).done();
    }
}
