//! `hubctl telemetry`

mod catalogue;
mod preview;
mod reads;
mod send;

pub(super) use preview::preview;

use hub_core::exit::Exit;

use super::Context;
use crate::cli::{CatalogueCommand, TelemetryCommand};
use crate::error::Result;

/// Runs one of them.
pub(super) async fn run(command: TelemetryCommand, context: &Context<'_>) -> Result<Exit> {
    match command {
        TelemetryCommand::Tools(args) => reads::tools(&args, context).await,
        TelemetryCommand::Series(args) => reads::series(&args, context).await,
        TelemetryCommand::Errors(args) => reads::errors(&args, context).await,
        TelemetryCommand::Counts(args) => reads::counts(&args, context).await,
        TelemetryCommand::Preview(args) => preview(&args, context.out),
        TelemetryCommand::Send(args) => send::run(args, context).await,
        TelemetryCommand::Catalogue(CatalogueCommand::Get) => catalogue::get(context).await,
        TelemetryCommand::Catalogue(CatalogueCommand::Set(args)) => {
            catalogue::set(args, context).await
        }
    }
}
