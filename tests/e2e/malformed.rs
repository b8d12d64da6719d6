//! Requests that no client sends: the hub answers each with a refusal, or closes, and goes on.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use hub_tests::raw::{self, Ending, RawAnswer};
use hub_tests::{Engine, Hub, Setup};
use serde_json::Value;

#[path = "malformed/bodies.rs"]
mod bodies;
#[path = "malformed/framing.rs"]
mod framing;
#[path = "malformed/heads.rs"]
mod heads;
#[path = "malformed/targets.rs"]
mod targets;

/// One odd request, and the statuses that may come back for it.
pub(crate) struct Row {
    name: &'static str,
    bytes: Vec<u8>,
    ending: Ending,
    /// Any of these; [`CLOSED`] stands for a connection that closes without an answer.
    accepted: &'static [u16],
}

/// In place of a status: the hub closes without an answer.
pub(crate) const CLOSED: u16 = 0;

/// A request after which the sender waits.
pub(crate) fn row(name: &'static str, bytes: impl Into<Vec<u8>>, accepted: &'static [u16]) -> Row {
    Row { name, bytes: bytes.into(), ending: Ending::Open, accepted }
}

/// A request after which the sender closes its half.
pub(crate) fn cut(name: &'static str, bytes: impl Into<Vec<u8>>, accepted: &'static [u16]) -> Row {
    Row { ending: Ending::HalfClosed, ..row(name, bytes, accepted) }
}

/// A head with these lines, closed after the answer.
pub(crate) fn head(first: &str, lines: &[&str]) -> String {
    let mut head = format!("{first}\r\nHost: hub\r\nConnection: close\r\n");
    for line in lines {
        head.push_str(line);
        head.push_str("\r\n");
    }
    head + "\r\n"
}

/// A `GET /healthz` with these additional lines.
pub(crate) fn health(lines: &[&str]) -> String {
    head("GET /healthz HTTP/1.1", lines)
}

/// A validation with these lines and this body, sent as they are.
pub(crate) fn validate(lines: &[&str], body: &str) -> String {
    let mut all = vec!["Content-Type: application/json"];
    all.extend(lines);
    head("POST /api/v1/instances/validate HTTP/1.1", &all) + body
}

/// A validation with a correct `Content-Length`.
pub(crate) fn json(body: &[u8]) -> Vec<u8> {
    let length = format!("Content-Length: {}", body.len());
    let mut bytes = validate(&[&length], "").into_bytes();
    bytes.extend(body);
    bytes
}

/// A well-formed body.
pub(crate) const LICENSE: &str = r#"{"license_key":"lb_inst_00000000000000000000000000000000"}"#;

#[tokio::test]
async fn every_odd_request_is_refused_or_answered_and_the_hub_goes_on() {
    let hub = Setup::on(Engine::Sqlite).any_number_of_guesses().start().await;
    let mut rows = framing::rows();
    rows.extend(heads::rows());
    rows.extend(targets::rows());
    rows.extend(bodies::rows(hub.admin_key()));
    assert!(rows.len() >= 60, "{} rows", rows.len());
    let complaints: Vec<String> =
        join_all(rows.iter().map(|row| complaint(&hub, row))).await.into_iter().flatten().collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));

    hub.anonymous().get("/healthz").await.expect(200).done();
    assert!(!hub.log().contains("panic"), "something panicked");
}

/// The fault in the hub's answer to a row, if there is one.
async fn complaint(hub: &Hub, row: &Row) -> Option<String> {
    let bytes = raw::exchange_ending(hub.address(), &row.bytes, row.ending).await;
    let said = String::from_utf8_lossy(&bytes).into_owned();
    let Some(answers) = raw::answers(&bytes) else {
        return Some(format!("{}: not HTTP: {said:?}", row.name));
    };
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    let last = statuses.last().copied().unwrap_or(CLOSED);
    if !row.accepted.contains(&last) || statuses.iter().any(|status| *status >= 500) {
        return Some(format!("{}: {:?} expected: {said:?}", row.name, row.accepted));
    }
    let bad = answers.iter().find(|answer| answer.status >= 400 && !is_problem(answer));
    bad.map(|_| format!("{}: no problem+json: {said:?}", row.name))
}

fn is_problem(answer: &RawAnswer) -> bool {
    let Ok(problem) = serde_json::from_slice::<Value>(&answer.body) else { return false };
    let id = problem["request_id"].as_str().unwrap_or_default();
    answer.header("content-type") == Some("application/problem+json")
        && problem["status"] == answer.status
        && problem["code"].is_string()
        && !id.is_empty()
        && answer.header("x-request-id").is_some_and(|sent| sent.eq_ignore_ascii_case(id))
        && (answer.status != 405 || answer.header("allow").is_some())
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let hub = Hub::sqlite().await;
    let mut bytes = String::new();
    for n in 0..20 {
        let path = if n % 2 == 0 { "/healthz" } else { "/version" };
        let close = if n == 19 { "Connection: close\r\n" } else { "" };
        bytes += &["GET ", path, " HTTP/1.1\r\nHost: hub\r\n", close, "\r\n"].concat();
    }
    let answers = raw::answers(&hub.raw(bytes.as_bytes()).await).expect("whole answers");
    let ids: BTreeSet<&str> = answers.iter().filter_map(|a| a.header("x-request-id")).collect();
    assert_eq!((answers.len(), ids.len()), (20, 20));
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert!(answers.iter().skip(1).step_by(2).all(|a| a.body.starts_with(b"{\"name\"")));
}

#[tokio::test]
async fn after_a_bad_request_nothing_more_of_the_connection_is_believed() {
    let hub = Hub::sqlite().await;
    let good = "GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n";
    let bad = "GET /healthz HTTP/1.1\r\nHost: hub\r\nContent-Length: x\r\n\r\n";
    let bytes = hub.raw(format!("{good}{bad}{good}").as_bytes()).await;
    let answers = raw::answers(&bytes).expect("whole answers");
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 400]);
}

/// A refusal that leaves the body unread must not let the body be taken for the next request.
#[tokio::test]
async fn an_unread_body_is_never_taken_for_a_request() {
    let hub = Hub::sqlite().await;
    let smuggled = "GET /version HTTP/1.1\r\nHost: hub\r\n\r\n";
    for path in ["/api/v1/admin/clients", "/nowhere", "/healthz", "/api/v1/instances/self"] {
        for method in ["POST", "GET", "DELETE"] {
            let head = format!(
                "{method} {path} HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n",
                smuggled.len()
            );
            let last = "GET /healthz HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n";
            let bytes = hub.raw(format!("{head}{smuggled}{last}").as_bytes()).await;
            let said = String::from_utf8_lossy(&bytes);
            assert!(!said.contains("\"schema\""), "{method} {path}: {said}");
        }
    }
}
