//! The log: readable on a terminal, JSON lines otherwise. It never holds a query, a header, a body or
//! the text of a panic.

use std::io::IsTerminal;
use std::panic;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging to standard error.
///
/// # Errors
/// When the filter is malformed; says so without quoting it.
pub fn start(filter: &str) -> Result<(), &'static str> {
    let filter = filter
        .parse::<Targets>()
        .map_err(|_| "--log must be a level or a filter such as hubd=debug")?;
    let log =
        tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        log.with_target(false).finish().with(filter).init();
    } else {
        log.json().flatten_event(true).finish().with(filter).init();
    }
    panic::set_hook(Box::new(|info| {
        // Its message could quote what was being worked on.
        let location = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(location, "panic");
    }));
    Ok(())
}
