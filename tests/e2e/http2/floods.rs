//! Floods of frames: the innocent are answered meanwhile, and the hub's memory stays as it was.

use hub_tests::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, PING, PRIORITY, RST_STREAM,
    SETTINGS, WINDOW_UPDATE, frame, get, request,
};
use hub_tests::{Engine, Hub, Setup};

use crate::shares::Innocents;

/// How much memory a flood may cost: far less than it sends.
const MOST: usize = 48 << 20;
/// How many connections flood at once.
const CONNECTIONS: usize = 4;
/// How often each sends its bytes, unless the hub closes it first.
const TIMES: usize = 1_000_000;

/// `ENHANCE_YOUR_CALM` (RFC 9113 §7).
const CALM: u32 = 0xb;

/// What the log says of a flood.
const SAID: &str = "floods the hub with frames";

async fn hub() -> Hub {
    Setup::on(Engine::Sqlite).any_number_of_guesses().over_tls().start().await
}

/// How a flood ended.
struct Ended {
    /// The error codes that the hub said.
    codes: Vec<Option<u32>>,
    log: String,
}

/// Floods the hub from several connections, each with these frames after some others, while the innocent go
/// on. Each must be closed before it has sent them all.
async fn is_ended(
    first: &[u8],
    again: impl Fn(usize) -> Vec<u8> + Clone + Send + 'static,
) -> Ended {
    let hub = hub().await;
    let innocents = Innocents::of(&hub).await;
    innocents.go_on(2).await;
    let before = hub.memory("VmRSS");
    let mut floods = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut frames = Frames::open(&hub, &[]).await;
        frames.send(first).await.unwrap();
        floods.push(tokio::spawn(frames.flood(TIMES, again.clone())));
    }
    innocents.go_on(10).await;
    let mut codes = Vec::new();
    for flood in floods {
        let flooded = flood.await.unwrap();
        assert!(flooded.taken < TIMES, "the hub took everything");
        codes.push(flooded.closed().await);
    }
    innocents.go_on(2).await;
    let most = hub.memory("VmHWM");
    assert!(most < before + MOST, "{} MiB, then {} MiB", before >> 20, most >> 20);
    Ended { codes, log: hub.log() }
}

fn stream(n: usize) -> u32 {
    u32::try_from(2 * n + 1).unwrap()
}

/// CVE-2023-44487.
#[tokio::test]
async fn rapid_resets() {
    let reset = |n: usize| {
        [get(stream(n), "/api/v1/privacy"), frame(RST_STREAM, 0, stream(n), &[0, 0, 0, 8])].concat()
    };
    let ended = is_ended(&[], reset).await;
    assert!(ended.log.contains(SAID), "{}", ended.log);
}

/// The same in bunches that h2 does not take for a flood.
#[tokio::test]
async fn resets_in_small_bunches() {
    let reset = |n: usize| {
        let own = stream(n);
        let mut both = get(own, "/api/v1/privacy");
        if n >= 16 {
            both.extend(frame(RST_STREAM, 0, own - 32, &[0, 0, 0, 8]));
        }
        both
    };
    let _ = is_ended(&[], reset).await;
}

/// CVE-2024-27316.
#[tokio::test]
async fn continuations() {
    let head = request("GET", "/healthz", &[]);
    let first = frame(HEADERS, END_STREAM, 1, &head);
    let more = request("GET", "/", &[("x-a", &"a".repeat(4_000))])[40..].to_vec();
    let _ = is_ended(&first, move |_| frame(CONTINUATION, 0, 1, &more)).await;
    let codes = is_ended(&first, |_| frame(CONTINUATION, 0, 1, &[])).await.codes;
    assert!(codes.iter().all(|code| code.is_none_or(|code| code == CALM)), "{codes:?}");
}

/// CVE-2019-9518.
#[tokio::test]
async fn empty_bodies_that_do_not_end() {
    let json = [("content-type", "application/json")];
    let head = request("POST", "/api/v1/instances/validate", &json);
    let first = frame(HEADERS, END_HEADERS, 1, &head);
    let _ = is_ended(&first, |_| frame(DATA, 0, 1, &[])).await;
}

/// CVE-2019-9512, CVE-2019-9515, and what h2 does nothing about either.
#[tokio::test]
async fn frames_that_carry_nothing() {
    let ping = frame(PING, 0, 0, &[7; 8]);
    let settings = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0x40, 0]);
    let priority = frame(PRIORITY, 0, 1, &[0, 0, 0, 3, 16]);
    let window = frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]);
    let unknown = frame(0xbb, 0, 0, &[0; 100]);
    for bytes in [ping, settings, priority, window, unknown] {
        let ended = is_ended(&get(1, "/healthz"), move |_| bytes.clone()).await;
        assert_eq!(ended.log.matches(SAID).count(), 1, "once a minute: {}", ended.log);
    }
}

