//! PostgreSQL as people run it: behind PgBouncer, by TLS, with a partner that takes over.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use futures_util::future::join_all;
use hub_tests::metrics::{Metrics, free_address};
use hub_tests::pgbouncer::Pooler;
use hub_tests::postgres::{Cluster, Durability, shared};
use hub_tests::reports::report;
use hub_tests::{Engine, Hub, Setup};

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

/// Makes a certificate for this name, by openssl.
fn certify(folder: &Path, name: &str) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-days", "2", "-nodes", "-newkey", "ec", "-pkeyopt"])
        .args(["ec_paramgen_curve:prime256v1", "-subj", &format!("/CN={name}")])
        .args(["-addext", &format!("subjectAltName = DNS:{name}")])
        .args(["-addext", "basicConstraints = critical, CA:FALSE"])
        .args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem")])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// With `verify-full` the hub talks to the server that the certificate names, and to no other.
#[tokio::test]
async fn postgres_by_tls() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["localhost", "elsewhere"] {
        certify(folder.path(), name);
    }
    let file = |name: &str| folder.path().join(name);
    let cluster = Cluster::start(Durability::Fast);
    cluster.speak_tls(&file("localhost.pem"), &file("localhost.key")).await;
    let url = |own: &str, root: &str| {
        let own = own.replace("127.0.0.1", "localhost");
        format!("{own}?sslmode=verify-full&sslrootcert={}", file(root).display())
    };
    let setup = Setup::on(Engine::Postgres);
    let mut hub = setup.start_at(&cluster, |own| url(own, "localhost.pem")).await;
    hub.client("acme").await;
    let open = "SELECT COUNT(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                WHERE application_name = 'hubd' AND NOT ssl";
    assert_eq!(hub.sql().await.number(open).await, 0, "every connection is by TLS");
    assert!(!hub.log().contains("TLS is not required"));
    assert!(hub.stop().success());

    let own = hub.database_url();
    hub.set_database(&url(&own, "elsewhere.pem"));
    let (status, said) = hub.launch_refused();
    assert!(!status.success() && said.to_lowercase().contains("certificate"), "{said}");
    cluster.speak_tls(&file("elsewhere.pem"), &file("elsewhere.key")).await;
    let (status, said) = hub.launch_refused();
    assert!(!status.success() && said.contains("not valid for name"), "another name: {said}");
}

/// A server on another machine may be overheard; the hub says so.
#[tokio::test]
async fn postgres_in_the_clear_elsewhere_is_warned_of() {
    let mut hub = Hub::postgres().await;
    assert!(!hub.log().contains("TLS is not required"), "it is on this machine");
    assert!(hub.stop().success());
    hub.set_database("postgres://hub@db.invalid/hub");
    let (status, said) = hub.launch_refused();
    assert!(!status.success() && said.contains("TLS is not required"), "{said}");
}

/// It would take as long each time, and a connection that no other read can have.
#[tokio::test]
async fn postgres_a_read_that_takes_too_long_is_not_begun_anew() {
    let address = free_address();
    let setup = Setup::on(Engine::Postgres).args(["--metrics-listen", &address]);
    let hub = setup.start().await;
    hub.client("acme").await;
    hub.reporter("acme", "acme-1").await.report(&report()).await;
    let slow = "ALTER TABLE count_hour RENAME TO kept; \
        CREATE VIEW count_hour AS SELECT kept.* FROM kept, pg_sleep(8)";
    hub.sql().await.script(slow).await;
    let answer = hub.admin().get("/api/v1/admin/telemetry/counts").await;
    answer.problem(503, "database_unavailable");
    let ended = "hubd_database_errors_total{kind=\"timeout\"}";
    assert_eq!(Metrics::read(&address).await.value(ended), Some(1.0));
}
