//! PostgreSQL as people run it: behind PgBouncer, by TLS, with a partner that takes over.

use std::sync::Arc;

use futures_util::future::join_all;
use hub_tests::pgbouncer::Pooler;
use hub_tests::postgres::shared;
use hub_tests::{Engine, Setup};

/// Transaction mode: many connections of two hubs share four of the server, and each transaction may get
/// another one. Nothing that the hub needs lives longer than a transaction.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_behind_pgbouncer() {
    let Some(pooler) = Pooler::start(shared()) else { return };
    let setup = Setup::on(Engine::Postgres).args(["--pgbouncer"]);
    let hub = Arc::new(setup.start_behind(&pooler).await);
    let replica = Arc::new(hub.replica());
    hub.client("acme").await;
    let work = (0..64).map(|n| {
        let hub = Arc::clone(if n % 2 == 0 { &hub } else { &replica });
        tokio::spawn(async move {
            let issued = hub.issue("acme", &format!("acme-{n}")).await;
            let key = hub.hub_key(&issued.license_key).await;
            for _ in 0..5 {
                hub.instance(&key).get("/api/v1/instances/self").await.expect(200).done();
            }
        })
    });
    for done in join_all(work).await {
        done.unwrap();
    }
    let stats = hub.admin().get("/api/v1/admin/stats").await.ok();
    assert_eq!(stats["instances"]["total"], 64, "{stats}");
    let verdict = replica.admin().get("/api/v1/admin/audit/verify").await.ok();
    assert_eq!(verdict["ok"], true, "{verdict}");
    // No statement stays behind on a connection that others use, and no setting of a transaction.
    for log in [hub.log(), replica.log()] {
        for level in ["\"level\":\"ERROR\"", "prepared statement", "database failed"] {
            assert!(!log.contains(level), "{level}: {log}");
        }
    }
    let (code, said, fault) = hub.run(&["check"]);
    assert_eq!(code, 0, "{said}{fault}");
}
