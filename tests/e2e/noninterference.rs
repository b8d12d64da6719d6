//! Content that is not allowed has no effect: two hubs get the same allowed content and different
//! secrets in every other position; their answers, logs, metrics, database bytes and write-ahead logs are
//! equal.
//!
//! This finds what a search for secrets cannot: a hash, the length or a part of one. It must find each
//! leak that hubd is built with for this test.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use hub_tests::clock::now;
use hub_tests::metrics::{self, Metrics};
use hub_tests::reports::{Instance, report_of};
use hub_tests::{Engine, Hub, Setup};
use serde_json::{Value, json};

/// When both hubs live.
fn frozen() -> String {
    now().to_string()
}

/// What one hub was seen to do.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    answers: Vec<String>,
    log: Vec<String>,
    metrics: Vec<String>,
    rows: Vec<String>,
    files: BTreeMap<String, Vec<u8>>,
}

/// A name that fits every grammar, made of a secret.
fn in_grammar(secret: &str) -> String {
    let letters = secret.chars().filter(char::is_ascii_alphanumeric).take(15);
    letters.collect::<String>().to_lowercase()
}

/// Reports whose allowed content is the same for every secret.
fn reports(secret: &str, at: &str) -> Vec<Value> {
    let framed = |n: u32, content: Value| {
        let mut report = report_of(content);
        report["report_id"] = format!("0191d6a0-0000-7000-8000-{n:012}").into();
        report["window_start"] = at.into();
        report["window_end"] = at.into();
        report
    };
    let mut hidden = json!({"tools": [{"name": "files.read", "calls": 3, "errors": {"ENOENT": 1},
        "durations_ms": [1, 2.5, secret, {"at": secret}]}], "counts": {"agents": 2}});
    hidden[secret] = secret.into();
    hidden["nested"] = json!({"deep": [{secret: [secret]}]});
    hidden["tools"][0][secret] = json!({secret: secret});
    hidden["tools"][0]["errors"][format!("failed: {secret}")] = 2.into();
    hidden["counts"][format!("{secret}@example.com")] = 4.into();
    vec![
        framed(1, json!({"tools": [{"name": "files.read", "calls": 1}]})),
        framed(2, hidden),
        framed(3, json!({"tools": [{"name": format!("/home/{secret}"), "calls": 2}]})),
        framed(
            4,
            json!({"tools": [{"name": secret, "calls": secret, "durations_ms": secret}, secret]}),
        ),
        framed(5, json!({"tools": [], "counts": {"agents": secret, "seen": 1}})),
        framed(6, json!({"tools": secret})),
        // Names that fit the grammars, which once were kept.
        framed(
            7,
            json!({"tools": [{"name": in_grammar(secret), "calls": 2,
                "errors": {in_grammar(secret).to_uppercase(): 1}}],
                "counts": {in_grammar(secret): 5}}),
        ),
    ]
}

