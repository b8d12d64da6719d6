//! Names → ids. A name keeps its id for ever, so ids may be remembered; names are only ever added.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use hub_core::redact::ToolName;
use sqlx::AssertSqlSafe;

use crate::store::bulk::{Column, Value};
use crate::store::error::Error;
use crate::store::on;
use crate::store::tx::Tx;

/// A registry of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    ids: RwLock<HashMap<(Registry, String), i64>>,
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
        ids.get(&(registry, name.to_owned())).copied()
    }

    pub(super) fn is_used(&self, instance: i64, day: i64, tool: i64) -> bool {
        let used = self.used.read().unwrap_or_else(PoisonError::into_inner);
        used.contains(&(instance, day, tool))
    }

    pub(super) fn learn(&self, learned: Learned) {
        if !learned.ids.is_empty() {
            let mut ids = self.ids.write().unwrap_or_else(PoisonError::into_inner);
            if ids.len() > MOST_IDS {
                ids.clear();
            }
            ids.extend(learned.ids.into_iter().map(|(kind, name, id)| ((kind, name), id)));
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
    /// The ids of those of the names that are registered.
    pub(super) async fn known_names(
        &mut self,
        registry: Registry,
        names: &BTreeSet<&str>,
    ) -> Result<BTreeMap<String, i64>, Error> {
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let rows: Vec<Vec<Value>> = names.iter().map(|name| vec![(*name).into()]).collect();
        let found: Vec<(String, i64)> = on!(self.db(), |db| {
            let these = dialect::Bulk::one_of(NAMES[0]);
            let find = format!("SELECT name, id FROM {} WHERE name {these}", registry.table());
            let arguments = dialect::Bulk::bind(&NAMES, &rows);
            sqlx::query_as_with(AssertSqlSafe(find), arguments).fetch_all(db).await?
        });
        Ok(found.into_iter().collect())
    }

    /// The ids of the names, of which those that are new are registered. In order, so that two hubs
    /// that register the same names wait for each other and not both at once.
    pub(super) async fn register_names(
        &mut self,
        registry: Registry,
        names: &BTreeSet<&str>,
    ) -> Result<BTreeMap<String, i64>, Error> {
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let rows: Vec<Vec<Value>> = names.iter().map(|name| vec![(*name).into()]).collect();
        on!(self.db(), |db| {
            let source = dialect::Bulk::source(&NAMES);
            let insert = format!(
                "INSERT INTO {} (name) SELECT name FROM {source} WHERE true ORDER BY name \
                 ON CONFLICT DO NOTHING",
                registry.table()
            );
            let arguments = dialect::Bulk::bind(&NAMES, &rows);
            sqlx::query_with(AssertSqlSafe(insert), arguments).execute(db).await?;
        });
        self.known_names(registry, names).await
    }
}
