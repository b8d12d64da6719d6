//! The tool names that the operator admits.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use hub_core::redact::ToolName;

use super::registry::Names;
use crate::store::error::Error;
use crate::store::tx::Tx;
use crate::store::{Store, on};

const SELECT: &str = "SELECT tools FROM catalogue WHERE id = 1";
const SELECT_CHANGED: &str =
    "SELECT version, CASE version WHEN $1 THEN NULL ELSE tools END FROM catalogue WHERE id = 1";
const UPDATE: &str = "UPDATE catalogue SET version = version + 1, tools = $1 WHERE id = 1";

fn read(tools: &str) -> Result<BTreeSet<ToolName>, Error> {
    serde_json::from_str(tools).map_err(|_| Error::corrupt("catalogue"))
}

impl Store {
    /// The catalogue, as the last commit left it.
    pub(crate) async fn catalogue(&self) -> Result<BTreeSet<ToolName>, Error> {
        let tools: String =
            on!(self.reader(), |db| sqlx::query_scalar(SELECT).fetch_one(db).await?);
        read(&tools)
    }
}

impl Tx {
    /// The catalogue.
    pub(crate) async fn catalogue(&mut self) -> Result<BTreeSet<ToolName>, Error> {
        let tools: String = on!(self.db(), |db| sqlx::query_scalar(SELECT).fetch_one(db).await?);
        read(&tools)
    }

    /// The catalogue as it is now; its text is read again only when its version has changed.
    pub(super) async fn present_catalogue(
        &mut self,
        names: &Names,
    ) -> Result<Arc<BTreeSet<ToolName>>, Error> {
        let (known, tools) = names.catalogue.read().unwrap_or_else(PoisonError::into_inner).clone();
        let (version, changed): (i64, Option<String>) = on!(self.db(), |db| {
            sqlx::query_as(SELECT_CHANGED).bind(known).fetch_one(db).await?
        });
        let Some(changed) = changed else { return Ok(tools) };
        let tools = Arc::new(read(&changed)?);
        *names.catalogue.write().unwrap_or_else(PoisonError::into_inner) =
            (version, Arc::clone(&tools));
        Ok(tools)
    }

    /// Replaces it.
    pub(crate) async fn set_catalogue(&mut self, tools: &BTreeSet<ToolName>) -> Result<(), Error> {
        let tools = serde_json::to_string(tools).map_err(|_| Error::corrupt("catalogue"))?;
        on!(self.db(), |db| {
            sqlx::query(UPDATE).bind(tools).execute(db).await?;
        });
        Ok(())
    }
}
