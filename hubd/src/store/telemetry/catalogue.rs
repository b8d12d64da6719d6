//! The tool names that the operator admits.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use hub_core::redact::ToolName;

use super::registry::Names;
use crate::store::Store;
use crate::store::clients::json;
use crate::store::db::Db;
use crate::store::error::Error;
use crate::store::row::{FromRow, Row};

const SELECT: &str = "SELECT tools FROM catalogue WHERE id = 1";
const SELECT_CHANGED: &str =
    "SELECT version, CASE WHEN version = $1 THEN NULL ELSE tools END FROM catalogue WHERE id = 1";
const UPDATE: &str = "UPDATE catalogue SET version = version + 1, tools = $1 WHERE id = 1";

impl FromRow for BTreeSet<ToolName> {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        row.json("catalogue")
    }
}

impl Db<'_> {
    /// The catalogue.
    pub(crate) async fn catalogue(&mut self) -> Result<BTreeSet<ToolName>, Error> {
        self.one(SELECT, &[]).await
    }

    /// The catalogue as it is now; its text is read again only when its version has changed.
    pub(super) async fn present_catalogue(
        &mut self,
        names: &Names,
    ) -> Result<Arc<BTreeSet<ToolName>>, Error> {
        let (known, tools) = names.catalogue.read().unwrap_or_else(PoisonError::into_inner).clone();
        let (version, changed): (i64, Option<BTreeSet<ToolName>>) =
            self.one(SELECT_CHANGED, &[&known]).await?;
        let Some(changed) = changed else { return Ok(tools) };
        let tools = Arc::new(changed);
        *names.catalogue.write().unwrap_or_else(PoisonError::into_inner) =
            (version, Arc::clone(&tools));
        Ok(tools)
    }

    /// Replaces it.
    pub(crate) async fn set_catalogue(&mut self, tools: &BTreeSet<ToolName>) -> Result<(), Error> {
        self.execute(UPDATE, &[&json(tools)]).await?;
        Ok(())
    }
}

impl Store {
    /// The catalogue, as the last commit left it.
    pub(crate) async fn catalogue(&self) -> Result<BTreeSet<ToolName>, Error> {
        self.point((), |db, ()| Box::pin(db.catalogue())).await
    }
}
