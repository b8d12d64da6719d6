//! Secrets of many shapes in every position of a report: none is found in any file, log or answer, in
//! any encoding. The same search finds the leaks of a hub that is built to leak.

use hub_tests::http::Answer;
use hub_tests::reports::{Instance, report, report_of};
use hub_tests::{Hub, Setup, both_stores, sweep};
use serde_json::{Value, json};

/// A secret of a realistic shape, around 12 hex digits that the search looks for.
const SHAPES: [&str; 9] = [
    "AKIA@",
    "ghp_@",
    "eyJhbGciOiJIUzI1NiJ9.@",
    "-----BEGIN PRIVATE KEY-----@",
    "postgres://user:@@db.internal/x",
    "@.smith@example.com",
    "/home/@/.ssh/id",
    "@",
    "01234567-89ab-4cde-8f01-@",
];

/// The canaries that were sent.
struct Aviary {
    nonces: Vec<String>,
}

impl Aviary {
    /// A secret of a shape, with digits of its own.
    fn secret(&mut self, shape: usize) -> String {
        let count = u64::try_from(self.nonces.len()).unwrap();
        // Odd bytes that are neither a line's end nor zero: the search is for lines of bytes.
        let nonce = format!("{:04x}{:08x}", 0x5eed, 0x1b11_1111 + count * 0x0001_0305 + salt());
        self.nonces.push(nonce.clone());
        SHAPES[shape % SHAPES.len()].replace('@', &nonce)
    }

    fn needles(&self) -> Vec<Vec<u8>> {
        self.nonces.iter().flat_map(|nonce| sweep::needles(nonce)).collect()
    }
}

/// Different in each test of a run, because they share a PostgreSQL.
fn salt() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    thread_local!(static OWN: u64 = NEXT.fetch_add(1, Ordering::Relaxed));
    OWN.with(|own| own * 0x0100_0000)
}

/// A report with a secret in one of its positions.
fn hide(position: usize, secret: &str) -> Option<Value> {
    let mut report = report();
    match position {
        0 => report[secret] = 1.into(),
        1 => report["hostname"] = secret.into(),
        2 => report["env"] = json!({"deep": [{"er": {secret: secret}}]}),
        3 => report["tools"][0]["name"] = secret.into(),
        4 => report["tools"][0]["args"] = json!([secret]),
        5 => report["tools"][0][secret] = json!({}),
        6 => report["tools"][0]["calls"] = secret.into(),
        7 => report["tools"][0]["errors"][secret] = 1.into(),
        8 => report["tools"][0]["errors"]["TIMEOUT"] = secret.into(),
        9 => report["tools"][0]["errors"] = secret.into(),
        10 => report["tools"][0]["durations_ms"] = json!([1, secret, {secret: 1}]),
        11 => report["tools"] = json!([secret, [secret], {"name": {secret: 1}, "calls": 1}]),
        12 => report["counts"][secret] = 1.into(),
        13 => report["counts"]["agents_online"] = json!([secret]),
        14 => report["counts"] = secret.into(),
        15 => report["report_id"] = secret.into(),
        16 => report["window_start"] = secret.into(),
        17 => report["tools"][0]["name"] = format!("files.{secret}").into(),
        18 => report["tools"][0]["errors"] = json!({format!("E_{}", secret.to_uppercase()): 1}),
        _ => return None,
    }
    Some(report)
}

