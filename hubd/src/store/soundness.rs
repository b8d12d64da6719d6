//! What `hubd check` asks a database of any schema.

use super::db::Db;
use super::error::Error;
use super::{Engine, Store, migrate};

const INTEGRITY: &str = "PRAGMA integrity_check(20)";
const REFERENCES: &str = "SELECT \"table\" || ' refers to what is not in ' || parent \
                          FROM pragma_foreign_key_check LIMIT 20";
const CONTENTS: &str = "SELECT (SELECT COUNT(*) FROM clients), (SELECT COUNT(*) FROM instances), \
     (SELECT COUNT(*) FROM audit_events), \
     (SELECT COUNT(*) FROM admin_keys WHERE revoked_at IS NULL), \
     (SELECT COUNT(*) FROM admin_keys \
      WHERE revoked_at IS NULL AND expires_at IS NULL AND role = 'owner')";

/// How much a database holds.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) clients: i64,
    pub(crate) instances: i64,
    pub(crate) events: i64,
    pub(crate) admin_keys: i64,
    /// Owner keys without an end.
    pub(crate) owners: i64,
}

impl Store {
    /// The newest migration of the database; `None` when it is no hub's.
    pub(crate) async fn schema_found(&self) -> Result<Option<i64>, Error> {
        self.point((), |db, ()| Box::pin(migrate::found(db))).await
    }

    /// What is wrong with the pages of a SQLite file. PostgreSQL has its own tools for that.
    pub(crate) async fn integrity_problems(&self) -> Result<Vec<String>, Error> {
        let mut found = self.texts_of_sqlite(INTEGRITY).await?;
        found.retain(|line| line != "ok");
        Ok(found)
    }

    /// Rows of SQLite that refer to rows that are not there. PostgreSQL always checks references.
    pub(crate) async fn reference_problems(&self) -> Result<Vec<String>, Error> {
        self.texts_of_sqlite(REFERENCES).await
    }

    async fn texts_of_sqlite(&self, sql: &'static str) -> Result<Vec<String>, Error> {
        match &*self.engine {
            Engine::Postgres(_) => Ok(Vec::new()),
            Engine::Sqlite(_) => self.scan(sql, |db, sql| Box::pin(db.rows(*sql, &[]))).await,
        }
    }

    /// Counts what the database holds.
    pub(crate) async fn contents(&self) -> Result<Contents, Error> {
        self.scan((), |db, ()| Box::pin(contents(db))).await
    }
}

async fn contents(db: &mut Db<'_>) -> Result<Contents, Error> {
    let (clients, instances, events, admin_keys, owners) = db.one(CONTENTS, &[]).await?;
    Ok(Contents { clients, instances, events, admin_keys, owners })
}
