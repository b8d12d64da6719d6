//! The operator's catalogue: which names are listed, and the numbers that usage is kept under.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};

use hub_core::api::{Catalogue, ListedName};
use hub_core::privacy::CatalogueSizes;
use hub_core::redact::{CodeName, CountName, Listed, Numbered, ToolName};
use hub_core::time::Timestamp;

use crate::store::Store;
use crate::store::bulk::Bulk;
use crate::store::db::Db;
use crate::store::error::Error;
use crate::store::row::FromRow;

/// A kind of names, with the table that holds them.
pub(super) trait Registered: ListedName + FromRow + Clone + Hash + Send + 'static {
    const TABLE: &'static str;
}

impl Registered for ToolName {
    const TABLE: &'static str = "tools";
}
impl Registered for CodeName {
    const TABLE: &'static str = "error_codes";
}
impl Registered for CountName {
    const TABLE: &'static str = "count_names";
}

/// The catalogue as this process last read it.
#[derive(Debug, Default)]
pub(in crate::store) struct KnownCatalogue(RwLock<Option<Arc<Listed>>>);

impl KnownCatalogue {
    fn get(&self) -> Option<Arc<Listed>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, listed: Arc<Listed>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(listed);
    }
}

const VERSION: &str = "SELECT version FROM catalogue WHERE id = 1";
const CHANGE: &str = "UPDATE catalogue SET version = version + 1 WHERE id = 1";

impl Db<'_> {
    async fn numbered<N: Registered>(&mut self) -> Result<Numbered<N>, Error> {
        let sql = format!("SELECT id, name FROM {} WHERE removed_at IS NULL", N::TABLE);
        Ok(self.rows::<(u32, N)>(sql, &[]).await?.into_iter().collect())
    }

    /// The catalogue with its numbers. (When it changes meanwhile, a batch of the version that is read
    /// first is refused, and the catalogue read again.)
    async fn listed(&mut self) -> Result<Listed, Error> {
        Ok(Listed {
            version: self.one(VERSION, &[]).await?,
            tools: self.numbered().await?,
            codes: self.numbered().await?,
            counts: self.numbered().await?,
        })
    }

    async fn listed_names<N: Registered>(&mut self) -> Result<BTreeSet<N>, Error> {
        let sql = format!("SELECT name FROM {} WHERE removed_at IS NULL", N::TABLE);
        Ok(self.rows(sql, &[]).await?.into_iter().collect())
    }

    /// The catalogue.
    pub(crate) async fn catalogue(&mut self) -> Result<Catalogue, Error> {
        Ok(Catalogue {
            tools: self.listed_names().await?,
            codes: self.listed_names().await?,
            counts: self.listed_names().await?,
        })
    }

    /// Replaces the catalogue `old` with `new`. Names that are listed no longer stay for as long as usage
    /// refers to them.
    pub(crate) async fn set_catalogue(
        &mut self,
        old: &Catalogue,
        new: &Catalogue,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.list(&old.tools, &new.tools, now).await?;
        self.list(&old.codes, &new.codes, now).await?;
        self.list(&old.counts, &new.counts, now).await?;
        self.execute(CHANGE, &[]).await?;
        Ok(())
    }

    async fn list<N: Registered>(
        &mut self,
        old: &BTreeSet<N>,
        new: &BTreeSet<N>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let table = N::TABLE;
        let add = format!(
            "INSERT INTO {table} (name) {{values}} \
             ON CONFLICT (name) DO UPDATE SET removed_at = NULL"
        );
        let add = Bulk::made(&["name"], add);
        let added: Vec<(&str,)> = new.difference(old).map(|name| (name.as_ref(),)).collect();
        self.bulk(&add, &added).await?;
        let remove = format!(
            "UPDATE {table} SET removed_at = bulk.at {{from}} WHERE {table}.name = bulk.name"
        );
        let remove = Bulk::made(&["name", "at"], remove);
        let at = now.unix_ms();
        let removed: Vec<(&str, i64)> =
            old.difference(new).map(|name| (name.as_ref(), at)).collect();
        self.bulk(&remove, &removed).await
    }

    /// The names of numbers: the listed ones, and those that usage still refers to.
    pub(super) async fn names<N: Registered>(
        &mut self,
        numbers: impl IntoIterator<Item = i64>,
    ) -> Result<HashMap<i64, N>, Error> {
        let numbers: BTreeSet<i64> = numbers.into_iter().collect();
        let numbers: Vec<i64> = numbers.into_iter().collect();
        let find = format!("SELECT id, name FROM {} WHERE id {{key}}", N::TABLE);
        Ok(self.rows_by(find, &numbers).await?.into_iter().collect())
    }
}

/// The name of a number.
pub(super) fn name<N: Clone>(names: &HashMap<i64, N>, number: i64) -> Result<N, Error> {
    names.get(&number).cloned().ok_or(Error::corrupt("number of a name"))
}

impl Store {
    /// The catalogue, as the last commit left it.
    pub(crate) async fn catalogue(&self) -> Result<Catalogue, Error> {
        self.point((), |db, ()| Box::pin(db.catalogue())).await
    }

    /// How many names the catalogue lists.
    pub(crate) async fn catalogue_sizes(&self) -> Result<CatalogueSizes, Error> {
        let Listed { tools, codes, counts, .. } = &*self.read_listed().await?;
        Ok(CatalogueSizes { tools: tools.len(), codes: codes.len(), counts: counts.len() })
    }

    /// The catalogue with its numbers, as this process knows it. Another hub may have changed it: who
    /// writes by it is told.
    pub(crate) async fn known_listed(&self) -> Result<Arc<Listed>, Error> {
        match self.catalogue.get() {
            Some(listed) => Ok(listed),
            None => self.read_listed().await,
        }
    }

    /// The catalogue with its numbers, as the last commit left it.
    pub(crate) async fn read_listed(&self) -> Result<Arc<Listed>, Error> {
        if let Some(known) = self.catalogue.get() {
            let version: i64 = self.point((), |db, ()| Box::pin(db.one(VERSION, &[]))).await?;
            if version == known.version {
                return Ok(known);
            }
        }
        let listed = Arc::new(self.scan((), |db, ()| Box::pin(db.listed())).await?);
        self.catalogue.set(Arc::clone(&listed));
        Ok(listed)
    }
}

#[cfg(feature = "proof")]
impl Store {
    /// Keeps a text that a sender chose, which a proof then finds.
    pub(crate) async fn keep_text(&self, text: String) -> Result<(), crate::domain::Refusal> {
        const KEEP: &str = "INSERT INTO count_names (name, removed_at) VALUES ($1, 0) \
             ON CONFLICT DO NOTHING";
        let write = self.transact(crate::store::Way::Unlocked, "leak", text, |tx, text| {
            Box::pin(async { Ok(tx.execute(KEEP, &[text]).await.map(|_| ())?) })
        });
        write.await
    }
}
