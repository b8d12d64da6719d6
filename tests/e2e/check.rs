//! Damage, and what shows it: `hubd check`, the start, the first answer of SQLite that says so; and heads
//! of the audit chain that are noted outside the database.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::{Duration, Instant};

use hub_tests::http::Answer;
use hub_tests::sql::Sql;
use hub_tests::{Engine, Hub, both_stores};
use serde_json::json;

use crate::audit::allow_changes;

const CLIENTS: &str = "/api/v1/admin/clients";
const PAGE: u64 = 4096;

both_stores!(
    check_says_what_a_database_is_and_holds,
    check_finds_a_broken_chain,
    a_chain_that_was_cut_does_not_start,
    a_chain_that_was_cut_while_the_hub_ran_shows
);

/// The lines of `hubd check`, by their first word.
fn lines(said: &str) -> BTreeMap<&str, &str> {
    said.lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(name, text)| (name, text.trim()))
        .collect()
}

async fn check_says_what_a_database_is_and_holds(mut hub: Hub) {
    hub.client("acme").await;
    hub.issue("acme", "acme-1").await;
    for running in [true, false] {
        if !running {
            assert!(hub.stop().success());
        }
        let (code, said, error) = hub.run(&["check"]);
        assert_eq!((code, error.as_str()), (0, ""), "{said}");
        let found = lines(&said);
        assert_eq!(
            found["contents"], "1 clients, 1 instances, 1 admin keys, 3 audit events",
            "running: {running}\n{said}"
        );
        assert!(found["audit"].starts_with("ok, 3 events"), "{said}");
        assert!(found["witnessed"].starts_with("ok, "), "{said}");
        assert_eq!((found["integrity"], found["references"]), ("ok", "ok"), "{said}");
        let in_use = running && hub.engine() == Engine::Sqlite;
        assert_eq!(found["database"].ends_with("(in use by a hub)"), in_use, "{said}");
    }
}

async fn check_finds_a_broken_chain(hub: Hub) {
    hub.client("acme").await;
    let mut sql = hub.sql().await;
    allow_changes(&mut sql, hub.engine()).await;
    sql.execute("UPDATE audit_events SET actor = 'system' WHERE seq = 2").await;
    let (code, said, error) = hub.run(&["check"]);
    assert_eq!(code, 1, "{said}");
    assert!(lines(&said)["audit"].starts_with("broken at event 2"), "{said}");
    assert!(error.contains("not sound"), "{error}");
}

/// Removes the newest event and moves the head back, so that the chain alone verifies.
async fn cut(sql: &mut Sql, engine: Engine) {
    allow_changes(sql, engine).await;
    let last = sql.number("SELECT seq FROM audit_head").await;
    let head = format!(
        "UPDATE audit_head SET seq = seq - 1, \
         hash = (SELECT prev_hash FROM audit_events WHERE seq = {last})"
    );
    assert_eq!(sql.execute(&head).await, 1);
    assert_eq!(sql.execute(&format!("DELETE FROM audit_events WHERE seq = {last}")).await, 1);
}

async fn a_chain_that_was_cut_does_not_start(mut hub: Hub) {
    hub.client("acme").await;
    assert!(hub.stop().success());
    cut(&mut hub.sql().await, hub.engine()).await;
    let (code, said, _) = hub.run(&["check"]);
    assert_eq!(code, 1, "{said}");
    let found = lines(&said);
    assert!(found["audit"].starts_with("ok, 1 events"), "the chain alone verifies: {said}");
    assert!(found["witnessed"].contains("is not in the audit log"), "{said}");
    let (status, said) = hub.launch_refused();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("audit.heads"), "it says what to do: {said}");
    // Without the notes it is a database like any other.
    let notes = hub.data_dir().join("audit.heads");
    fs::rename(&notes, hub.dir().join("proof")).unwrap();
    hub.launch();
    hub.anonymous().get("/readyz").await.expect(200).done();
}

async fn a_chain_that_was_cut_while_the_hub_ran_shows(mut hub: Hub) {
    hub.client("acme").await;
    hub.restart();
    cut(&mut hub.sql().await, hub.engine()).await;
    assert_eq!(hub.admin().get("/api/v1/admin/audit/verify").await.ok()["ok"], true);
    let (code, said, _) = hub.run(&["check"]);
    assert_eq!(code, 1, "{said}");
    assert!(hub.stop().success());
    assert!(hub.log().contains("it was rewritten"), "{}", hub.log());
    let (status, _) = hub.launch_refused();
    assert!(!status.success(), "the note of what was there stays");
}

