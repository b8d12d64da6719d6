//! Sets the catalogue of tool names.

use hub_core::api::{Action, Catalogue};

use super::Change;
use crate::domain::Refusal;
use crate::store::{Store, Tx};

/// Replaces the catalogue. If the new catalogue is the same, nothing is written to the audit log.
pub(crate) async fn set_catalogue(
    store: &Store,
    change: Change,
    new: Catalogue,
) -> Result<(), Refusal> {
    store
        .write("set catalogue", (change, new), |tx, (change, new)| Box::pin(set(tx, change, new)))
        .await
}

async fn set(tx: &mut Tx<'_>, change: &Change, new: &Catalogue) -> Result<(), Refusal> {
    let tools = &new.tools.0;
    if tx.catalogue().await? == *tools {
        return Ok(());
    }
    tx.set_catalogue(tools).await?;
    tx.audit(change.event(Action::CatalogueSet, "catalogue").with("tools", tools.len()));
    Ok(())
}
