//! Sets the catalogue of names.

use std::collections::BTreeSet;

use hub_core::api::{Action, Catalogue, CataloguePatch, ListedName};

use super::Change;
use crate::domain::{ETag, Precondition, Refusal};
use crate::store::{Store, Tx};

/// The entity tag of a catalogue.
pub(crate) fn etag(catalogue: &Catalogue) -> ETag {
    ETag::of(catalogue)
}

/// Replaces the catalogue. If the new catalogue is the same, nothing is written to the audit log.
pub(crate) async fn set_catalogue(
    store: &Store,
    change: Change,
    new: Catalogue,
    condition: Precondition,
) -> Result<Catalogue, Refusal> {
    let args = (change, new, condition);
    let write = store.write("set catalogue", args, |tx, (change, new, condition)| {
        Box::pin(async move {
            let old = tx.catalogue().await?;
            condition.check(&etag(&old))?;
            set(tx, change, &old, new).await?;
            Ok(new.clone())
        })
    });
    known(store, write.await?).await
}

/// Lists and unlists names.
pub(crate) async fn update_catalogue(
    store: &Store,
    change: Change,
    patch: CataloguePatch,
    condition: Precondition,
) -> Result<Catalogue, Refusal> {
    let args = (change, patch, condition);
    let write = store.write("update catalogue", args, |tx, (change, patch, condition)| {
        Box::pin(async move {
            let old = tx.catalogue().await?;
            condition.check(&etag(&old))?;
            let new = Catalogue {
                tools: patched(&old.tools, &patch.add.tools, &patch.remove.tools)?,
                codes: patched(&old.codes, &patch.add.codes, &patch.remove.codes)?,
                counts: patched(&old.counts, &patch.add.counts, &patch.remove.counts)?,
            };
            set(tx, change, &old, &new).await?;
            Ok(new)
        })
    });
    known(store, write.await?).await
}

fn patched<N: ListedName + Clone>(
    old: &BTreeSet<N>,
    add: &BTreeSet<N>,
    remove: &BTreeSet<N>,
) -> Result<BTreeSet<N>, Refusal> {
    let new: BTreeSet<N> = old.union(add).filter(|name| !remove.contains(*name)).cloned().collect();
    if new.len() > N::MOST {
        let message = format!("would make {} names; the catalogue holds {}", new.len(), N::MOST);
        return Err(Refusal::field(format!("add.{}", N::LIST), message));
    }
    Ok(new)
}

async fn set(
    tx: &mut Tx<'_>,
    change: &Change,
    old: &Catalogue,
    new: &Catalogue,
) -> Result<(), Refusal> {
    if old == new {
        return Ok(());
    }
    tx.set_catalogue(old, new, change.now).await?;
    let event = change
        .event(Action::CatalogueSet, "catalogue")
        .with("tools", new.tools.len())
        .with("codes", new.codes.len())
        .with("counts", new.counts.len());
    tx.audit(event);
    Ok(())
}

/// From the answer on, this process reads reports by the new catalogue.
async fn known(store: &Store, catalogue: Catalogue) -> Result<Catalogue, Refusal> {
    store.read_listed().await?;
    Ok(catalogue)
}
