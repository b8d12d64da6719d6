//! The server of PostgreSQL dies for good, and its partner, which is read-only at first, takes over.

use super::*;
use hub_tests::relay::Relay;

#[tokio::test(flavor = "multi_thread")]
async fn postgres_a_partner_takes_over() {
    let first = Cluster::start(Durability::Fsync);
    let relay = Relay::to(first.port()).await;
    let one = Setup::on(Engine::Postgres).start_over(&first, &relay).await;
    let partner = first.partner().await;
    let other = one.replica();
    let mut load = Load::on(vec![one, other]);
    load.meanwhile(async |hubs| {
        a_while().await;
        first.stop();
        relay.lead_to(partner.port());
        // Nothing is written to a partner that may have to follow again.
        let new = serde_json::json!({"name": "Refused"});
        for hub in hubs {
            let refused = hub.admin().post("/api/v1/admin/clients", new.clone()).await;
            refused.problem(503, "database_unavailable");
            hub.anonymous().get("/readyz").await.problem(503, "database_unavailable");
        }
        partner.promote();
    })
    .await;
    load.check().await;
}
