//! What requests look like on the wire: early answers, bodies without content, forwarded addresses.

use hub_tests::fleet::own_hub_key;
use hub_tests::raw::{self, RawAnswer};
use hub_tests::{Engine, Hub, Setup, both_stores};
use serde_json::Value;

use super::{CLIENTS, SELF, VALIDATE};

both_stores!(a_cursor_that_is_none_is_refused);

/// The answers to these bytes; the sender waits until the hub closes.
async fn answers(hub: &Hub, bytes: &str) -> Vec<RawAnswer> {
    raw::answers(&hub.raw(bytes.as_bytes()).await).expect("whole answers")
}

const HOST: &str = "HTTP/1.1\r\nHost: hub\r\n";
const LAST: &str = "GET /version HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n";

/// What comes next on the connection may be the rest of the body.
#[tokio::test]
async fn sqlite_an_answer_before_the_body_announces_that_the_connection_closes() {
    let hub = Hub::sqlite().await;
    let json = "Content-Type: application/json\r\n";
    for (name, first, status) in [
        ("a key is missing", format!("POST {CLIENTS} {HOST}{json}"), 401),
        ("no such path", format!("POST /nowhere {HOST}{json}"), 404),
        ("a wrong method", format!("POST /version {HOST}{json}"), 405),
        ("a wrong type", format!("POST {VALIDATE} {HOST}Content-Type: text/plain\r\n"), 415),
    ] {
        for body in [
            "Content-Length: 5\r\n\r\nhello",
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ] {
            let seen = answers(&hub, &format!("{first}{body}{LAST}")).await;
            let [answer] = seen.as_slice() else { panic!("{name}: {seen:?}") };
            assert_eq!(answer.status, status, "{name}");
            assert_eq!(answer.header("connection"), Some("close"), "{name}: {answer:?}");
        }
        let seen = answers(&hub, &format!("{first}Content-Length: 0\r\n\r\n{LAST}")).await;
        assert_eq!(seen.len(), 2, "without a body the connection goes on: {name}: {seen:?}");
    }
}

#[tokio::test]
async fn sqlite_a_body_without_content_needs_no_type() {
    let hub = Hub::sqlite().await;
    hub.client("acme").await;
    hub.issue("acme", "acme-1").await;
    let empty = "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let admin = format!("X-Admin-Api-Key: {}\r\n", hub.admin_key());
    let path = "/api/v1/admin/instances/acme-1/suspend";
    for media_type in ["", "Content-Type: text/plain\r\n", "Content-Encoding: gzip\r\n"] {
        let seen = answers(&hub, &format!("POST {path} {HOST}{admin}{media_type}{empty}")).await;
        assert_eq!(seen[0].status, 200, "{media_type}: {seen:?}");
        let seen = answers(&hub, &format!("POST {VALIDATE} {HOST}{media_type}{empty}")).await;
        let problem: Value = serde_json::from_slice(&seen[0].body).unwrap();
        assert_eq!((seen[0].status, &problem["code"]), (400, &"invalid_json".into()));
    }
}

#[tokio::test]
async fn sqlite_targets_that_are_none_get_a_problem() {
    let hub = Hub::sqlite().await;
    for target in ["/a\"b", "?x", "http://[::1", "/healthz\\", "/a|b"] {
        let seen = answers(&hub, &format!("GET {target} {HOST}\r\n")).await;
        let [answer] = seen.as_slice() else { panic!("{target}: {seen:?}") };
        let problem: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(problem["code"], "invalid_request_target", "{target}: {answer:?}");
        assert_eq!(answer.status, 400);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
}

#[tokio::test]
async fn sqlite_health_readiness_and_version_ignore_their_query() {
    let hub = Hub::sqlite().await;
    for path in ["/healthz?t=1", "/readyz?t=1&t=2", "/version?%ff"] {
        hub.anonymous().get(path).await.expect(200).done();
    }
    hub.anonymous().get("/api/v1/privacy?t=1").await.wrong_fields(&["query"]);
}

async fn a_cursor_that_is_none_is_refused(hub: Hub) {
    // `clients:ac\0me`, `instances:\0`, `audit:\0`
    for (list, cursor) in [
        (CLIENTS, "Y2xpZW50czphYwBtZQ"),
        ("/api/v1/admin/instances", "aW5zdGFuY2VzOgA"),
        ("/api/v1/admin/audit", "YXVkaXQ6AA"),
        (CLIENTS, "%00"),
        (CLIENTS, ""),
        (CLIENTS, "%F0%9F%A6%80"),
    ] {
        let answer = hub.admin().get(&format!("{list}?cursor={cursor}")).await;
        answer.problem(400, "invalid_cursor");
    }
}

/// The limit against guessing counts the addresses that trusted proxies name, however they write them.
#[tokio::test]
async fn sqlite_forwarded_addresses_are_told_apart_in_every_form() {
    let hub = Setup::on(Engine::Sqlite)
        .args(["--guess-burst", "1", "--guess-period", "1h"])
        .args(["--trusted-proxies", "::ffff:127.0.0.0/104,::1"])
        .start()
        .await;
    let guess = async |name: &'static str, value: &str| {
        let caller = hub.with_key("x-hub-api-key", &own_hub_key(1)).header(name, value);
        caller.get(SELF).await.status.as_u16()
    };
    for (n, form) in
        ["203.0.113.1", "203.0.113.2:4711", "\"203.0.113.3\"", "203.0.113.4, , 127.0.0.9"]
            .into_iter()
            .chain([
                "[2001:db8:1::1]",
                "[2001:db8:2::1]:4711",
                "\"[2001:db8:3::1]:4711\"",
                "2001:db8:4::1",
            ])
            .enumerate()
    {
        assert_eq!(guess("x-forwarded-for", form).await, 401, "{n}: {form} is new");
        assert_eq!(guess("x-forwarded-for", form).await, 429, "{form} is known");
    }
    assert_eq!(guess("x-forwarded-for", "203.0.113.3:1").await, 429, "the same in another form");
    assert_eq!(guess("forwarded", "for=203.0.113.9;proto=https").await, 401);
    assert_eq!(guess("forwarded", "proto=http; For=\"203.0.113.9:4711\"").await, 429);
}
