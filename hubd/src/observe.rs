//! The log: readable text on a terminal, JSON lines elsewhere. The log never contains a query, a header,
//! a body or the text of a panic.

use std::io::IsTerminal;
use std::panic;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging to standard error.
///
/// # Errors
/// When the filter is malformed. The message does not quote the filter.
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
        // The message of a panic could quote a request, so only its place is logged.
        let location = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(location, "panic");
    }));
    Ok(())
}
