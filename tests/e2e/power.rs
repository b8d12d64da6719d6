//! The power goes at every moment of a record: what was acknowledged is there, once and whole.
//!
//! `HUB_TEST_IMAGES` sets how many images are checked, 20,000 unless it is set, of a busy hub and as
//! many of an idle one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use hub_tests::journal::{Bases, Worker};
use hub_tests::power::{self, Disk, Image, Kept, Op};
use hub_tests::{Engine, Setup, setting, strace};
use tokio::sync::Semaphore;

const WORKERS: u32 = 6;
/// A client, and two rounds with an instance each.
const STEPS: usize = 19;
/// Images that a real hub is started on.
const STARTS: usize = 5;

/// A record, and the worker that each of its answers was for.
struct Recorded {
    ops: Vec<Op>,
    answered: HashMap<String, u32>,
    admin_key: String,
}

/// How the workers of a record work.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// After how many pages of log they are written back.
    checkpoint: &'static str,
    /// How many steps are taken at a time.
    at_once: usize,
    /// After each step.
    rest: Duration,
}

/// All at once. The log is written back often, so that the record has checkpoints too.
const BUSY: Pace = Pace { checkpoint: "60", at_once: WORKERS as usize, rest: Duration::ZERO };
/// One step at a time, each written back before the next: the log begins anew with each.
const IDLE: Pace = Pace { checkpoint: "1", at_once: 1, rest: Duration::from_millis(50) };

/// Lets workers work while everything is recorded, from the first start of a hub to its stop.
async fn record(pace: Pace, leak: Option<&str>) -> Recorded {
    let setup = Setup::on(Engine::Sqlite).for_proofs().recorded();
    let mut setup = setup.env("HUBD_PROOF_CHECKPOINT", pace.checkpoint);
    if let Some(leak) = leak {
        setup = setup.env("HUBD_PROOF_LEAK", leak);
    }
    let mut hub = setup.start().await;
    let admin_key = hub.admin_key().to_owned();
    let bases: Bases = Arc::new(RwLock::new(vec![hub.base().to_owned()]));
    let turns = Arc::new(Semaphore::new(pace.at_once));
    let mut working = Vec::new();
    for number in 0..WORKERS {
        let (bases, mut worker) = (Arc::clone(&bases), Worker::new(number, &admin_key));
        let turns = Arc::clone(&turns);
        working.push(tokio::spawn(async move {
            for _ in 0..STEPS {
                let _turn = turns.acquire().await;
                worker.work(&bases, 1).await;
                tokio::time::sleep(pace.rest).await;
            }
            worker
        }));
    }
    let mut answered = HashMap::new();
    for worker in working {
        let worker = worker.await.unwrap();
        let ids = worker.acknowledged().iter().cloned();
        answered.extend(ids.map(|id| (id, worker.number())));
    }
    assert!(hub.stop().success());
    let ops = power::read(&hub);
    assert_eq!(answered.len(), WORKERS as usize * STEPS, "every answer has an id of its own");
    Recorded { ops, answered, admin_key }
}

/// What can be said of a record: its length, and how often it is in doubt what is on the disk.
fn describe(ops: &[Op], images: usize) -> String {
    let count = |is: fn(&Op) -> bool| ops.iter().filter(|op| is(op)).count();
    format!(
        "{images} images of {} writes, {} syncs, {} truncations and removals, {} answers",
        count(|op| matches!(op, Op::Write(..))),
        count(|op| matches!(op, Op::Sync(..) | Op::SyncFolder(_))),
        count(|op| matches!(op, Op::Truncate(..) | Op::Remove(_))),
        count(|op| matches!(op, Op::Answer(_))),
    )
}

/// The images of the cut after the operations of which `last` is the last one.
fn kept(disk: &Disk, last: Option<&Op>, random: usize, seed: usize) -> Vec<Kept> {
    if !disk.is_in_doubt() {
        return vec![Kept::Everything];
    }
    let mut kept = vec![Kept::Everything];
    // A write changes nothing about what is on the disk for certain.
    if !matches!(last, Some(Op::Write(..))) {
        kept.push(Kept::Nothing);
    }
    kept.extend((0..random).map(|n| Kept::Pieces((seed * 1_000 + n) as u64)));
    kept
}

