//! Streams that do not come whole, and streams that nobody waits for.

use hub_tests::fleet::{own_license_key, text};
use hub_tests::frames::{
    DATA, END_HEADERS, END_STREAM, Frame, Frames, GOAWAY, HEADERS, RST_STREAM, SETTINGS, frame,
    get, request,
};
use hub_tests::metrics::{Metrics, free_address};
use hub_tests::{Engine, Setup};
use serde_json::Value;

const VALIDATE: &str = "/api/v1/instances/validate";

/// The head of a validation whose body follows, or does not.
fn validation(stream: u32) -> Vec<u8> {
    let json = [("content-type", "application/json")];
    frame(HEADERS, END_HEADERS, stream, &request("POST", VALIDATE, &json))
}

/// The body of the answer on a stream.
fn body(said: &[Frame], stream: u32) -> Vec<u8> {
    let of_it = said.iter().filter(|frame| frame.kind == DATA && frame.stream == stream);
    of_it.flat_map(|frame| frame.payload.clone()).collect()
}

/// The frames until the stream has ended.
async fn until_ended(frames: &mut Frames, stream: u32) -> Vec<Frame> {
    let mut said = Vec::new();
    loop {
        let next = frames.next().await.unwrap_or_else(|| panic!("the hub closed after {said:?}"));
        let ends = next.stream == stream
            && (next.kind == RST_STREAM || next.kind != SETTINGS && next.flags & END_STREAM != 0);
        said.push(next);
        if ends {
            return said;
        }
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_answered_and_the_connection_goes_on() {
    let hub = Setup::on(Engine::Sqlite).over_tls().args(["--body-timeout", "500ms"]).start().await;
    let mut frames = Frames::open(&hub, &[]).await;
    frames.send(&validation(1)).await.unwrap();
    let said = until_ended(&mut frames, 1).await;
    let problem: Value = serde_json::from_slice(&body(&said, 1)).unwrap();
    assert_eq!(
        (problem["status"].as_u64(), text(&problem, "code").as_str()),
        (Some(408), "request_timeout")
    );
    frames.send(&get(3, "/healthz")).await.unwrap();
    let said = until_ended(&mut frames, 3).await;
    assert_eq!(body(&said, 3), b"{\"status\":\"ok\"}");
}

/// Whoever has shown no key gets no more work done by asking over one connection.
#[tokio::test]
async fn a_strangers_requests_are_answered_one_after_the_other() {
    let hub = Setup::on(Engine::Sqlite).over_tls().start().await;
    let mut frames = Frames::open(&hub, &[]).await;
    let license = format!("{{\"license_key\":\"{}\"}}", own_license_key(1));
    frames.send(&[validation(1), get(3, "/healthz")].concat()).await.unwrap();
    // The second waits for the first, whose body comes at last.
    frames.send(&frame(DATA, END_STREAM, 1, license.as_bytes())).await.unwrap();
    let said = until_ended(&mut frames, 3).await;
    let heads: Vec<u32> =
        said.iter().filter(|frame| frame.kind == HEADERS).map(|frame| frame.stream).collect();
    assert_eq!(heads, [1, 3]);
}

/// h2's own answer to what is far too long, and to more requests than are allowed at once.
#[tokio::test]
async fn what_passes_all_limits_is_refused_without_harm() {
    let hub = Setup::on(Engine::Sqlite).over_tls().start().await;
    let mut frames = Frames::open(&hub, &[]).await;
    let bodies: Vec<u8> = (0..110).flat_map(|n| validation(2 * n + 1)).collect();
    frames.send(&bodies).await.unwrap();
    let said = until_ended(&mut frames, 219).await;
    let refused: Vec<u32> =
        said.iter().filter(|frame| frame.kind == RST_STREAM).map(|frame| frame.stream).collect();
    assert_eq!(refused, (100..110).map(|n| 2 * n + 1).collect::<Vec<_>>(), "{said:?}");
    // REFUSED_STREAM: the client may send it again.
    assert!(said.iter().filter(|f| f.kind == RST_STREAM).all(|f| f.payload == [0, 0, 0, 7]));

    let mut frames = Frames::open(&hub, &[]).await;
    let long = "a".repeat(15_000);
    let one = request("GET", "/healthz", &[("x-a", &long)]);
    let more = request("GET", "/healthz", &[("x-b", &long), ("x-c", &long)])[..15_100].to_vec();
    frames.send(&frame(HEADERS, END_STREAM, 1, &one)).await.unwrap();
    for _ in 0..12 {
        // A hub that has closed takes no more.
        let _ = frames.send(&frame(0x9, 0, 1, &more)).await;
    }
    let said = frames.rest().await;
    assert!(said.iter().any(|frame| frame.kind == GOAWAY), "{said:?}");
}

/// A client that goes away leaves nothing behind: no work, no connection, no share.
#[tokio::test]
async fn whoever_goes_away_leaves_nothing_behind() {
    let address = free_address();
    let args = ["--metrics-listen", &address];
    let mut hub = Setup::on(Engine::Sqlite).over_tls().args(args).start().await;
    hub.client("acme").await;
    let instance = hub.reporter("acme", "acme-1").await;
    for n in 0..20 {
        let mut frames = Frames::open(&hub, &[]).await;
        let key = [("x-hub-api-key", instance.hub_key.as_str())];
        let all = (0..32).flat_map(|n| {
            let head = request("GET", "/api/v1/instances/self", &key);
            frame(HEADERS, END_STREAM | END_HEADERS, 2 * n + 1, &head)
        });
        let mut all: Vec<u8> = all.collect();
        if n % 2 == 0 {
            all.extend((0..16).flat_map(|n| frame(RST_STREAM, 0, 2 * n + 1, &[0, 0, 0, 8])));
        }
        frames.send(&all).await.unwrap();
        let _ = frames.next().await;
        drop(frames);
    }
    // The whole share is there again, and none of the connections.
    let caller = hub.instance(&instance.hub_key);
    while Metrics::read(&address).await.value("hubd_connections") != Some(0.0) {
        tokio::task::yield_now().await;
    }
    let all = futures_util::future::join_all((0..32).map(|_| caller.get("/api/v1/instances/self")));
    assert!(all.await.iter().all(|answer| answer.status == 200));
    assert!(hub.stop().success());
}