/// Does everything that an instance may do wrong, and gives the answers.
async fn misbehave(hub: &Hub, instance: &Instance, secret: &str, at: &str) -> Vec<String> {
    let mut answers = Vec::new();
    let mut note = |answer: hub_tests::http::Answer| {
        let mut headers: Vec<_> = answer
            .headers
            .iter()
            .filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()))
            .map(|(name, value)| format!("{name}: {value:?}"))
            .collect();
        headers.sort();
        answers.push(format!("{} {headers:?} {}", answer.status, answer.text()));
    };
    let path = format!("/api/v1/instances/{}/telemetry", instance.id);
    let caller = |n: usize| {
        let caller = hub.instance(&instance.hub_key).header("x-request-id", &in_grammar(secret));
        let caller = caller.header("x-number", &n.to_string());
        let caller = caller.header("user-agent", secret).header("x-note", secret);
        caller.header("referer", &format!("http://{secret}/")).header("traceparent", secret)
    };
    for (n, report) in reports(secret, at).iter().enumerate() {
        note(caller(n).post(&format!("{path}?dry_run=true"), report.clone()).await);
        note(caller(n + 10).post(&path, report.clone()).await);
        note(caller(n + 20).post(&path, report.clone()).await);
    }
    let mut conflict = reports(secret, at)[0].clone();
    conflict["tools"][0]["calls"] = 9.into();
    conflict["x"] = secret.into();
    note(caller(30).post(&path, conflict).await);
    let json_type = Some("application/json");
    let bodies = [
        format!("{{{secret}"),
        format!(r#"{{"report_id":"{secret}","window_start":"{secret}","window_end":"{secret}"}}"#),
        format!(r#"{{"report_id":"a","report_id":"{secret}"}}"#),
        secret.repeat(1 + 1_100_000 / secret.len()),
    ];
    for (n, body) in bodies.into_iter().enumerate() {
        note(caller(n + 40).send_bytes(http::Method::POST, &path, json_type, body).await);
    }
    note(caller(50).post(&format!("{path}?{secret}={secret}"), json!({})).await);
    note(caller(51).get(&format!("/{secret}")).await);
    let text = Some("text/plain");
    note(caller(52).send_bytes(http::Method::POST, &path, text, secret.to_owned()).await);
    let activate = json!({"license_key": secret, secret: secret});
    note(caller(53).post("/api/v1/instances/activate", activate).await);
    note(caller(54).get("/api/v1/instances/self/telemetry").await);
    answers
}

/// A log without what differs from run to run: time, duration, address, folder.
fn plain_log(hub: &Hub, from: usize) -> Vec<String> {
    let log = hub.log();
    let lines = log[from..].lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    // The lines of the start come before any request.
    let plain = lines.filter(|line| line["target"] != "hubd::serve").map(|mut line| {
        for changing in ["timestamp", "micros"] {
            line.as_object_mut().unwrap().remove(changing);
        }
        without_process(&mut line);
        line.to_string()
    });
    plain.collect()
}

/// Leaves of a request id that the hub made only its number: the rest is random in each process.
fn without_process(line: &mut Value) {
    match line {
        Value::Object(members) => members.values_mut().for_each(without_process),
        Value::String(text) => {
            let made = text.split_once('-').filter(|(process, number)| {
                process.len() == 16
                    && process.bytes().all(|byte| byte.is_ascii_hexdigit())
                    && number.bytes().all(|byte| byte.is_ascii_digit())
            });
            if let Some((_, number)) = made {
                *text = format!("own-{number}");
            }
        }
        _ => {}
    }
}

/// The metrics without those that measure time, memory and connections.
async fn plain_metrics(address: &str) -> Vec<String> {
    let metrics = Metrics::read(address).await;
    let changing = [
        "#",
        "process_",
        "hubd_connections",
        "hubd_http_request_duration_seconds_bucket",
        "hubd_http_request_duration_seconds_sum",
    ];
    let lines = metrics.text().lines().filter(|line| !changing.iter().any(|c| line.starts_with(c)));
    lines.map(str::to_owned).collect()
}

/// The frames of a write-ahead log without salts and checksums, which are random.
fn frames(wal: &[u8]) -> Vec<u8> {
    const HEADER: usize = 32;
    const FRAME: usize = 24 + 4096;
    let frames = wal.get(HEADER..).unwrap_or_default().chunks(FRAME);
    frames.flat_map(|frame| [&frame[..8], frame.get(24..).unwrap_or_default()].concat()).collect()
}

async fn observe(base: &Base, secret: &str, leak: Option<&str>) -> Seen {
    let listens = metrics::free_address();
    let setup = base.setup().env("HUBD_PROOF_NOW", &base.at);
    let mut setup = setup.args(["--log", "hubd=trace", "--metrics-listen", &listens]);
    if let Some(leak) = leak {
        setup = setup.env("HUBD_PROOF_LEAK", leak);
    }
    let mut hub = setup.start().await;
    let quiet = hub.log().len();
    let instance = hub.reporter_with("acme-1", &base.hub_key);
    let answers = misbehave(&hub, &instance, secret, &base.at).await;
    let log = plain_log(&hub, quiet);
    let metrics = plain_metrics(&listens).await;
    let mut files = BTreeMap::new();
    let mut read = |name: &str, bytes: Vec<u8>| drop(files.insert(name.to_owned(), bytes));
    let in_data = |name: &str| hub.data_dir().join(name);
    if hub.engine() == Engine::Sqlite {
        read("wal", frames(&fs::read(in_data("hub.db-wal")).unwrap()));
    }
    let rows = dump(&hub).await;
    let database = in_data("hub.db");
    assert!(hub.stop().success());
    if hub.engine() == Engine::Sqlite {
        read("database", fs::read(database).unwrap());
    }
    Seen { answers, log, metrics, rows, files }
}

/// Every row of every table, as text.
async fn dump(hub: &Hub) -> Vec<String> {
    if hub.engine() == Engine::Sqlite {
        return Vec::new(); // its bytes are compared
    }
    let mut sql = hub.sql().await;
    let tables = sql
        .texts(
            "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'",
        )
        .await;
    let mut rows = Vec::new();
    for table in tables {
        let of_table = format!("SELECT '{table} ' || t::text FROM {table} t ORDER BY 1");
        rows.extend(sql.texts(&of_table).await);
    }
    rows
}

/// Where both hubs start: an active instance.
struct Base {
    engine: Engine,
    at: String,
    license: String,
    hub_key: String,
    data: Option<tempfile::TempDir>,
}

impl Base {
    async fn on(engine: Engine) -> Self {
        let license = hub_tests::fleet::own_license_key(0x51);
        let hub_key = hub_tests::fleet::own_hub_key(0x51);
        let mut base = Self { engine, at: frozen(), license, hub_key, data: None };
        if engine == Engine::Sqlite {
            let mut hub = Setup::on(engine).start().await;
            base.furnish(&hub).await;
            assert!(hub.stop().success());
            let copy = tempfile::tempdir().unwrap();
            copy_files(&hub.data_dir(), copy.path());
            base.data = Some(copy);
        }
        base
    }

    async fn furnish(&self, hub: &Hub) {
        hub.client("acme").await;
        hub.list_names(&["files.read"], &["ENOENT"], &["agents", "seen"]).await;
        let new = json!({"instance_id": "acme-1",
            "license_sha256": hub_tests::fleet::sha256(&self.license),
            "hub_key_sha256": hub_tests::fleet::sha256(&self.hub_key)});
        hub.admin().post("/api/v1/admin/clients/acme/instances", new).await.expect(201).done();
        hub.use_key(&self.hub_key).await;
    }

    fn setup(&self) -> Setup {
        let setup = Setup::on(self.engine).for_proofs();
        match &self.data {
            Some(data) => setup.data_of(data.path()),
            None => setup,
        }
    }
}

fn copy_files(from: &Path, to: &Path) {
    let entries = fs::read_dir(from).unwrap().flatten();
    for entry in entries.filter(|entry| entry.path().is_file()) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

const SECRETS: [&str; 2] = ["Hunter2", "Correct-Horse-Battery-Staple-AKIAIOSFODNN7EXAMPLE"];

fn difference(one: &Seen, other: &Seen) -> Option<String> {
    let first = |what: &str, a: &[String], b: &[String]| {
        let differing = a.iter().zip(b).find(|(a, b)| a != b);
        let lengths = (a.len() != b.len()).then(|| format!("{what}: {} and {}", a.len(), b.len()));
        differing.map(|(a, b)| format!("{what}:\n{a}\n{b}")).or(lengths)
    };
    let file = one.files.iter().find(|(name, bytes)| other.files.get(*name) != Some(*bytes));
    first("answers", &one.answers, &other.answers)
        .or_else(|| first("log", &one.log, &other.log))
        .or_else(|| first("metrics", &one.metrics, &other.metrics))
        .or_else(|| first("rows", &one.rows, &other.rows))
        .or_else(|| file.map(|(name, _)| format!("the bytes of the {name}")))
}

#[tokio::test]
async fn sqlite_secrets_change_no_byte() {
    let base = Base::on(Engine::Sqlite).await;
    let one = observe(&base, SECRETS[0], None).await;
    assert!(one.answers.len() > 20 && one.log.len() > 20, "{one:?}");
    assert!(one.files.values().all(|bytes| bytes.len() > 4096));
    let other = observe(&base, SECRETS[1], None).await;
    assert_eq!(difference(&one, &other), None);
    for leak in ["log", "metrics", "names", "length", "request-ids"] {
        let leaky = [
            observe(&base, SECRETS[0], Some(leak)).await,
            observe(&base, SECRETS[1], Some(leak)).await,
        ];
        let found = difference(&leaky[0], &leaky[1]);
        assert!(found.is_some(), "the leak {leak} is not found");
    }
}

/// On PostgreSQL the rows are compared: its files hold transaction numbers and times of their own.
#[tokio::test]
async fn postgres_secrets_change_no_row() {
    let base = Base::on(Engine::Postgres).await;
    let mut hub = base.setup().start().await;
    base.furnish(&hub).await;
    assert!(hub.stop().success());
    let hub = hub; // keeps the database
    let one = observe_postgres(&base, &hub, SECRETS[0], None).await;
    let other = observe_postgres(&base, &hub, SECRETS[1], None).await;
    assert!(one.rows.iter().any(|row| row.starts_with("usage_hour")), "{:?}", one.rows);
    assert_eq!(difference(&one, &other), None);
    for leak in ["log", "metrics", "names", "length", "request-ids"] {
        let leaky = [
            observe_postgres(&base, &hub, SECRETS[0], Some(leak)).await,
            observe_postgres(&base, &hub, SECRETS[1], Some(leak)).await,
        ];
        assert!(difference(&leaky[0], &leaky[1]).is_some(), "the leak {leak} is not found");
    }
}

/// The same over a copy of a database, which PostgreSQL makes itself.
async fn observe_postgres(base: &Base, model: &Hub, secret: &str, leak: Option<&str>) -> Seen {
    let listens = metrics::free_address();
    let setup = Setup::on(Engine::Postgres).for_proofs().env("HUBD_PROOF_NOW", &base.at);
    let mut setup = setup.args(["--log", "hubd=trace", "--metrics-listen", &listens]);
    if let Some(leak) = leak {
        setup = setup.env("HUBD_PROOF_LEAK", leak);
    }
    let hub = setup.start_on_copy(model).await;
    let quiet = hub.log().len();
    let instance = hub.reporter_with("acme-1", &base.hub_key);
    let answers = misbehave(&hub, &instance, secret, &base.at).await;
    let log = plain_log(&hub, quiet);
    let metrics = plain_metrics(&listens).await;
    let rows = dump(&hub).await;
    Seen { answers, log, metrics, rows, files: BTreeMap::new() }
}
