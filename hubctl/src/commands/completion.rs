//! `hubctl completion`

use hub_core::exit::Exit;

use crate::cli::CompletionArgs;
use crate::complete;
use crate::error::{Failure, Result};
use crate::output::write_data;

/// Writes the script with which a shell asks this hubctl for completions.
pub(super) fn run(args: &CompletionArgs) -> Result<Exit> {
    let script = complete::script(&args.shell.to_string())
        .map_err(|error| Failure::usage(format!("no script for {}: {error}", args.shell)))?;
    write_data(&script)?;
    Ok(Exit::Done)
}
