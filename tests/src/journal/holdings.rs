//! What the database holds, and what it must hold after so many steps of each worker.

use std::collections::{BTreeMap, BTreeSet};

use super::{Step, calls, instance, is_deleted, name, step};
use crate::sql::Sql;

/// What an instance holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Held {
    suspended: bool,
    labelled: bool,
    activations: u64,
    hub_keys: u64,
    reports: u64,
    calls: u64,
    errors: u64,
    durations: u64,
}

/// What the database holds, of one worker or of all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holdings {
    clients: BTreeSet<String>,
    instances: BTreeMap<String, Held>,
    /// `action target` of each audit event.
    audit: Vec<String>,
    /// Durations in the fleet's distributions, which outlive their instances.
    fleet: u64,
}

impl Holdings {
    /// What a worker's steps make, the first `steps` of them.
    #[must_use]
    fn expected(worker: u32, steps: usize) -> Self {
        let mut holdings = Self::default();
        for n in 0..steps {
            let (step, round) = step(n);
            holdings.take(worker, step, round);
        }
        holdings
    }

    fn take(&mut self, worker: u32, step: Step, round: u32) {
        let id = instance(worker, round);
        let held = self.instances.entry(id.clone()).or_default();
        let action = match step {
            Step::Client => {
                self.instances.clear();
                self.clients.insert(name(worker));
                self.audit.push(format!("client.create {}", name(worker)));
                return;
            }
            Step::Issue => "create",
            Step::Activate => {
                (held.activations, held.hub_keys) = (1, 1);
                "activate"
            }
            Step::Report(n) => {
                held.reports += 1;
                held.calls += u64::from(calls(n));
                held.errors += u64::from(n);
                held.durations += u64::from(n + 1);
                self.fleet += u64::from(n + 1);
                return;
            }
            Step::Suspend => {
                held.suspended = true;
                "suspend"
            }
            Step::Reactivate => {
                held.suspended = false;
                "reactivate"
            }
            Step::Label => {
                held.labelled = true;
                "update"
            }
            Step::Finish if is_deleted(round) => {
                self.instances.remove(&id);
                "delete"
            }
            Step::Finish => return,
        };
        self.audit.push(format!("instance.{action} {id}"));
    }

    /// What the database holds now, in one view of it.
    pub async fn read(sql: &mut Sql) -> Self {
        let (begin, end) = match sql {
            Sql::Sqlite(_) => ("BEGIN", "COMMIT"),
            Sql::Postgres(_) => ("BEGIN ISOLATION LEVEL REPEATABLE READ", "COMMIT"),
        };
        sql.execute(begin).await;
        let mut holdings = Self {
            clients: sql.texts("SELECT slug FROM clients").await.into_iter().collect(),
            audit: sql.texts("SELECT action || ' ' || target FROM audit_events ORDER BY seq").await,
            ..Self::default()
        };
        let mut ids = BTreeMap::new();
        for row in sql.texts(INSTANCES).await {
            let [id, handle, activations, suspended, labels] = fields(&row);
            let held = Held {
                activations: number(activations),
                suspended: suspended == "yes",
                labelled: labels != "{}",
                ..Held::default()
            };
            ids.insert(id.to_owned(), handle.to_owned());
            holdings.instances.insert(handle.to_owned(), held);
        }
        let total = sql.number("SELECT n FROM instance_total").await;
        assert_eq!(usize::try_from(total), Ok(ids.len()), "the number of instances that is kept");
        for (counts, put) in COUNTS {
            for row in sql.texts(counts).await {
                let [id, a, b, c] = fields(&row);
                // Usage of a deleted instance may stay for a while; its keys and reports do not.
                if let Some(held) = ids.get(id).and_then(|it| holdings.instances.get_mut(it)) {
                    put(held, [number(a), number(b), number(c)]);
                }
            }
        }
        let fleet = "SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM duration_hour";
        holdings.fleet = u64::try_from(sql.number(fleet).await).expect("a sum of counts");
        sql.execute(end).await;
        holdings
    }

    /// The part of it that a worker made, without the fleet's distributions.
    fn of(&self, worker: u32) -> Self {
        let (own, prefix) = (name(worker), format!("{}-", name(worker)));
        let is_own = |target: &str| target == own || target.starts_with(&prefix);
        let instances = self.instances.iter().filter(|(id, _)| is_own(id));
        let audit = self.audit.iter().filter(|e| e.split(' ').nth(1).is_some_and(is_own));
        Self {
            clients: self.clients.iter().filter(|slug| is_own(slug)).cloned().collect(),
            instances: instances.map(|(id, held)| (id.clone(), held.clone())).collect(),
            audit: audit.cloned().collect(),
            fleet: 0,
        }
    }

    /// Whether the database holds what each worker, by its number, has acknowledged, and all or nothing
    /// of its next step. Otherwise it says what is wrong.
    ///
    /// # Errors
    /// What differs.
    pub fn check(&self, acknowledged: &[(u32, usize)]) -> Result<(), String> {
        let mut fleet = 0;
        for &(worker, steps) in acknowledged {
            let found = self.of(worker);
            let fits = [steps, steps + 1].into_iter().find_map(|steps| {
                let mut expected = Self::expected(worker, steps);
                let durations = std::mem::take(&mut expected.fleet);
                (expected == found).then_some(durations)
            });
            let Some(durations) = fits else {
                let mut expected = Self::expected(worker, steps);
                expected.fleet = 0;
                return Err(format!(
                    "{steps} steps were acknowledged, the next is {:?}.\nexpected {expected:#?}\n\
                     or one more, found {found:#?}",
                    step(steps)
                ));
            };
            fleet += durations;
        }
        if fleet != self.fleet {
            return Err(format!("{} durations in all, expected {fleet}", self.fleet));
        }
        Ok(())
    }
}

const INSTANCES: &str = "SELECT CAST(id AS TEXT) || '|' || instance_id || '|' \
     || CAST(activations AS TEXT) || '|' \
     || CASE WHEN suspended_at IS NULL THEN 'no' ELSE 'yes' END || '|' || labels FROM instances";

type Put = fn(&mut Held, [u64; 3]);

/// Queries that count by the number of an instance, and where the counts belong.
const COUNTS: [(&str, Put); 3] = [
    (
        "SELECT CAST(instance AS TEXT) || '|' || CAST(COUNT(*) AS TEXT) || '|0|0' FROM instance_keys \
         WHERE kind = 'hub' AND instance IS NOT NULL GROUP BY instance",
        |held, [keys, _, _]| held.hub_keys = keys,
    ),
    (
        "SELECT CAST(instance AS TEXT) || '|' || CAST(COUNT(*) AS TEXT) || '|0|0' FROM reports \
         GROUP BY instance",
        |held, [reports, _, _]| held.reports = reports,
    ),
    (
        "SELECT CAST(instance AS TEXT) || '|' || CAST(SUM(calls) AS TEXT) || '|' \
         || CAST(SUM(errors) AS TEXT) || '|' || CAST(SUM(dur_n) AS TEXT) FROM usage_hour \
         GROUP BY instance",
        |held, [calls, errors, durations]| {
            (held.calls, held.errors, held.durations) = (calls, errors, durations);
        },
    ),
];

fn fields<const N: usize>(row: &str) -> [&str; N] {
    let fields: Vec<&str> = row.split('|').collect();
    fields.try_into().unwrap_or_else(|_| panic!("not {N} fields: {row}"))
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("not a count: {text}"))
}
