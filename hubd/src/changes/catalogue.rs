//! Setting the catalogue of tool names.

use hub_core::api::{Action, Catalogue};

use super::Change;
use crate::domain::Refusal;
use crate::store::{Store, transact};

/// Replaces the catalogue. The same one again leaves no trace.
pub(crate) async fn set_catalogue(
    store: &Store,
    change: &Change,
    new: &Catalogue,
) -> Result<(), Refusal> {
    let tools = &new.tools.0;
    transact!(store, "set catalogue", |tx| async {
        if tx.catalogue().await? == *tools {
            return Ok(());
        }
        tx.set_catalogue(tools).await?;
        tx.audit(change.event(Action::CatalogueSet, "catalogue").with("tools", tools.len()));
        Ok(())
    })
}