/// Sends secrets everywhere; gives every answer.
async fn let_out(hub: &Hub, aviary: &mut Aviary) -> Vec<Answer> {
    hub.client("canary-client").await;
    let instance = hub.reporter("canary-client", "canary-instance").await;
    let other = hub.reporter("canary-client", "canary-suspended").await;
    hub.act("canary-suspended", "suspend", json!({})).await;
    let mut answers = Vec::new();
    for position in 0.. {
        if hide(position, "").is_none() {
            break;
        }
        for shape in 0..SHAPES.len() {
            let secret = aviary.secret(shape);
            let report = hide(position, &secret).unwrap();
            let answer = instance.send(&report).await;
            assert!(answer.status.as_u16() < 500, "{answer}");
            // A valid id is repeated to its sender, and to nobody else.
            if answer.status == 202 && position == 15 {
                continue;
            }
            answers.push(answer);
        }
    }
    let secret = aviary.secret(7);
    let hidden = hide(1, &secret).unwrap();
    answers.push(other.send(&hidden).await);
    let stranger = hub.reporter_with("canary-suspended", &instance.hub_key);
    answers.push(stranger.send(&hidden).await);
    answers.push(instance.send_bytes(format!("{hidden}{secret}")).await);
    answers.push(instance.send_bytes(secret.repeat(100_000)).await);
    answers.push(with_headers(hub, &instance, &secret).await);
    let secret = aviary.secret(7);
    answers.push(activate(hub, &secret).await);
    let preview = instance.preview(&hidden).await;
    assert!(!preview.to_string().contains(&secret));
    let catalogue = "/api/v1/admin/telemetry/catalogue";
    let names = json!([secret]);
    let wrong = json!({"tools": names, "codes": names, "counts": names});
    answers.push(hub.admin().put(catalogue, wrong.clone()).await);
    answers.push(hub.admin().patch(catalogue, json!({"add": wrong, "remove": wrong})).await);
    for read in ["tools", "errors", "counts", "series"] {
        answers.push(hub.admin().get(&format!("/api/v1/admin/telemetry/{read}")).await);
    }
    answers.push(hub.instance(&instance.hub_key).get("/api/v1/instances/self/telemetry").await);
    answers.push(hub.admin().get("/api/v1/admin/audit").await);
    answers
}

/// An activation is audited for ever, with an id of the hub's own.
async fn activate(hub: &Hub, secret: &str) -> Answer {
    let license = hub.issue("canary-client", "canary-active").await.license_key;
    let stranger = hub.anonymous().header("x-request-id", secret).header("user-agent", secret);
    let body = json!({"license_key": license});
    stranger.post("/api/v1/instances/activate", body).await.expect(200)
}

async fn with_headers(hub: &Hub, instance: &Instance, secret: &str) -> Answer {
    let caller = hub.instance(&instance.hub_key).header("user-agent", secret);
    let caller = caller.header("traceparent", secret).header("cookie", secret);
    let path = format!("/api/v1/instances/{}/telemetry?{secret}={secret}", instance.id);
    caller.post(&path, report_of(json!({}))).await
}

/// Everywhere that a canary was seen.
async fn found(mut hub: Hub) -> Vec<String> {
    let mut aviary = Aviary { nonces: Vec::new() };
    let answers = let_out(&hub, &mut aviary).await;
    let needles = aviary.needles();
    let places = sweep::places(&hub);
    let known = [b"canary-instance".to_vec()];
    assert!(!sweep::files_with(&places, &known).is_empty(), "the search finds nothing at all");
    assert!(hub.log().contains("/api/v1/instances/{instance_id}/telemetry"), "the log is detailed");
    let mut found: Vec<String> = answers
        .iter()
        .filter(|answer| {
            let headers = format!("{:?}", answer.headers);
            sweep::holds(&answer.text(), &needles) || sweep::holds(&headers, &needles)
        })
        .map(|answer| format!("an answer: {answer}"))
        .collect();
    let files = |when: &str| {
        let files = sweep::files_with(&places, &needles).into_iter();
        files.map(|file| format!("{} {when}", file.display())).collect::<Vec<_>>()
    };
    found.extend(files("with the hub running"));
    assert!(hub.stop().success());
    found.extend(files("after its end"));
    found
}

both_stores!(no_canary_is_found_anywhere, a_leak_is_found);

async fn no_canary_is_found_anywhere(setup: Setup) {
    let hub = setup.args(["--log", "trace"]).any_number_of_guesses().start().await;
    let found = found(hub).await;
    assert!(found.is_empty(), "{} places:\n{}", found.len(), found.join("\n"));
}

async fn a_leak_is_found(setup: Setup) {
    for (leak, place) in [("log", "hubd.log"), ("text", "running"), ("request-ids", "running")] {
        let leaky = setup.clone().for_proofs().env("HUBD_PROOF_LEAK", leak);
        let hub = leaky.args(["--log", "trace"]).any_number_of_guesses().start().await;
        let found = found(hub).await;
        assert!(found.iter().any(|at| at.contains(place)), "{leak}: {found:?}");
    }
}
