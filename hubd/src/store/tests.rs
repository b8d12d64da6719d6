//! What the end-to-end stories cannot reach: rows that this program cannot have written, and jobs that
//! fail half-way.

use hub_core::model::{Client, ClientSettings, ClientStatus, Terms};
use hub_core::text::DisplayName;
use hub_core::time::Timestamp;
use tempfile::TempDir;

use super::{NewInstanceRow, PostgresTuning, Store, Way};
use crate::domain::{Fault, InstanceKey, NewKey, Refusal};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// A store with a client `acme` and its instance `acme-1`, in a folder of its own.
async fn store() -> (Store, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = super::DatabaseUrl::sqlite(&folder.path().join("hub.db"));
    let tuning = PostgresTuning { connections: 2, pgbouncer: false };
    let store = Store::open(&url, tuning).await.unwrap();
    let make = store.write("fixture", (), |tx, ()| {
        Box::pin(async {
            tx.insert_client(&acme()).await?;
            let instance_id = "acme-1".parse().unwrap();
            let terms = Terms::default();
            let new = NewInstanceRow {
                instance_id: &instance_id,
                client: &acme().id,
                terms: &terms,
                activated: false,
                now: NOW,
            };
            let instance = tx.insert_instance(&new).await?.unwrap();
            let hash = format!("{:064x}", 1).parse().unwrap();
            let kind = InstanceKey::License;
            let key = NewKey { instance, kind, hash, issued_at: NOW, not_after: None };
            tx.insert_keys(&[key]).await?;
            Ok(())
        })
    });
    make.await.unwrap();
    (store, folder)
}

fn acme() -> Client {
    Client {
        id: "0191d6a0-0000-7000-8000-000000000000".to_owned(),
        slug: "acme".parse().unwrap(),
        settings: ClientSettings {
            name: DisplayName::new("Acme").unwrap(),
            external_ref: None,
            labels: hub_core::labels::Labels::default(),
            status: ClientStatus::Active,
            suspension: None,
        },
        created_at: NOW,
        updated_at: NOW,
    }
}

/// Changes a row behind the hub's back.
fn tamper(folder: &TempDir, sql: &str) {
    let file = rusqlite::Connection::open(folder.path().join("hub.db")).unwrap();
    file.execute_batch("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF").unwrap();
    file.execute_batch(sql).unwrap();
    // For a moment a read by key may not see what another process committed.
    std::thread::sleep(std::time::Duration::from_millis(2));
}

#[tokio::test]
async fn a_corrupt_value_is_an_error_and_never_a_default() {
    let (store, folder) = store().await;
    let found = store.instance("acme-1").await.unwrap().unwrap();
    assert_eq!(found.instance.terms, Terms::default());
    for column in [
        "max_activations = -1",
        "max_activations = 5000000000",
        "grace_days = 91",
        "activations = -1",
        "labels = '{\"env\":1}'",
        "entitlements = 'all'",
        "suspended_at = 1, suspended_reason = 'No Code'",
        "instance_id = 'acme-1', client = 'other'",
    ] {
        let restore = "UPDATE instances SET max_activations = NULL, grace_days = 0, activations = 0, \
                       labels = '{}', entitlements = '[]', suspended_at = NULL, \
                       suspended_reason = NULL";
        tamper(&folder, &format!("{restore}; UPDATE instances SET {column}"));
        let read = store.instance("acme-1").await;
        if column.contains("client = ") {
            assert!(read.unwrap().is_none(), "without its client it is not there");
        } else {
            assert_eq!(read.unwrap_err().fault, Fault::Damaged, "{column}");
        }
    }
}

#[tokio::test]
async fn a_job_that_fails_or_panics_leaves_nothing_behind_and_the_next_one_works() {
    let (store, _folder) = store().await;
    let rename = |name: &'static str, end: fn() -> Result<(), Refusal>| {
        let store = store.clone();
        async move {
            let write = store.write("rename", (), move |tx, ()| {
                Box::pin(async move {
                    let mut client = acme();
                    client.settings.name = DisplayName::new(name).unwrap();
                    tx.update_client(&client).await?;
                    end()
                })
            });
            write.await
        }
    };
    let refused = rename("Refused", || Err(hub_core::problem::ErrorCode::Internal.into())).await;
    assert!(refused.is_err());
    let broken = rename("Broken", || panic!("half-way")).await;
    assert_eq!(broken.unwrap_err().fault(), Some(Fault::Bug));
    let damaged = rename("Damaged", || Err(super::Error::corrupt("a row").into())).await;
    assert_eq!(damaged.unwrap_err().fault(), Some(Fault::Damaged));
    let name = || async { store.client("acme").await.unwrap().unwrap().settings.name };
    assert_eq!(name().await.as_str(), "Acme");
    rename("Acme GmbH", || Ok(())).await.unwrap();
    assert_eq!(name().await.as_str(), "Acme GmbH");
}

#[tokio::test]
async fn what_a_batch_returns_comes_row_by_row() {
    use super::bulk::Bulk;
    static ADD: Bulk = Bulk::new(
        &["name"],
        "INSERT INTO tools (name) {values} \
         ON CONFLICT DO NOTHING RETURNING name",
    );
    let (store, _folder) = store().await;
    let add = store.transact(Way::Unlocked, "names", (), |tx, ()| {
        Box::pin(async { Ok(tx.bulk_rows::<String, _>(&ADD, &[("b",), ("a",), ("b",)]).await?) })
    });
    assert_eq!(add.await.unwrap(), ["b", "a"]);
}
