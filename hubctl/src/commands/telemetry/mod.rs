//! `hubctl telemetry`

mod catalogue;
mod preview;
mod reads;
mod report;
mod send;
mod split;

pub(super) use preview::preview_offline;

use hub_core::exit::Exit;

use super::Invocation;
use crate::cli::{CatalogueCommand, TelemetryCommand};
use crate::error::Result;

/// Runs one of them.
pub(super) async fn run(command: TelemetryCommand, invocation: &Invocation<'_>) -> Result<Exit> {
    match command {
        TelemetryCommand::Tools(args) => reads::tools(&args, invocation).await,
        TelemetryCommand::Series(args) => reads::series(&args, invocation).await,
        TelemetryCommand::Errors(args) => reads::errors(&args, invocation).await,
        TelemetryCommand::Counts(args) => reads::counts(&args, invocation).await,
        TelemetryCommand::Report(args) => report::run(&args, invocation).await,
        TelemetryCommand::Preview(args) => preview::run(args, invocation).await,
        TelemetryCommand::Send(args) => send::run(args, invocation).await,
        TelemetryCommand::Catalogue(CatalogueCommand::Get) => catalogue::get(invocation).await,
        TelemetryCommand::Catalogue(CatalogueCommand::Set(args)) => {
            catalogue::set(args, invocation).await
        }
        TelemetryCommand::Catalogue(CatalogueCommand::Add(args)) => {
            catalogue::add(args, invocation).await
        }
        TelemetryCommand::Catalogue(CatalogueCommand::Remove(names)) => {
            catalogue::remove(names, invocation).await
        }
    }
}
