//! The settings of the hub itself.

use std::time::Duration;

use clap::Args;
use hub_core::privacy;
use hub_core::redact::MOST_DAYS_LATE;
use humantime::parse_duration;

/// How activations behave, and how many hot requests may wait.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct HotSettings {
    /// For how long the previous hub key works after an activation
    #[arg(long, default_value = "10m", value_parser = parse_duration)]
    pub(crate) activation_overlap: Duration,

    /// The most activations that may wait, and the most reports
    #[arg(long, default_value_t = 1024, value_parser = queue_length)]
    pub(crate) queue: usize,
}

/// For how long the hub keeps usage, and how often it deletes old usage.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct TelemetrySettings {
    /// For how long to keep usage by hour, at least 9 days
    #[arg(long, default_value = "14d", value_parser = hours_kept)]
    pub(crate) hours_kept: Duration,

    /// For how long to keep usage by day, not shorter than usage by hour
    #[arg(long, default_value = "400d", value_parser = parse_duration)]
    pub(crate) days_kept: Duration,

    /// How often to add hours up to days and to delete old usage, at most 1 hour
    #[arg(long, default_value = "10m", value_parser = rollup_every)]
    pub(crate) rollup_every: Duration,
}

impl TelemetrySettings {
    /// Whether the times fit together.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.days_kept < self.hours_kept {
            return Err("--days-kept (HUBD_DAYS_KEPT) must not be shorter than --hours-kept \
                (HUBD_HOURS_KEPT): days are made of hours");
        }
        Ok(())
    }

    /// For how long the hub keeps usage in any form.
    pub(crate) fn retention(&self) -> privacy::Retention {
        privacy::Retention { hours: self.hours_kept, usage: self.days_kept }
    }
}

const DAY: Duration = Duration::from_hours(24);

/// Reads a duration that is long enough: a report for a day may arrive up to [`MOST_DAYS_LATE`] days
/// after that day, and the hours of the day must still exist then. One more day is the margin.
fn hours_kept(text: &str) -> Result<Duration, String> {
    let least = MOST_DAYS_LATE + 2;
    match parse_duration(text) {
        Ok(kept) if kept >= DAY * least => Ok(kept),
        _ => Err(format!("must be a duration of at least {least}d")),
    }
}

fn rollup_every(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(every) if every <= Duration::from_hours(1) && !every.is_zero() => Ok(every),
        _ => Err("must be a duration of at most 1h".to_owned()),
    }
}

fn queue_length(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(length @ 1..=1_000_000) => Ok(length),
        _ => Err("must be a number from 1 to 1000000".to_owned()),
    }
}
