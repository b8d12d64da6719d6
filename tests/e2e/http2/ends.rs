//! How a connection ends: deadlines, making room, and a hub that stops.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use http::Method;
use hub_tests::frames::{
    CONTINUATION, END_HEADERS, Frame, Frames, GOAWAY, HEADERS, PING, frame, get, preface, request,
};
use hub_tests::reports::report;
use hub_tests::{Engine, Hub, Setup, both_stores};
use tokio::time::{Duration, sleep};

both_stores!(a_stop_loses_no_report, what_is_in_progress_at_a_stop_is_answered);

/// A hub with these arguments.
async fn hub(args: &[&str]) -> Hub {
    Setup::on(Engine::Sqlite).over_tls().args(args.iter().copied()).start().await
}

/// Whether the hub said that it closes without a fault of the peer.
fn is_told(said: &[Frame]) -> bool {
    said.iter().any(|frame| frame.kind == GOAWAY && frame.payload[4..8] == [0; 4])
}

#[tokio::test]
async fn heads_that_do_not_end_are_not_waited_for() {
    let hub = hub(&["--head-timeout", "500ms", "--idle-timeout", "1h"]).await;
    let head = request("GET", "/healthz", &[]);
    let begun = frame(HEADERS, 1, 1, &head[..4]);
    let continued = [&begun[..], &frame(CONTINUATION, 0, 1, &head[4..9])].concat();
    let whole = frame(HEADERS, END_HEADERS | 1, 1, &head);
    for (what, bytes) in [
        ("nothing", vec![]),
        ("half a preface", preface(&[])[..12].to_vec()),
        ("a preface and no request", preface(&[])),
        ("a head without its end", [preface(&[]), begun].concat()),
        ("a head that goes on", [preface(&[]), continued].concat()),
        ("half a frame", [preface(&[]), whole[..20].to_vec()].concat()),
        ("half a head of a frame", [preface(&[]), whole[..5].to_vec()].concat()),
        (
            "half a PING",
            [preface(&[]), whole.clone(), frame(PING, 0, 0, &[0; 8])[..12].to_vec()].concat(),
        ),
    ] {
        let mut frames = Frames::silent(&hub).await;
        frames.send(&bytes).await.unwrap();
        let said = frames.rest().await;
        assert!(bytes.len() < 24 || is_told(&said), "{what}: {said:?}");
    }
    // A head that comes in pieces in time is answered.
    let mut frames = Frames::open(&hub, &[]).await;
    for byte in &whole {
        frames.send(&[*byte]).await.unwrap();
    }
    while frames.next().await.unwrap().kind != HEADERS {}
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_pings_do_not_keep_it() {
    let hub = hub(&["--idle-timeout", "700ms"]).await;
    let mut frames = Frames::open(&hub, &[]).await;
    frames.send(&get(1, "/healthz")).await.unwrap();
    assert!(is_told(&frames.rest().await));

    let mut frames = Frames::open(&hub, &[]).await;
    frames.send(&get(1, "/healthz")).await.unwrap();
    frames.ping_until_closed().await;
}

#[tokio::test]
async fn the_connection_that_is_idle_for_longest_makes_room() {
    let hub = hub(&["--max-connections", "3"]).await;
    let mut idle = Vec::new();
    for _ in 0..3 {
        let mut frames = Frames::open(&hub, &[]).await;
        frames.send(&get(1, "/healthz")).await.unwrap();
        while frames.next().await.unwrap().kind != HEADERS {}
        idle.push(frames);
    }
    let mut next = Frames::open(&hub, &[]).await;
    next.send(&get(1, "/healthz")).await.unwrap();
    while next.next().await.unwrap().kind != HEADERS {}
    assert!(is_told(&idle.remove(0).rest().await), "the first has gone");
    for frames in &mut idle {
        frames.send(&get(3, "/healthz")).await.unwrap();
        while frames.next().await.unwrap().kind != HEADERS {}
    }
}

#[tokio::test]
async fn a_stranger_beyond_the_limit_of_its_address_is_told_and_closed() {
    let hub = hub(&["--address-connections", "1"]).await;
    let mut first = Frames::open(&hub, &[]).await;
    first.send(&get(1, "/healthz")).await.unwrap();
    while first.next().await.unwrap().kind != HEADERS {}
    let mut beyond = Frames::open(&hub, &[]).await;
    beyond.send(&get(1, "/api/v1/privacy")).await.unwrap();
    let said = beyond.rest().await;
    let body = said.iter().find(|frame| frame.kind == 0).expect("an answer");
    assert!(String::from_utf8_lossy(&body.payload).contains("rate_limited"));
    assert!(is_told(&said));
    // Who shows a key is let in.
    hub.admin().get("/api/v1/admin/clients").await.expect(200).done();
}

#[tokio::test]
async fn idle_connections_and_half_heads_do_not_delay_a_stop() {
    let mut hub = hub(&[]).await;
    let mut idle = Frames::open(&hub, &[]).await;
    idle.send(&get(1, "/healthz")).await.unwrap();
    while idle.next().await.unwrap().kind != HEADERS {}
    // This one does not even say that it has heard.
    let mut deaf = Frames::open(&hub, &[]).await;
    deaf.send(&get(1, "/healthz")).await.unwrap();
    let stopping = tokio::task::spawn_blocking(move || {
        assert!(hub.stop().success());
        hub.log()
    });
    assert!(is_told(&idle.rest().await));
    let log = stopping.await.unwrap();
    assert!(log.contains("\"message\":\"stopped\""), "{log}");
    drop(deaf);
}

/// What was answered is stored, and nothing else: no request is taken and then left.
async fn a_stop_loses_no_report(setup: Setup) {
    let mut hub = setup.any_number_of_requests().over_tls().start().await;
    hub.client("acme").await;
    let instances = [hub.reporter("acme", "acme-1").await, hub.reporter("acme", "acme-2").await];
    let (path, stopping) =
        (|id: &str| format!("/api/v1/instances/{id}/telemetry"), AtomicBool::new(false));
    let (hub_base, authority) = (hub.base().to_owned(), hub.authority().clone());
    let workers = instances.iter().flat_map(|instance| (0..16).map(move |_| instance));
    let workers = workers.map(|instance| {
        let caller = hub_tests::http::Caller::trusting(&hub_base, &authority);
        let caller = caller.header("x-hub-api-key", &instance.hub_key);
        let (path, stopping) = (path(&instance.id), &stopping);
        async move {
            let mut taken = 0;
            loop {
                let body = report().to_string().into();
                let sent = caller.try_send(Method::POST, &path, Some("application/json"), body);
                match sent.await {
                    Ok(answer) => {
                        taken += u64::from(answer.expect(202).json()["duplicate"] == false);
                    }
                    Err(_) if stopping.load(Ordering::Relaxed) => return taken,
                    Err(error) => panic!("no answer before the stop: {error:?}"),
                }
            }
        }
    });
    let stop = async {
        sleep(Duration::from_millis(300)).await;
        stopping.store(true, Ordering::Relaxed);
        tokio::task::spawn_blocking(move || {
            assert!(hub.stop().success());
            hub
        })
        .await
        .unwrap()
    };
    let (taken, mut hub) = tokio::join!(join_all(workers), stop);
    let answered = taken.iter().sum::<u64>();
    hub.launch();
    let usage = hub.usage("tools").await;
    assert!(answered > 0);
    assert_eq!(usage["items"][0]["calls"].as_u64(), Some(12 * answered));
}

/// Reports wait for the database, in many streams of one connection, when the hub is told to stop.
async fn what_is_in_progress_at_a_stop_is_answered(setup: Setup) {
    let mut hub = setup.over_tls().start().await;
    hub.client("acme").await;
    let instance = hub.reporter("acme", "acme-1").await;
    instance.report(&report()).await;
    let mut holder = hub.sql().await;
    let lock = match hub.engine() {
        Engine::Sqlite => "BEGIN IMMEDIATE",
        Engine::Postgres => "BEGIN; LOCK TABLE instances IN EXCLUSIVE MODE",
    };
    holder.script(lock).await;
    let reports = join_all((0..20).map(|_| async { instance.report(&report()).await }));
    let stopped = async {
        // A stream of the same connection that is answered later began later.
        instance.send_bytes("{").await.problem(400, "invalid_json");
        let log = hub.log_path();
        let stopping = tokio::task::spawn_blocking(move || hub.stop());
        while !std::fs::read_to_string(&log).unwrap().contains("stopping") {
            sleep(Duration::from_millis(5)).await;
        }
        holder.script("COMMIT").await;
        stopping.await.unwrap()
    };
    let (reports, stopped) = tokio::join!(reports, stopped);
    assert!(stopped.success());
    assert!(reports.iter().all(|taken| taken["duplicate"] == false));
}
