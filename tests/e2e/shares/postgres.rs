//! PostgreSQL: changes that wait for each other take no connection from those who only read, and a server
//! that has no connection left is waited for.

use futures_util::future::join_all;
use hub_tests::{Engine, Hub, Setup};
use serde_json::json;

use super::{CLIENTS, SELF, VALIDATE};

/// What every audited change locks first.
const LOCK: &str = "BEGIN; SELECT seq FROM audit_head WHERE id = 1 FOR UPDATE";
const WAITING: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = 'hubd' \
    AND datname = current_database() AND wait_event_type = 'Lock'";

#[tokio::test]
async fn waiting_changes_leave_connections_for_reads() {
    for connections in ["10", "4", "2"] {
        let hub = Setup::on(Engine::Postgres).args(["--database-connections", connections]);
        reads_go_on(&hub.start().await).await;
    }
}

async fn reads_go_on(hub: &Hub) {
    hub.client("acme").await;
    let license = hub.issue("acme", "acme-1").await.license_key;
    let unused = hub.hub_key(&license).await;
    let (mut holder, mut watcher) = (hub.sql().await, hub.sql().await);
    holder.script(LOCK).await;
    let changes = (0..40).map(|n| async move {
        let new = json!({"name": "New", "slug": format!("new-{n}")});
        hub.admin().post(CLIENTS, new).await.expect(201).done();
    });
    let meanwhile = async {
        while watcher.number(WAITING).await == 0 {
            tokio::task::yield_now().await;
        }
        for _ in 0..5 {
            hub.anonymous().get("/readyz").await.expect(200).done();
            hub.instance(&unused).get(SELF).await.expect(200).done();
            hub.admin().get(CLIENTS).await.expect(200).done();
            hub.admin().get("/api/v1/admin/instances/acme-1").await.expect(200).done();
            let body = json!({"license_key": license});
            hub.anonymous().post(VALIDATE, body).await.expect(200).done();
        }
        holder.script("COMMIT").await;
    };
    tokio::join!(join_all(changes), meanwhile);
}

#[tokio::test]
async fn a_server_without_connections_is_busy_and_the_hub_recovers() {
    let first = Setup::on(Engine::Postgres).start().await;
    let mut sql = first.sql().await;
    // Superusers may pass the limit.
    sql.script(
        "CREATE ROLE guest LOGIN; GRANT ALL ON SCHEMA public TO guest; \
         GRANT ALL ON ALL TABLES IN SCHEMA public TO guest; \
         GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO guest",
    )
    .await;
    let url = first.database_url().replace("hub@", "guest@");
    let hub = first.launched_on(&url, first.admin_key());
    hub.client("acme").await;
    let hub_key = hub.hub_key(&hub.issue("acme", "acme-1").await.license_key).await;
    sql.script(
        "ALTER ROLE guest CONNECTION LIMIT 0; \
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'guest'",
    )
    .await;
    let new = json!({"name": "New", "slug": "new"});
    for answer in [
        hub.admin().post(CLIENTS, new.clone()).await,
        hub.admin().get(CLIENTS).await,
        hub.instance(&hub_key).get(SELF).await,
        hub.anonymous().get("/readyz").await,
    ] {
        assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
        answer.problem(503, "overloaded");
    }
    hub.anonymous().get("/healthz").await.expect(200).done();
    sql.script("ALTER ROLE guest CONNECTION LIMIT -1").await;
    hub.admin().post(CLIENTS, new).await.expect(201).done();
    hub.admin().get(CLIENTS).await.expect(200).done();
    hub.instance(&hub_key).get(SELF).await.expect(200).done();
}
