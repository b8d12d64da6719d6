//! HTTP/2: the same answers as over HTTP/1.1, many at once over a connection; and floods of frames.

use std::fs;
use std::process::Command;

use futures_util::future::join_all;
use http::{Method, Version};
use hub_tests::fleet::text;
use hub_tests::reports::{report, report_of};
use hub_tests::tls::connect;
use hub_tests::{Engine, Hub, Setup, both_stores};
use serde_json::{Value, json};

#[path = "http2/ends.rs"]
mod ends;
#[path = "http2/floods.rs"]
mod floods;
#[path = "http2/streams.rs"]
mod streams;

const SELF: &str = "/api/v1/instances/self";
const CLIENTS: &str = "/api/v1/admin/clients";

both_stores!(a_whole_tour, many_requests_share_a_connection, refusals_are_the_same_as_over_http_1);

/// The harness compares each answer with the description of the API, whatever it came over.
async fn a_whole_tour(setup: Setup) {
    let hub = setup.over_tls().start().await;
    hub.client("acme").await;
    let instance = hub.reporter("acme", "acme-1").await;
    let own = hub.use_key(&instance.hub_key).await;
    assert_eq!(text(&own, "instance_id"), "acme-1");
    // A body of many frames, and of several windows.
    let tools: Vec<Value> = (0..4_000)
        .map(|n| json!({"name": format!("tool.n{n}"), "calls": 1, "durations_ms": vec![n; 40]}))
        .collect();
    let large = report_of(json!({"tools": tools}));
    assert!(large.to_string().len() > 800_000, "{}", large.to_string().len());
    let taken = instance.send(&large).await.expect(202);
    assert_eq!(taken.version, Version::HTTP_2);
    assert!(taken.headers.get("connection").is_none(), "{taken}");
    assert_eq!(instance.report(&report()).await["duplicate"], false);
    // An answer that is made while it is sent.
    assert!(instance.own().await.to_string().contains("browser.navigate"));
    let head = hub.anonymous().send(Method::HEAD, "/healthz", None).await.expect(200);
    assert_eq!((head.header("content-length"), head.body.len()), ("15", 0));
    assert_eq!(hub.anonymous().get("/healthz").await.expect(200).body.len(), 15);
    hub.act("acme-1", "suspend", json!({})).await;
    instance.send(&report()).await.problem(403, "instance_suspended");
    let kept = hub.admin().header("x-request-id", "boot-42").get(CLIENTS).await.expect(200);
    assert_eq!(kept.header("x-request-id"), "boot-42");
}

async fn many_requests_share_a_connection(setup: Setup) {
    let hub = setup.over_tls().start().await;
    hub.client("acme").await;
    let instance = hub.reporter("acme", "acme-1").await;
    // More than an instance may have in flight: they wait for their turns.
    let caller = hub.instance(&instance.hub_key);
    let answers = join_all((0..400).map(|_| caller.get(SELF))).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    let reports = join_all((0..100).map(|_| async { instance.report(&report()).await })).await;
    assert!(reports.iter().all(|taken| taken["duplicate"] == false));
    let usage = hub.usage("tools").await;
    assert_eq!(usage["items"][0]["calls"], 1_200);
}

/// What curl says to these arguments: the status, the headers that matter and the body, without the id.
fn curl(hub: &Hub, version: &str, args: &[&str]) -> (String, Value) {
    let mut curl = Command::new("curl");
    let told = "\n%{http_version} %{http_code} %header{content-type} %header{allow} \
                %header{www-authenticate} %header{cache-control} %header{x-request-id}";
    curl.args(["-sS", "--cacert", &hub.authority().certificate(), version, "-w", told]);
    let (path, args) = args.split_last().unwrap();
    let output = curl.args(args).arg(format!("{}{path}", hub.base())).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{args:?} {path}: {said} {output:?}");
    let (body, told) = said.rsplit_once('\n').unwrap();
    let mut body: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("no JSON: {said}"));
    let (http, told) = told.split_once(' ').unwrap();
    assert!(version.ends_with(http), "{version} {http}");
    let id = text(&body, "request_id");
    assert!(told.ends_with(&id), "{told} {id}");
    body["request_id"] = "".into();
    (told.replace(&id, ""), body)
}

