//! Changes that wait together, decided one after the other and each for itself.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use hub_core::api::Action;
use hub_core::problem::ErrorCode;
use hub_core::time::Timestamp;

use super::*;
use crate::domain::{Event, Fault};
use crate::store::{DatabaseUrl, PostgresTuning};

/// How a change ends, after it has noted its event and written a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Well,
    Refused,
    Damaged,
    Panic,
}

fn event(target: String) -> Event {
    Event {
        at: Timestamp::UNIX_EPOCH,
        actor: "system".to_owned(),
        action: Action::ClientCreate,
        target,
        detail: BTreeMap::new(),
        request_id: "r".to_owned(),
    }
}

/// Adds a row that the catalogue of tools shows.
async fn add(store: &Store, name: &'static str, end: End) -> Result<&'static str, Refusal> {
    store
        .write("add", (name, end), |tx, (name, end)| {
            Box::pin(async move {
                tx.execute("INSERT INTO tools (name) VALUES ($1)", &[name]).await?;
                tx.audit(event((*name).to_owned()));
                tx.count_instances(1);
                match end {
                    End::Well => Ok(*name),
                    End::Refused => Err(ErrorCode::InstanceExists.into()),
                    End::Damaged => Err(Error::corrupt("a row").into()),
                    End::Panic => panic!("half-way"),
                }
            })
        })
        .await
}

/// Runs the changes, none of which begins before all wait.
async fn together(
    store: &Store,
    changes: &[(&'static str, End)],
) -> Vec<Result<&'static str, Refusal>> {
    let turn = store.group.turn.lock().await;
    let all = join_all(changes.iter().map(|(name, end)| add(store, name, *end)));
    let begin = async {
        while lock(&store.group.waiting).len() < changes.len() {
            tokio::task::yield_now().await;
        }
        drop(turn);
    };
    tokio::join!(all, begin).0
}

async fn names(store: &Store) -> Vec<String> {
    let select = "SELECT name FROM tools ORDER BY id";
    store.point((), move |db, ()| Box::pin(db.rows(select, &[]))).await.unwrap()
}

async fn audited(store: &Store) -> Vec<String> {
    assert!(store.verify_audit().await.unwrap().ok);
    let select = "SELECT target FROM audit_events ORDER BY seq";
    store.point((), move |db, ()| Box::pin(db.rows(select, &[]))).await.unwrap()
}

async fn total(store: &Store) -> i64 {
    let select = "SELECT n FROM instance_total";
    store.point((), move |db, ()| Box::pin(db.one(select, &[]))).await.unwrap()
}

async fn open(folder: &tempfile::TempDir) -> Store {
    let url = DatabaseUrl::sqlite(&folder.path().join("hub.db"));
    Store::open(&url, PostgresTuning { connections: 2, pgbouncer: false }).await.unwrap()
}

#[tokio::test]
async fn what_is_refused_is_undone_alone_and_all_keep_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let before = names(&store).await;
    let changes = [("a", End::Well), ("b", End::Refused), ("c", End::Well), ("b", End::Well)];
    let answers = together(&store, &changes).await;
    assert_eq!(answers[1].as_ref().unwrap_err().code, ErrorCode::InstanceExists);
    assert_eq!([0, 2, 3].map(|at: usize| *answers[at].as_ref().unwrap()), ["a", "c", "b"]);
    assert_eq!(names(&store).await[before.len()..], ["a", "c", "b"]);
    assert_eq!(audited(&store).await, ["a", "c", "b"]);
    assert_eq!(total(&store).await, 3);
}

#[tokio::test]
async fn what_fails_costs_no_other_change() {
    for bad in [End::Damaged, End::Panic] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        let before = names(&store).await;
        let changes = [("a", End::Well), ("b", bad), ("c", End::Refused), ("d", End::Well)];
        let answers = together(&store, &changes).await;
        let fault = if bad == End::Panic { Fault::Bug } else { Fault::Damaged };
        assert_eq!(answers[1].as_ref().unwrap_err().fault(), Some(fault));
        assert_eq!(answers[2].as_ref().unwrap_err().code, ErrorCode::InstanceExists);
        assert_eq!([0, 3].map(|at: usize| *answers[at].as_ref().unwrap()), ["a", "d"]);
        assert_eq!(names(&store).await[before.len()..], ["a", "d"], "{bad:?}");
        assert_eq!(audited(&store).await, ["a", "d"], "{bad:?}");
        assert_eq!(total(&store).await, 2, "{bad:?}");
    }
}

#[tokio::test]
async fn a_change_that_waits_too_long_is_refused_and_never_made() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let hasty = Group { patience: Duration::ZERO, ..Group::default() };
    let hasty = Store { group: Arc::new(hasty), ..store.clone() };
    let turn = hasty.group.turn.lock().await;
    let late = add(&hasty, "late", End::Well).await.unwrap_err();
    assert_eq!(late.code, ErrorCode::Overloaded);
    drop(turn);
    // The task that the late change has left behind finds nothing to do.
    let _its_turn = hasty.group.turn.lock().await;
    add(&store, "next", End::Well).await.unwrap();
    assert_eq!(audited(&store).await, ["next"]);
}
