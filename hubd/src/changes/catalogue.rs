//! Sets the catalogue of names.

use std::collections::BTreeSet;

use hub_core::api::{Action, Catalogue, CataloguePatch, ListedName};

use super::Author;
use crate::domain::{ETag, Precondition, Refusal};
use crate::store::{Store, Tx};

/// The entity tag of a catalogue.
pub(crate) fn etag(catalogue: &Catalogue) -> ETag {
    ETag::of(catalogue)
}

/// Replaces the catalogue. If the new catalogue is the same, nothing is written to the audit log.
pub(crate) async fn set_catalogue(
    store: &Store,
    author: Author,
    new: Catalogue,
    condition: Precondition,
) -> Result<Catalogue, Refusal> {
    let args = (author, new, condition);
    let write = store.write("set catalogue", args, |tx, (author, new, condition)| {
        Box::pin(async move {
            let old = tx.catalogue().await?;
            condition.check(&etag(&old))?;
            set(tx, author, &old, new).await?;
            Ok(new.clone())
        })
    });
    known(store, write.await?).await
}

/// Lists and unlists names.
pub(crate) async fn update_catalogue(
    store: &Store,
    author: Author,
    patch: CataloguePatch,
    condition: Precondition,
) -> Result<Catalogue, Refusal> {
    let args = (author, patch, condition);
    let write = store.write("update catalogue", args, |tx, (author, patch, condition)| {
        Box::pin(async move {
            let old = tx.catalogue().await?;
            condition.check(&etag(&old))?;
            let new = Catalogue {
                tools: patched(&old.tools, &patch.add.tools, &patch.remove.tools)?,
                codes: patched(&old.codes, &patch.add.codes, &patch.remove.codes)?,
                counts: patched(&old.counts, &patch.add.counts, &patch.remove.counts)?,
            };
            set(tx, author, &old, &new).await?;
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
    author: &Author,
    old: &Catalogue,
    new: &Catalogue,
) -> Result<(), Refusal> {
    if old == new {
        return Ok(());
    }
    tx.set_catalogue(old, new, author.now).await?;
    let event = author
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
