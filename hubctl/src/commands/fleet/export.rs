//! `hubctl export`

use std::collections::BTreeSet;

use hub_core::api::{Catalogue, GetCatalogue, GetClient};
use hub_core::exit::Exit;
use hub_core::labels::LabelPair;

use super::file::{FLEET_LABEL, document, write};
use super::{Invocation, live};
use crate::cli::ExportArgs;
use crate::closest::closest;
use crate::error::{Failure, Result};
use crate::output::write_data;
use crate::words::Format;

/// Writes the hub's clients and instances as a fleet file.
pub(in crate::commands) async fn run(
    args: ExportArgs,
    invocation: &Invocation<'_>,
) -> Result<Exit> {
    let hub = invocation.hub()?;
    let label: Vec<LabelPair> = match &args.fleet {
        None => Vec::new(),
        Some(fleet) => {
            let pair = format!("{FLEET_LABEL}={fleet}").parse().ok().filter(|_| !fleet.is_empty());
            vec![pair.ok_or_else(|| {
                Failure::usage("--fleet must be 1 to 63 of A-Z, a-z, 0-9, _, . and -")
            })?]
        }
    };
    // Instances first: a client that is created meanwhile then looks like one without instances.
    let instances = live::instances(hub, label.clone()).await?;
    let mut clients = live::clients(hub, label).await?;
    let known: BTreeSet<_> = clients.iter().map(|client| client.id.clone()).collect();
    let others: BTreeSet<_> =
        instances.iter().map(|i| &i.client_id).filter(|id| !known.contains(*id)).collect();
    for id in others {
        let Some(found) = hub.find::<GetClient>(id).await? else {
            continue;
        };
        invocation.out.warn(&format!(
            "client {} is not in the fleet, but has instances in it: a plan of this file adopts it",
            found.value.slug
        ));
        clients.push(found.value);
    }
    clients.sort_by(|a, b| a.slug.cmp(&b.slug));
    let fleet = args.fleet.as_deref();
    if let Some(fleet) = fleet.filter(|_| clients.is_empty()) {
        warn_of_nothing(fleet, invocation).await?;
    }
    // The catalogue belongs to no fleet.
    let catalogue = match fleet {
        None => Some(hub.call::<GetCatalogue>("", &(), &()).await?),
        Some(_) => None,
    };
    let catalogue = catalogue.filter(|catalogue| *catalogue != Catalogue::default());
    match invocation.out.format() {
        Format::Json | Format::Yaml => {
            invocation.out.document(&document(fleet, &clients, &instances, catalogue.as_ref()))?;
        }
        Format::Table | Format::Wide => {
            write_data(&write(fleet, &clients, &instances, catalogue.as_ref()))?;
        }
        other => {
            let message = format!("a fleet file is not written as {}", other.name());
            return Err(
                Failure::usage(message).hint("leave -o out for TOML, or give -o json or yaml")
            );
        }
    }
    Ok(Exit::Done)
}

/// Says that a fleet has nothing, and which one may have been meant: a file without objects looks like
/// the export of a fleet that is empty.
async fn warn_of_nothing(fleet: &str, invocation: &Invocation<'_>) -> Result<()> {
    let all = live::clients(invocation.hub()?, Vec::new()).await?;
    let labels = all.iter().flat_map(|client| client.labels.iter());
    let fleets: BTreeSet<&str> =
        labels.filter(|(key, _)| *key == FLEET_LABEL).map(|(_, fleet)| fleet).collect();
    let meant = closest(fleet, fleets.into_iter());
    let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
    invocation.out.warn(&format!("nothing belongs to the fleet {fleet}{meant}"));
    Ok(())
}
