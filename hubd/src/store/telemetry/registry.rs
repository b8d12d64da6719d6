//! Names → ids. A name keeps its id for ever, so ids may be remembered; names are only ever added.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use hub_core::redact::ToolName;
use sqlx::AssertSqlSafe;

use crate::store::bulk::{Column, Value};
use crate::store::error::Error;
use crate::store::on;
use crate::store::tx::Tx;

/// A registry of names.
#[derive(Debug, Clone, Copy)]
pub(super) enum Registry {
    Tools,
    Codes,
    Counts,
}

impl Registry {
    pub(super) fn table(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Codes => "error_codes",
            Self::Counts => "count_names",
        }
    }
}

/// What this process remembers of what was committed; forgotten when it grows too large.
#[derive(Debug)]
pub(in crate::store) struct Names {
    /// A map a registry, in the order of [`Registry`].
    ids: RwLock<[HashMap<String, i64>; 3]>,
    /// Instance, day and tool of usage that is stored.
    used: RwLock<HashSet<(i64, i64, i64)>>,
    /// The catalogue of a version.
    pub(super) catalogue: RwLock<(i64, Arc<BTreeSet<ToolName>>)>,
}

impl Default for Names {
    fn default() -> Self {
        // No catalogue has this version.
        let catalogue = RwLock::new((-1, Arc::default()));
        Self { ids: RwLock::default(), used: RwLock::default(), catalogue }
    }
}

/// Names that are remembered.
const MOST_IDS: usize = 50_000;
/// Uses that are remembered.
const MOST_USES: usize = 250_000;

/// What a transaction found out, to be remembered once it is committed.
#[derive(Debug, Default)]
pub(super) struct Learned {
    pub(super) ids: Vec<(Registry, String, i64)>,
    pub(super) used: Vec<(i64, i64, i64)>,
}

impl Names {
    pub(super) fn id(&self, registry: Registry, name: &str) -> Option<i64> {
        let ids = self.ids.read().unwrap_or_else(PoisonError::into_inner);
        ids[registry as usize].get(name).copied()
    }

    pub(super) fn is_used(&self, instance: i64, day: i64, tool: i64) -> bool {
        let used = self.used.read().unwrap_or_else(PoisonError::into_inner);
        used.contains(&(instance, day, tool))
    }

    pub(super) fn learn(&self, learned: Learned) {
        if !learned.ids.is_empty() {
            let mut ids = self.ids.write().unwrap_or_else(PoisonError::into_inner);
            if ids.iter().map(HashMap::len).sum::<usize>() > MOST_IDS {
                *ids = Default::default();
            }
            for (registry, name, id) in learned.ids {
                ids[registry as usize].insert(name, id);
            }
        }
        if !learned.used.is_empty() {
            let mut used = self.used.write().unwrap_or_else(PoisonError::into_inner);
            if used.len() > MOST_USES {
                used.clear();
            }
            used.extend(learned.used);
        }
    }
}

const NAMES: [Column; 1] = [Column::Text("name")];

impl Tx {
    /// The ids of the names, of which those that are new are registered.
    pub(super) async fn ids_of(
        &mut self,
        registry: Registry,
        wanted: BTreeSet<&str>,
        names: &Names,
        learned: &mut Learned,
    ) -> Result<HashMap<String, i64>, Error> {
        let mut ids = HashMap::with_capacity(wanted.len());
        let mut missing = Vec::new();
        for name in wanted {
            match names.id(registry, name) {
                Some(id) => {
                    ids.insert(name.to_owned(), id);
                }
                None => missing.push(vec![Value::from(name)]),
            }
        }
        if !missing.is_empty() {
            let found = self.register(registry, &missing).await?;
            learned.ids.extend(found.iter().map(|(name, id)| (registry, name.clone(), *id)));
            ids.extend(found);
        }
        Ok(ids)
    }

    /// Registers the names in order, so that two hubs that register the same ones wait for each other
    /// and not both at once.
    async fn register(
        &mut self,
        registry: Registry,
        names: &[Vec<Value>],
    ) -> Result<Vec<(String, i64)>, Error> {
        let table = registry.table();
        let mut found = Vec::with_capacity(names.len());
        on!(self.db(), |db| {
            for part in dialect::parts(&NAMES, names) {
                let insert = format!(
                    "INSERT INTO {table} (name) SELECT name FROM {} WHERE true ORDER BY name \
                     ON CONFLICT DO NOTHING",
                    part.source()
                );
                let insert = sqlx::query_with(AssertSqlSafe(insert), part.bind());
                insert.execute(&mut *db).await?;
                let these = part.one_of();
                let find = format!("SELECT name, id FROM {table} WHERE name {these}");
                let find = sqlx::query_as_with(AssertSqlSafe(find), part.bind());
                found.extend(find.fetch_all(&mut *db).await?);
            }
        });
        Ok(found)
    }
}
