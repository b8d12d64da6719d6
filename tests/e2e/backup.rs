//! Backups: made while the hub works, verified before they have their name, and the way back; copies
//! from one kind of database to the other.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use hub_core::time::Timestamp;
use hub_tests::binaries::hubd;
use hub_tests::clock::{DAY, now};
use hub_tests::metrics::{Metrics, free_address};
use hub_tests::reports::report;
use hub_tests::sql::Sql;
use hub_tests::{Engine, Hub, Setup, both_stores};
use serde_json::{Value, json};

/// Runs `hubd COMMAND` over the data folder of a hub; whether it succeeded, and what it said.
fn run(folder: &Path, args: &[&str]) -> (bool, String) {
    let mut command = Command::new(hubd());
    command.env_clear().args(args).arg("--data-dir").arg(folder);
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

fn succeed(folder: &Path, args: &[&str]) -> String {
    let (done, said) = run(folder, args);
    assert!(done, "{args:?}: {said}");
    said
}

fn refused(folder: &Path, args: &[&str], why: &str) {
    let (done, said) = run(folder, args);
    assert!(!done && said.contains(why), "{args:?}: {said}");
}

/// A hub that has some of everything.
async fn furnished(setup: Setup) -> (Hub, String) {
    let hub = setup.start().await;
    hub.client("acme").await;
    let issued = hub.issue_with("acme", "acme-1", json!({"entitlements": ["sso"]})).await;
    let key = hub.hub_key(&issued.license_key).await;
    hub.issue("acme", "acme-2").await;
    let path = "/api/v1/instances/acme-1/telemetry";
    hub.instance(&key).post(path, report()).await.expect(202).done();
    hub.admin().delete("/api/v1/admin/instances/acme-2").await.expect(204).done();
    (hub, key)
}

/// What a hub says of what it holds.
async fn content(hub: &Hub, key: &str) -> Vec<Value> {
    let mut own = hub.instance(key).get("/api/v1/instances/self").await.ok();
    for changing in ["certificate", "last_seen_at"] {
        own[changing] = Value::Null;
    }
    let mut content = vec![own];
    for path in [
        "/api/v1/admin/clients",
        "/api/v1/admin/audit?limit=500",
        "/api/v1/admin/audit/verify",
        "/api/v1/admin/telemetry/tools",
        "/api/v1/admin/telemetry/errors",
        "/api/v1/admin/telemetry/counts",
        "/api/v1/admin/telemetry/catalogue",
    ] {
        let mut answer = hub.admin().get(path).await.ok();
        for now in ["since", "until"] {
            answer.as_object_mut().unwrap().remove(now);
        }
        content.push(answer);
    }
    content.push(hub.instance(key).get("/api/v1/instances/self/telemetry").await.ok());
    content
}

#[tokio::test]
async fn a_backup_is_made_while_the_hub_works_and_restored_when_it_stopped() {
    let address = free_address();
    let setup = Setup::on(Engine::Sqlite).args(["--metrics-listen", &address]);
    let (mut hub, key) = furnished(setup).await;
    let age = "hubd_backup_age_seconds";
    assert_eq!(Metrics::read(&address).await.value(age), None);
    let then = content(&hub, &key).await;
    let data = hub.data_dir();
    let backup = hub.dir().join("hub.backup");
    let file = backup.to_str().unwrap();
    let said = succeed(&data, &["backup", file]);
    assert!(said.contains("verified"), "{said}");
    assert_eq!(fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(Metrics::read(&address).await.value(age).is_some_and(|age| age < 600.0));
    refused(&data, &["backup", file], "exists already");
    refused(&data, &["restore", file], "stop it first");

    hub.act("acme-1", "suspend", json!({})).await;
    assert!(hub.stop().success());
    let said = succeed(&data, &["restore", file]);
    let aside = said.lines().find_map(|line| line.strip_prefix("put aside ")).unwrap();
    hub.launch();
    assert_eq!(content(&hub, &key).await, then);
    // What was there is not lost.
    let old = Sql::open(&format!("sqlite://{aside}")).await;
    let suspended = "SELECT COUNT(*) FROM instances WHERE suspended_at IS NOT NULL";
    assert_eq!({ old }.number(suspended).await, 1);
}

both_stores!(operators_are_told_how_old_the_newest_backup_is);

async fn operators_are_told_how_old_the_newest_backup_is(setup: Setup) {
    let engine = setup.engine();
    let hub = setup.start().await;
    let ctl = hub.ctl();
    let status = |args: &[&str]| ctl.run(&[&["status"], args].concat()).expect(0).stdout;
    let last = || {
        let told: Value = serde_json::from_str(&status(&["-o", "json"])).unwrap();
        told["hub"]["last_backup"].clone()
    };
    assert_eq!(last(), Value::Null);
    if engine == Engine::Postgres {
        assert!(!status(&[]).contains("backup"), "PostgreSQL has its own");
        return;
    }
    assert!(status(&[]).contains("backup     none: hubd backup makes one"), "{}", status(&[]));
    succeed(&hub.data_dir(), &["backup", "--to", hub.dir().join("backups").to_str().unwrap()]);
    let told = hub.admin().get("/readyz").await.ok()["last_backup"].clone();
    assert_eq!(last(), told);
    let at: Timestamp = told.as_str().unwrap().parse().unwrap();
    assert!((now().unix_ms() - at.unix_ms()).abs() < 600_000, "{at}");
    assert!(status(&[]).contains(&format!("backup     verified {at}")), "{}", status(&[]));
    // Strangers are told nothing.
    assert_eq!(hub.anonymous().get("/readyz").await.ok(), json!({"status": "ready"}));
    // One that is over two days old is in the colour of what somebody should look at.
    let stale = now().before(DAY * 3);
    fs::write(hub.data_dir().join("hub.db.backup"), format!("{stale}\n")).unwrap();
    let seen = ctl.at_terminal(80, &["status"]).end().expect(0).text;
    let warned = "\u{1b}[33mbackup\u{1b}[0m     verified 3 d ago";
    assert!(seen.contains(warned), "{seen:?}");
}

#[tokio::test]
async fn a_folder_of_backups_keeps_the_newest() {
    let (hub, _) = furnished(Setup::on(Engine::Sqlite)).await;
    let folder = hub.dir().join("backups");
    let names = || {
        let mut names: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let to = folder.to_str().unwrap();
    succeed(&hub.data_dir(), &["backup", "--to", to]);
    fs::write(folder.join("notes.txt"), "not a backup").unwrap();
    let first = names();
    for _ in 0..3 {
        succeed(&hub.data_dir(), &["backup", "--to", to, "--keep", "2"]);
    }
    let left = names();
    assert_eq!(left.len(), 3, "{left:?}");
    assert!(left.contains(&"notes.txt".to_owned()) && !left.contains(&first[0]), "{left:?}");
}

/// A copy that is damaged, or whose history was rewritten, is no backup.
#[tokio::test]
async fn a_backup_that_is_not_sound_is_refused() {
    let (mut hub, _) = furnished(Setup::on(Engine::Sqlite)).await;
    let data = hub.data_dir();
    let good = hub.dir().join("good.db");
    succeed(&data, &["backup", good.to_str().unwrap()]);
    assert!(hub.stop().success());
    let before = fs::read(data.join("hub.db")).unwrap();

    let damaged = hub.dir().join("damaged.db");
    let mut bytes = fs::read(&good).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4096].fill(0xa5);
    fs::write(&damaged, bytes).unwrap();
    refused(&data, &["restore", damaged.to_str().unwrap()], "not a sound database");

    let rewritten = hub.dir().join("rewritten.db");
    fs::copy(&good, &rewritten).unwrap();
    let mut sql = Sql::open(&format!("sqlite://{}", rewritten.display())).await;
    sql.execute("DROP TRIGGER audit_events_no_update").await;
    sql.execute("UPDATE audit_events SET actor = 'nobody' WHERE seq = 2").await;
    drop(sql);
    refused(&data, &["restore", rewritten.to_str().unwrap()], "audit chain breaks at event 2");

    let other = hub.dir().join("other.db");
    Sql::open(&format!("sqlite://{}", good.display()))
        .await
        .execute("PRAGMA user_version = 1")
        .await;
    fs::write(&other, "text").unwrap();
    refused(&data, &["restore", other.to_str().unwrap()], "not a sound database");
    refused(&data, &["restore", "/nowhere/hub.db"], "there is no database");
    assert_eq!(fs::read(data.join("hub.db")).unwrap(), before, "nothing was touched");
    // A database that is damaged makes no backup either.
    fs::copy(&damaged, data.join("hub.db")).unwrap();
    let target = hub.dir().join("never.db");
    let (done, _) = run(&data, &["backup", target.to_str().unwrap()]);
    assert!(!done && !target.exists());
}

#[tokio::test]
async fn everything_moves_from_sqlite_to_postgres_and_back() {
    let (mut sqlite, key) = furnished(Setup::on(Engine::Sqlite)).await;
    let mut postgres = Setup::on(Engine::Postgres).start().await;
    let then = content(&sqlite, &key).await;
    let (from, used) = (sqlite.database_url(), postgres.database_url());
    let (mut to, folder) = (Sql::open(&used).await, sqlite.data_dir());
    let copy = |from: &str, to: &str| run(&folder, &["copy", "--from", from, "--to", to]);
    let (done, said) = copy(&from, &used);
    assert!(!done && said.contains("stop it first"), "{said}");
    assert!(sqlite.stop().success() && postgres.stop().success());
    let (done, said) = copy(&from, &used);
    assert!(!done && said.contains("has data already"), "{said}");
    // A hub of an earlier version may use it: it keeps the schema that it has.
    to.script("DROP TABLE instance_total; DELETE FROM _sqlx_migrations WHERE version >= 10").await;
    let (done, said) = copy(&from, &used);
    assert!(!done && said.contains("has data already"), "{said}");
    let newest = "SELECT MAX(version) FROM _sqlx_migrations";
    assert_eq!(Sql::open(&used).await.number(newest).await, 9);
    to.execute("CREATE DATABASE moved").await;
    let moved = format!("{}/moved", used.rsplit_once('/').unwrap().0);
    let (done, said) = copy(&from, &moved);
    assert!(done && said.contains("every row"), "{said}");

    let hub = postgres.launched_on(&moved, sqlite.admin_key());
    assert_eq!(content(&hub, &key).await, then);
    // Numbers go on behind those of the old database, those of deleted rows too.
    hub.issue("acme", "acme-3").await;
    let number = "SELECT id FROM instances WHERE instance_id = 'acme-3'";
    assert_eq!(Sql::open(&moved).await.number(number).await, 3);
    let now = content(&hub, &key).await;
    drop(hub);
    let back = format!("sqlite://{}", sqlite.dir().join("back/hub.db").display());
    let (done, said) = copy(&moved, &back);
    assert!(done, "{said}");
    let hub = sqlite.launched_on(&back, sqlite.admin_key());
    assert_eq!(content(&hub, &key).await, now);
    drop(hub);
    to.execute("DROP DATABASE moved WITH (FORCE)").await;
}

#[tokio::test]
async fn postgres_has_its_own_tools() {
    let hub = Hub::postgres().await;
    let url = hub.database_url();
    refused(&hub.data_dir(), &["backup", "x.db", "--database", &url], "use pg_dump");
}
