//! The log: readable text on a terminal, JSON lines elsewhere. The log never contains a query, a header,
//! a body or the text of a panic. What cannot be logged is lost, and the hub goes on.

use std::io::{self, IsTerminal, Write};
use std::panic;

use clap::ValueEnum;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// A line of JSON for each event.
    Json,
    /// A line of text for each event.
    Text,
}

/// Starts logging to standard error.
///
/// # Errors
/// When the filter is malformed. The message does not quote the filter.
pub fn start(filter: &str, format: LogFormat) -> Result<(), &'static str> {
    let filter = filter
        .parse::<Targets>()
        .map_err(|_| "--log must be a level or a filter such as hubd=debug")?;
    let log = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(|| Log)
        // They go to standard error in a way that panics when it is broken.
        .log_internal_errors(false);
    let at_terminal = io::stderr().is_terminal();
    if format == LogFormat::Text || (format == LogFormat::Auto && at_terminal) {
        log.with_target(false).with_ansi(at_terminal).finish().with(filter).init();
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

/// Standard error, as far as it takes what is written to it: a full disk, a closed pipe, or a pipe that
/// nobody reads loses lines, and nothing else happens.
struct Log;

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let stderr = io::stderr();
        let mut stderr = stderr.lock();
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let polled = poll(&mut [PollFd::new(&stderr, PollFlags::OUT)], Some(&at_once));
        if polled.is_ok_and(|ready| ready > 0) {
            let _ = stderr.write_all(line);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