/// Every file of a folder with its content and the time of its last change.
fn files(folder: &Path) -> BTreeMap<String, (Vec<u8>, i64)> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let entries = entries.filter(|entry| entry.path().is_file());
    let all = entries.map(|entry| {
        let found = entry.metadata().unwrap();
        let name = entry.file_name().into_string().unwrap();
        (
            name,
            (fs::read(entry.path()).unwrap(), found.mtime() * 1_000_000_000 + found.mtime_nsec()),
        )
    });
    all.collect()
}

/// Whether the hub runs, has ended well, or was killed, `check` reads all of it and changes nothing.
#[tokio::test]
async fn sqlite_check_writes_nothing() {
    let mut hub = Hub::sqlite().await;
    hub.client("acme").await;
    // The first use of a key is noted after its answer; then the hub writes nothing more.
    while !hub.admin().get("/api/v1/admin/keys").await.text().contains("\"last_used_at\":\"") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for state in ["runs", "was killed", "was killed, without its index", "was stopped"] {
        match state {
            "was killed" => hub.kill(),
            "was killed, without its index" => {
                fs::remove_file(hub.data_dir().join("hub.db-shm")).unwrap();
            }
            "was stopped" => {
                hub.launch();
                assert!(hub.stop().success());
            }
            _ => {}
        }
        let before = files(&hub.data_dir());
        let (code, said, error) = hub.run(&["check"]);
        assert_eq!((code, error.as_str()), (0, ""), "{state}: {said}");
        assert!(lines(&said)["contents"].starts_with("1 clients"), "{state}: {said}");
        let after = files(&hub.data_dir());
        assert!(before.keys().eq(after.keys()), "{state}: {:?}", after.keys());
        for (name, file) in &before {
            assert!(after[name] == *file, "{state}: {name} was changed");
        }
    }
}

#[tokio::test]
async fn sqlite_check_tells_what_is_no_database() {
    let mut hub = Hub::sqlite().await;
    hub.client("acme").await;
    let alone = hub.dir().join("alone.db");
    fs::copy(hub.data_dir().join("hub.db"), &alone).unwrap();
    let copy = format!("sqlite://{}", alone.display());
    // The copy lacks what is in the log.
    let (code, said, _) = hub.run(&["check", "--database", &copy]);
    assert_eq!(code, 1, "{said}");
    assert!(lines(&said)["witnessed"].contains("is not in the audit log"), "{said}");
    assert!(hub.stop().success());
    for (content, expected) in [
        (None, "the file is missing"),
        (Some(""), "the file is empty"),
        (Some("not a database, whatever its name"), "the file is not a SQLite database"),
    ] {
        let file = hub.dir().join("other/hub.db");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        if let Some(content) = content {
            fs::write(&file, content).unwrap();
        }
        let url = format!("sqlite://{}", file.display());
        let (code, said, error) = hub.run(&["check", "--database", &url]);
        assert_eq!(code, 1, "{said}");
        assert!(lines(&said)["database"].contains(expected), "{said}");
        assert!(error.contains("not sound"), "{error}");
        assert_eq!(file.exists(), content.is_some(), "check makes no file");
    }
    hub.sql().await.execute("UPDATE _sqlx_migrations SET version = 99 WHERE version = 1").await;
    let (code, said, _) = hub.run(&["check"]);
    assert_eq!(code, 1, "{said}");
    assert!(lines(&said)["schema"].starts_with("99, newer than this hubd"), "{said}");
}

/// The place of a table's root page in the file.
async fn root_of(hub: &Hub, table: &str) -> u64 {
    let root = format!("SELECT rootpage FROM sqlite_schema WHERE name = '{table}'");
    let root = hub.sql().await.number(&root).await;
    (u64::try_from(root).unwrap() - 1) * PAGE
}

/// Overwrites a page with what no page begins with, and gives what was there.
fn damage(file: &Path, at: u64) -> Vec<u8> {
    let file = File::options().read(true).write(true).open(file).unwrap();
    let mut before = vec![0; usize::try_from(PAGE).unwrap()];
    file.read_exact_at(&mut before, at).unwrap();
    file.write_all_at(&[0xff; 4096], at).unwrap();
    before
}

