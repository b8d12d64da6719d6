//! Whose usage, and when: ranges of time, rounded to what is kept.

use hub_core::api::Step;
use hub_core::time::{Range, Timestamp};

use super::{HOUR_MS, hour_of};
use crate::store::db::Db;
use crate::store::error::Error;

/// Whose usage, and when.
#[derive(Debug, Clone)]
pub(crate) struct UsageFilter {
    pub(crate) range: Range,
    /// The end when the range has none.
    pub(crate) now: Timestamp,
    /// Of this client, by its id.
    pub(crate) client: Option<String>,
    /// Of this instance, by its row.
    pub(crate) instance: Option<i64>,
    /// Rows made by fewer clients are merged into `other`.
    pub(crate) min_clients: u32,
}

impl UsageFilter {
    /// Whether it is of the whole fleet.
    pub(super) fn is_fleet(&self) -> bool {
        self.client.is_none() && self.instance.is_none()
    }

    /// Whether the fleet's own sums answer it.
    pub(super) fn is_of_sums(&self) -> bool {
        self.is_fleet() && self.min_clients <= 1
    }
}

/// Whole hours, or whole days where only days are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UsageRange {
    pub(super) since: i64,
    pub(super) until: i64,
    /// The day from which there are hours; before it there are days.
    pub(super) horizon: i64,
}

impl Db<'_> {
    /// The day from which there are hours; before it there are days.
    pub(super) async fn horizon(&mut self) -> Result<i64, Error> {
        self.one("SELECT day FROM telemetry_horizon WHERE id = 1", &[]).await
    }
}

/// The least multiple that is not less.
fn up(hour: i64, step: i64) -> i64 {
    hour.saturating_add(step - 1).div_euclid(step) * step
}

/// The greatest multiple that is not greater.
pub(super) fn down(hour: i64, step: i64) -> i64 {
    hour.div_euclid(step) * step
}

/// How many hours a step has.
pub(super) fn hours(step: Step) -> i64 {
    match step {
        Step::Hour => 1,
        Step::Day => 24,
    }
}

impl UsageRange {
    /// Rounds the start down and the end up: to the hour, to the step, and to the day for days whose hours
    /// are gone.
    pub(super) fn new(filter: &UsageFilter, horizon: i64, step: Step) -> Self {
        let until = filter
            .range
            .until
            .unwrap_or_else(|| filter.now.after(std::time::Duration::from_millis(1)));
        let until = until.unix_ms().saturating_add(HOUR_MS - 1).div_euclid(HOUR_MS);
        let since = hour_of(filter.range.since.unix_ms());
        let step = hours(step);
        let kept = |hour: i64, edge: i64| if hour < edge { 24 } else { step };
        Self {
            since: down(since, kept(since, horizon * 24)),
            until: up(until, kept(until, horizon * 24)),
            horizon,
        }
    }

    /// The start.
    pub(crate) fn since(&self) -> Timestamp {
        at(self.since)
    }

    /// The end.
    pub(crate) fn until(&self) -> Timestamp {
        at(self.until)
    }

    /// From when there are hours.
    pub(crate) fn hours_from(&self) -> Timestamp {
        at(self.horizon * 24)
    }

    /// Whether a part of it has no hours any more.
    pub(crate) fn reaches_days(&self) -> bool {
        self.since < self.horizon * 24 && self.since < self.until
    }

    /// How many steps it has.
    pub(crate) fn steps(&self, step: Step) -> i64 {
        (self.until - self.since).max(0) / hours(step)
    }

    /// The days that it covers whole: the first, and the one after the last.
    pub(super) fn whole_days(&self) -> (i64, i64) {
        let (first, end) = (up(self.since, 24) / 24, self.until.div_euclid(24));
        if first < end { (first, end) } else { (first, first) }
    }
}

/// The time of an hour.
pub(super) fn at(hour: i64) -> Timestamp {
    Timestamp::from_unix_ms(hour.saturating_mul(HOUR_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounded(since: &str, until: &str, horizon: &str, step: Step) -> (String, String) {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let range = Range { since: time(since), until: Some(time(until)) };
        let filter =
            UsageFilter { range, now: time(until), client: None, instance: None, min_clients: 0 };
        let horizon = hour_of(time(horizon).unix_ms()) / 24;
        let range = UsageRange::new(&filter, horizon, step);
        (range.since().to_string(), range.until().to_string())
    }

    #[test]
    fn ranges_are_rounded_to_what_is_kept() {
        let of = |since: &str, until: &str, step| {
            let (since, until) = rounded(
                &format!("2026-11-{since}:00Z"),
                &format!("2026-11-{until}:00Z"),
                "2026-11-10T00:00:00Z",
                step,
            );
            (since[8..16].to_owned(), until[8..16].to_owned())
        };
        let to = |since: &str, until: &str| (since.to_owned(), until.to_owned());
        assert_eq!(of("12T01:30", "12T02:10", Step::Hour), to("12T01:00", "12T03:00"));
        assert_eq!(of("12T01:30", "12T02:10", Step::Day), to("12T00:00", "13T00:00"));
        assert_eq!(of("09T13:00", "12T02:00", Step::Hour), to("09T00:00", "12T02:00"));
        assert_eq!(of("08T01:00", "08T13:00", Step::Hour), to("08T00:00", "09T00:00"));
        assert_eq!(of("09T01:00", "10T00:00", Step::Hour), to("09T00:00", "10T00:00"));
    }
}