async fn refusals_are_the_same_as_over_http_1(setup: Setup) {
    let hub = setup.any_number_of_guesses().over_tls().start().await;
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large");
    // No larger than what the hub takes of it while it closes: then curl reads the answer.
    fs::write(&large, "x".repeat(900_000)).unwrap();
    let large = format!("@{}", large.display());
    let key = format!("X-Admin-Api-Key: {}", hub.admin_key());
    let long = format!("X-Long: {}", "a".repeat(17_000));
    let many: Vec<String> = (0..110).map(|n| format!("-HX-{n}: a")).collect();
    let json = "Content-Type: application/json";
    let chunked = "Transfer-Encoding: chunked";
    let mut rows: Vec<(u16, Vec<&str>)> = vec![
        (404, vec!["/nowhere"]),
        (405, vec!["-X", "DELETE", "/healthz"]),
        (401, vec![SELF]),
        (401, vec!["-H", "X-Admin-Api-Key: lb_admin_0", CLIENTS]),
        (401, vec!["-H", json, "-d", "{\"license_key\":\"x\"}", "/api/v1/instances/activate"]),
        (415, vec!["-H", &key, "-d", "x", CLIENTS]),
        (400, vec!["-H", &key, "-H", json, "-d", "{", CLIENTS]),
        (422, vec!["-H", &key, "-H", json, "-d", "{\"name\":1}", CLIENTS]),
        (413, vec!["-H", &key, "-H", json, "-d", &large, CLIENTS]),
        (413, vec!["-H", &key, "-H", json, "-H", chunked, "-d", &large, CLIENTS]),
        (431, vec!["-H", &long, "/healthz"]),
        (400, vec!["/%zz"]),
        (400, vec!["/a|b"]),
    ];
    rows.push((431, many.iter().map(String::as_str).chain(["/healthz"]).collect()));
    for (status, args) in rows {
        // A body of unknown length is chunked over HTTP/1.1 and has no such header over HTTP/2.
        let over_2: Vec<&str> =
            args.iter().map(|arg| if *arg == chunked { "X-A: b" } else { *arg }).collect();
        let (told, body) = curl(&hub, "--http2", &over_2);
        assert!(told.starts_with(&status.to_string()), "{told} {body}");
        assert_eq!((told, body), curl(&hub, "--http1.1", &args), "{args:?}");
    }
    hub.client("acme").await;
}

#[tokio::test]
async fn the_client_chooses_the_version() {
    let hub = Setup::on(Engine::Sqlite).over_tls().start().await;
    for (offered, chosen) in [
        (&[&b"h2"[..], b"http/1.1"][..], Some(&b"h2"[..])),
        (&[b"http/1.1", b"h2"], Some(b"h2")),
        (&[b"http/1.1"], Some(b"http/1.1")),
        (&[], None),
    ] {
        let io = connect(&hub, offered).await.unwrap();
        assert_eq!(io.get_ref().1.alpn_protocol(), chosen, "{offered:?}");
    }
    assert!(connect(&hub, &[b"h3"]).await.is_none(), "nothing in common");
    for version in ["--tlsv1.3", "--tls-max"] {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--cacert", &hub.authority().certificate(), "-w", " %{http_version}"]);
        curl.args([version].iter().chain((version == "--tls-max").then_some(&"1.2")));
        let output = curl.arg(format!("{}/healthz", hub.base())).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(said, "{\"status\":\"ok\"} 2", "{version}");
    }
}

/// Without TLS there is nothing to choose with, and the preface of HTTP/2 is no request.
#[tokio::test]
async fn without_tls_there_is_http_1_alone() {
    let hub = Hub::sqlite().await;
    let said = hub.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(said.starts_with(b"HTTP/1.1 400 "), "{}", String::from_utf8_lossy(&said));
    let upgrade =
        b"GET /healthz HTTP/1.1\r\nHost: hub\r\nConnection: Upgrade, HTTP2-Settings, close\r\n\
        Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n";
    assert!(hub.raw(upgrade).await.starts_with(b"HTTP/1.1 200 "));
}