impl Recorded {
    /// Checks images of every prefix of the record, at least this many; how many there were, or what is
    /// wrong with one.
    fn check(&self, images: usize) -> Result<usize, String> {
        let ops = &self.ops;
        // Where nothing is in doubt there is one image, so the others make up for it.
        let mut doubts = 0;
        self.each_cut(|_, disk, _| doubts += usize::from(disk.is_in_doubt()));
        let random = images.div_ceil(doubts.max(1));
        let (checked, failed) = (AtomicUsize::new(0), Mutex::new(None));
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let (checked, failed) = (&checked, &failed);
                scope.spawn(move || {
                    let image = Image::new();
                    self.each_cut(|at, disk, acknowledged| {
                        if at % threads != thread || failed.lock().unwrap().is_some() {
                            return;
                        }
                        let last = at.checked_sub(1).map(|last| &ops[last]);
                        for kept in kept(disk, last, random, at) {
                            image.put(&disk.cut(kept));
                            checked.fetch_add(1, Ordering::Relaxed);
                            if let Err(problem) = image.check(acknowledged) {
                                let cut = format!("cut {at} of {}, {kept:?}: {problem}", ops.len());
                                *failed.lock().unwrap() = Some(cut);
                                return;
                            }
                        }
                    });
                });
            }
        });
        let failed = failed.into_inner().unwrap();
        failed.map_or(Ok(checked.into_inner()), Err)
    }

    /// Goes through the record: before it, and after each operation.
    fn each_cut(&self, mut look: impl FnMut(usize, &Disk, &[(u32, usize)])) {
        let mut disk = Disk::default();
        let mut acknowledged: Vec<_> = (0..WORKERS).map(|number| (number, 0)).collect();
        look(0, &disk, &acknowledged);
        for (at, op) in self.ops.iter().enumerate() {
            disk.take(op);
            if let Op::Answer(id) = op
                && let Some(worker) = self.answered.get(id)
            {
                acknowledged[*worker as usize].1 += 1;
            }
            look(at + 1, &disk, &acknowledged);
        }
    }

    /// Starts the real hub on a few of the images.
    async fn start_some(&self) {
        let every = self.ops.len() / STARTS;
        let mut images = Vec::new();
        self.each_cut(|at, disk, _| {
            if at % every == every / 2 {
                let image = Image::new();
                image.put(&disk.cut(Kept::Pieces(at as u64)));
                images.push(image);
            }
        });
        assert!(images.len() >= STARTS);
        for image in images {
            std::fs::write(image.folder().join("admin.key"), &self.admin_key).unwrap();
            let hub = Setup::on(Engine::Sqlite).data_of(image.folder()).start().await;
            hub.anonymous().get("/readyz").await.expect(200).done();
            assert_eq!(hub.admin().get("/api/v1/admin/audit/verify").await.ok()["ok"], true);
            hub.client("after-the-cut").await;
            let (code, said, _) = hub.run(&["check"]);
            assert_eq!(code, 0, "{said}");
        }
    }
}

fn images() -> usize {
    setting("HUB_TEST_IMAGES", 20_000)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_power_cut_keeps_what_was_acknowledged() {
    keeps_what_was_acknowledged(BUSY).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_power_cut_of_an_idle_hub_keeps_what_was_acknowledged() {
    keeps_what_was_acknowledged(IDLE).await;
}

#[expect(clippy::print_stderr, reason = "it says how much it tried")]
async fn keeps_what_was_acknowledged(pace: Pace) {
    if !strace::works() {
        return;
    }
    let recorded = record(pace, None).await;
    let checked = recorded.check(images()).unwrap_or_else(|problem| panic!("{problem}"));
    eprintln!("{}", describe(&recorded.ops, checked));
    assert!(checked >= images(), "{checked}");
    recorded.start_some().await;
}

/// The proof finds each broken promise.
#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_breaks_its_promise_is_caught() {
    if !strace::works() {
        return;
    }
    let busy = ["unsynced", "early", "unaudited"].map(|leak| (BUSY, leak));
    for (pace, leak) in busy.into_iter().chain([(IDLE, "overwritten")]) {
        let recorded = record(pace, Some(leak)).await;
        let problem = recorded.check(1).err();
        assert!(problem.is_some(), "{leak} is not noticed");
    }
}