fn unavailable(answers: &[Answer]) {
    for answer in answers {
        answer.problem(503, "database_unavailable");
    }
}

/// Waits until the hub is ready, or is not: it looks at most once a second. Gives up in the end.
async fn until_ready(hub: &Hub, ready: bool) {
    let begun = Instant::now();
    loop {
        let answer = hub.anonymous().get("/readyz").await;
        if (answer.status == 200) == ready {
            if !ready {
                answer.problem(503, "database_unavailable");
            }
            return;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "ready: {}", !ready);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn sqlite_damage_is_found_at_the_first_answer_that_says_so() {
    let mut hub = Hub::sqlite().await;
    hub.client("acme").await;
    let at = root_of(&hub, "clients").await;
    assert!(hub.stop().success());
    let file = hub.data_dir().join("hub.db");
    let before = damage(&file, at);
    let (code, said, _) = hub.run(&["check"]);
    assert_eq!(code, 1, "{said}");
    assert_ne!(lines(&said)["integrity"], "ok", "{said}");
    hub.launch();
    hub.anonymous().get("/readyz").await.expect(200).done();
    let new_key = json!({"name": "ci", "role": "viewer"});
    unavailable(&[
        hub.admin().post(CLIENTS, json!({"name": "New"})).await,
        // This one would not meet the damage, and is not written all the same.
        hub.admin().post("/api/v1/admin/keys", new_key.clone()).await,
    ]);
    until_ready(&hub, false).await;
    hub.anonymous().get("/healthz").await.expect(200).done();
    assert!(hub.log().contains("the database is damaged"), "{}", hub.log());
    // Put right, it works again without a restart.
    File::options().write(true).open(&file).unwrap().write_all_at(&before, at).unwrap();
    until_ready(&hub, true).await;
    hub.admin().post("/api/v1/admin/keys", new_key).await.expect(201).done();
    hub.admin().post(CLIENTS, json!({"name": "New"})).await.expect(201).done();
    hub.admin().get("/api/v1/admin/clients/acme").await.expect(200).done();
}

/// A backup is copied over the file of a hub that was killed: the log beside it belongs to the file
/// before, and would be written into the backup.
#[tokio::test]
async fn sqlite_a_backup_beside_an_old_log_does_not_start() {
    let mut hub = Hub::sqlite().await;
    for n in 0..200 {
        hub.client(&format!("old-{n}")).await;
    }
    assert!(hub.stop().success());
    let file = hub.data_dir().join("hub.db");
    // As a tool for backups does it: the same rows on other pages.
    let backup = hub.dir().join("backup.db");
    let copy = format!("VACUUM INTO '{}'", backup.display());
    hub.sql().await.execute(&copy).await;
    hub.launch();
    for n in 0..200 {
        hub.client(&format!("new-{n}")).await;
    }
    hub.kill();
    fs::copy(&backup, &file).unwrap();
    let (status, said) = hub.launch_refused();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("is damaged") && said.contains("hub.db-wal"), "{said}");
    assert_eq!(fs::read(&file).unwrap(), fs::read(&backup).unwrap(), "the backup is as it was");
    // What the message says to do.
    for suffix in ["wal", "shm"] {
        fs::remove_file(hub.data_dir().join(format!("hub.db-{suffix}"))).unwrap();
    }
    hub.launch();
    hub.admin().get(&format!("{CLIENTS}/old-199")).await.expect(200).done();
}

/// What is written to a file that was moved away would be lost.
#[tokio::test]
async fn sqlite_a_file_that_was_replaced_takes_no_writes() {
    let hub = Hub::sqlite().await;
    hub.client("acme").await;
    let file = hub.data_dir().join("hub.db");
    let aside = hub.dir().join("aside.db");
    fs::rename(&file, &aside).unwrap();
    for replaced in [false, true] {
        if replaced {
            fs::copy(&aside, &file).unwrap();
        }
        unavailable(&[hub.admin().post(CLIENTS, json!({"name": "New"})).await]);
        until_ready(&hub, false).await;
    }
    fs::rename(&aside, &file).unwrap();
    hub.admin().post(CLIENTS, json!({"name": "New"})).await.expect(201).done();
    until_ready(&hub, true).await;
}