/// CVE-2019-9517 and CVE-2019-9511: requests whose answers nobody takes.
#[tokio::test]
async fn answers_that_nobody_takes() {
    let hub = hub().await;
    let innocents = Innocents::of(&hub).await;
    innocents.go_on(2).await;
    let before = hub.memory("VmRSS");
    let all: Vec<u8> = (0..32).flat_map(|n| get(stream(n), "/openapi.json")).collect();
    let mut stalled = Vec::new();
    // No room for a byte of a body.
    let closed = [(4, 0)];
    for _ in 0..100 {
        let mut frames = Frames::open(&hub, &closed).await;
        frames.send(&all).await.unwrap();
        while frames.next().await.unwrap().kind != HEADERS {}
        stalled.push(frames);
    }
    innocents.go_on(10).await;
    let most = hub.memory("VmHWM");
    assert!(most < before + MOST, "{} MiB, then {} MiB", before >> 20, most >> 20);
    drop(stalled);
}

/// Strangers whose requests wait behind one that does not come whole.
#[tokio::test]
async fn requests_that_wait() {
    let setup = Setup::on(Engine::Sqlite).any_number_of_guesses().over_tls();
    let hub = setup.args(["--body-timeout", "1m"]).start().await;
    let innocents = Innocents::of(&hub).await;
    innocents.go_on(2).await;
    let before = hub.memory("VmRSS");
    let json = [("content-type", "application/json")];
    let never = request("POST", "/api/v1/instances/validate", &json);
    let wide = request("GET", "/healthz", &[("x-a", "abc"); 30]);
    let mut all = frame(HEADERS, END_HEADERS, 1, &never);
    all.extend((1..100).flat_map(|n| frame(HEADERS, END_STREAM | END_HEADERS, stream(n), &wide)));
    let mut waiting = Vec::new();
    for _ in 0..400 {
        let mut frames = Frames::open(&hub, &[]).await;
        frames.send(&all).await.unwrap();
        waiting.push(frames);
    }
    innocents.go_on(5).await;
    let most = hub.memory("VmHWM");
    assert!(most < before + (144 << 20), "{} MiB, then {} MiB", before >> 20, most >> 20);
    drop(waiting);
}

/// A connection may not have many long heads open.
#[tokio::test]
async fn heads_that_wait() {
    let setup = Setup::on(Engine::Sqlite).over_tls().args(["--body-timeout", "1m"]);
    let hub = setup.start().await;
    let json = [("content-type", "application/json")];
    let never = request("POST", "/api/v1/instances/validate", &json);
    let long = request("GET", "/healthz", &[("x-a", &"a".repeat(15_000))]);
    let mut frames = Frames::open(&hub, &[]).await;
    let mut all = frame(HEADERS, END_HEADERS, 1, &never);
    all.extend((1..12).flat_map(|n| frame(HEADERS, END_STREAM | END_HEADERS, stream(n), &long)));
    frames.send(&all).await.unwrap();
    let mut refused = Vec::new();
    while refused.len() < 3 {
        let next = frames.next().await.expect("the connection goes on");
        if next.kind == RST_STREAM {
            refused.push((next.stream, next.payload));
        }
    }
    // Eight of 15 KiB are less than 128 KiB. REFUSED_STREAM: the client may send the others again.
    assert_eq!(refused, [19, 21, 23].map(|n| (n, vec![0, 0, 0, 7])));
}

/// A connection whose answers nobody takes is idle, whatever else it says.
#[tokio::test]
async fn a_connection_that_takes_no_answer_ends() {
    let args = ["--idle-timeout", "700ms"];
    let hub = Setup::on(Engine::Sqlite).over_tls().args(args).start().await;
    let mut frames = Frames::open(&hub, &[(4, 0)]).await;
    frames.send(&get(1, "/openapi.json")).await.unwrap();
    while frames.next().await.unwrap().kind != HEADERS {}
    frames.ping_until_closed().await;
}

/// An instance cannot make the hub hold more of its answers than its share, over however many connections.
#[tokio::test]
async fn answers_that_an_instance_does_not_take_are_its_share() {
    let hub = hub().await;
    let innocents = Innocents::of(&hub).await;
    hub.client("acme").await;
    let instance = hub.reporter("acme", "acme-1").await;
    let key = [("x-hub-api-key", instance.hub_key.as_str())];
    let head = request("GET", "/api/v1/instances/self", &key);
    let one = |n| frame(HEADERS, END_STREAM | END_HEADERS, stream(n), &head);
    let mut stalled = Vec::new();
    for _ in 0..4 {
        let mut frames = Frames::open(&hub, &[(4, 0)]).await;
        frames.send(&(0..8).flat_map(one).collect::<Vec<u8>>()).await.unwrap();
        for _ in 0..8 {
            while frames.next().await.unwrap().kind != HEADERS {}
        }
        stalled.push(frames);
    }
    let caller = hub.instance(&instance.hub_key);
    caller.get("/api/v1/instances/self").await.problem(429, "rate_limited");
    innocents.go_on(2).await;
    drop(stalled);
    while caller.get("/api/v1/instances/self").await.status != 200 {
        tokio::task::yield_now().await;
    }
}
