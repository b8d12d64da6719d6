//! Requests to the hub, and to a bare hyper server that answers as many bytes.

use std::time::Duration;

use hub_tests::bare::Bare;
use hub_tests::load::{Load, Request};
use hub_tests::reports::report;
use hub_tests::workload::{INSTANCES, Workload};
use hub_tests::{Hub, cpu};
use serde_json::json;

/// A kind of request.
pub(crate) struct Kind {
    pub(crate) what: &'static str,
    requests: Vec<Request>,
    /// Bytes in the body of its answer.
    pub(crate) answer: usize,
}

/// What became of many requests.
#[derive(Clone, Copy)]
pub(crate) struct Served {
    pub(crate) per_second: f64,
    /// CPU time of one, in the server and in its client.
    pub(crate) cpu: Duration,
    pub(crate) failed: usize,
}

/// Activations, reports, checks, single instances and lists.
pub(crate) async fn kinds(hub: &Hub, work: Workload) -> [Kind; 5] {
    const ACTIVATE: &str = "/api/v1/instances/activate";
    const SELF: &str = "/api/v1/instances/self";
    const LIST: &str = "/api/v1/admin/instances?limit=50";
    let license = hub.issue("bench", "bench-sample").await.license_key;
    let instance = hub.reporter("bench", "reporter-sample").await;
    let (anonymous, admin) = (hub.anonymous(), hub.admin());
    let path = |n: usize| format!("/api/v1/admin/instances/bench-{n}");
    let answers = [
        anonymous.post(ACTIVATE, json!({ "license_key": license })).await.expect(200),
        instance.send(&report()).await.expect(202),
        hub.instance(&instance.hub_key).get(SELF).await.expect(200),
        admin.get(&path(0)).await.expect(200),
        admin.get(LIST).await.expect(200),
    ];
    let [activation, reply, check, one, page] = answers.map(|answer| answer.body.len());

    let key = format!("x-admin-api-key: {}\r\n", hub.admin_key());
    let shows = (0..INSTANCES).map(|n| Request::get(&path(n), &key)).collect();
    let kind = |what, requests, answer| Kind { what, requests, answer };
    [
        kind("activation", work.activations, activation),
        kind("report", work.reports, reply),
        kind("self", work.checks, check),
        kind("instance", shows, one),
        kind("list of 50", vec![Request::get(LIST, &key)], page),
    ]
}

/// Sends the requests to a bare server, and to the hub.
pub(crate) async fn side_by_side(
    hub: &Hub,
    kind: &Kind,
    clients: usize,
    lasting: Duration,
) -> (Served, Served) {
    let load = Load { clients, lasting };
    let server = Bare::start(kind.answer);
    let bare = send(load, kind, server.address(), server.pid()).await;
    drop(server);
    (bare, send(load, kind, hub.address(), hub.pid()).await)
}

async fn send(load: Load, kind: &Kind, address: &str, pid: u32) -> Served {
    let used = || cpu::of_process(pid) + cpu::of_process(std::process::id());
    let before = used();
    let done = load.run(address, &kind.requests).await;
    let all = u32::try_from(done.answered() + done.failed).expect("fewer than four billion");
    Served {
        per_second: done.per_second(),
        cpu: used().saturating_sub(before) / all.max(1),
        failed: done.failed,
    }
}
