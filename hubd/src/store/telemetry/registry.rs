//! Names → ids. A name keeps its id for ever, so ids may be remembered; names are only ever added.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use hub_core::redact::ToolName;

use crate::store::bulk::Bulk;
use crate::store::db::Db;
use crate::store::error::Error;

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

impl Db<'_> {
    /// The ids of the names; those that are new are registered.
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
                None => missing.push(name),
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
        names: &[&str],
    ) -> Result<Vec<(String, i64)>, Error> {
        let table = registry.table();
        let insert = format!(
            "INSERT INTO {table} (name) SELECT bulk.name {{from}} WHERE true ON CONFLICT DO NOTHING"
        );
        let insert = Bulk { columns: &["name"], sql: insert.into() };
        let rows: Vec<(&str,)> = names.iter().map(|name| (*name,)).collect();
        self.bulk(&insert, &rows).await?;
        self.rows_by(format!("SELECT name, id FROM {table} WHERE name {{key}}"), names).await
    }

    /// All names of a registry.
    pub(super) async fn names_by_id(
        &mut self,
        registry: Registry,
    ) -> Result<HashMap<i64, String>, Error> {
        let sql = format!("SELECT id, name FROM {}", registry.table());
        Ok(self.rows(sql, &[]).await?.into_iter().collect())
    }
}
