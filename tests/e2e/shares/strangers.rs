//! Strangers: whoever has shown no key.

use hub_tests::crowd::{Crowd, Flood};
use hub_tests::load::Request;
use hub_tests::postgres::{Cluster, Durability};
use hub_tests::workload::activation_body;
use hub_tests::{Engine, Hub, Setup, both_stores};

use super::{ACTIVATE, Innocents, PRIVACY, SELF, WHOAMI};

both_stores!(
    bodies_that_do_not_come_hold_up_nobody,
    wrong_admin_keys_hold_up_nobody,
    wrong_keys_of_instances_hold_up_nobody,
    what_is_told_to_everybody_holds_up_nobody
);

/// Less room than the crowds of these stories would need, for work and in queues.
fn narrow(setup: Setup) -> Setup {
    setup
        .args(["--max-public-requests", "32", "--max-admin-requests", "8", "--queue", "128"])
        .any_number_of_guesses()
}

fn activate() -> Request {
    Request::post(ACTIVATE, "", &activation_body("lb_inst_00000000000000000000000000000000"))
}

async fn bodies_that_do_not_come_hold_up_nobody(setup: Setup) {
    let hub = narrow(setup).start().await;
    let innocents = Innocents::of(&hub).await;
    let all = activate();
    let (_last, most) = all.bytes().split_last().unwrap();
    let _waiting = Crowd::of(900, "127.0.0.2", hub.address(), most).await;
    innocents.go_on(10).await;
}

async fn wrong_admin_keys_hold_up_nobody(setup: Setup) {
    let hub = narrow(setup).start().await;
    let innocents = Innocents::of(&hub).await;
    let key = "X-Admin-Api-Key: lb_admin_00000000000000000000000000000000\r\n";
    let flood = Flood::of(300, "127.0.0.2", hub.address(), &Request::get(WHOAMI, key));
    flood.answered(300).await;
    innocents.go_on(10).await;
    assert!(flood.statuses().keys().all(|status| *status == 401), "{:?}", flood.statuses());
}

async fn wrong_keys_of_instances_hold_up_nobody(setup: Setup) {
    let hub = narrow(setup).start().await;
    let innocents = Innocents::of(&hub).await;
    let key = "X-Hub-Api-Key: hk_000000000000000000000000\r\n";
    let floods = [
        Flood::of(200, "127.0.0.2", hub.address(), &Request::get(SELF, key)),
        Flood::of(200, "127.0.0.3", hub.address(), &activate()),
    ];
    for flood in &floods {
        flood.answered(200).await;
    }
    innocents.go_on(10).await;
}

async fn what_is_told_to_everybody_holds_up_nobody(setup: Setup) {
    let hub = narrow(setup).args(few_connections()).start().await;
    let innocents = Innocents::of(&hub).await;
    let floods = [PRIVACY, "/readyz"]
        .map(|path| Flood::of(200, "127.0.0.2", hub.address(), &Request::get(path, "")));
    for flood in &floods {
        flood.answered(200).await;
    }
    innocents.go_on(10).await;
    for flood in &floods {
        assert_eq!(flood.statuses().into_keys().collect::<Vec<_>>(), [200]);
    }
}

fn few_connections() -> [&'static str; 2] {
    ["--database-connections", "4"]
}

/// Each of many requests fails, and the log says so once and then how many more.
#[tokio::test]
async fn postgres_failures_that_strangers_cause_do_not_fill_the_log() {
    let cluster = Cluster::start(Durability::Fast);
    let hub = Setup::on(Engine::Postgres).start_in(&cluster).await;
    cluster.stop();
    let lines = hub.log().lines().count();
    let flood = Flood::of(100, "127.0.0.2", hub.address(), &Request::get(PRIVACY, ""));
    flood.answered(500).await;
    assert_eq!(flood.statuses().into_keys().collect::<Vec<_>>(), [503]);
    let more = hub.log().lines().count() - lines;
    assert!(more < 20, "{more} lines for {:?}", flood.statuses());
    hub.anonymous().get("/readyz").await.problem(503, "database_unavailable");
    hub.anonymous().get("/healthz").await.expect(200).done();
}

/// Whoever is limited learns for how long, and a valid key from the same address is never refused.
#[tokio::test]
async fn sqlite_a_limited_address_is_limited_for_wrong_keys_alone() {
    let hub = Hub::sqlite().await;
    let innocents = Innocents::of(&hub).await;
    let key = "X-Admin-Api-Key: lb_admin_00000000000000000000000000000000\r\n";
    let flood = Flood::of(100, "127.0.0.1", hub.address(), &Request::get(WHOAMI, key));
    flood.answered(200).await;
    innocents.go_on(5).await;
    let statuses = flood.statuses();
    assert!(statuses[&401] <= 30 && statuses[&429] > 100, "{statuses:?}");
}
