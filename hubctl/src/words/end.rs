//! When something ends, as it is typed: a time, a date, or a span from now on.

use std::str::FromStr;

use hub_core::time::{Span, Timestamp, start_of_day};

/// When something ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Then.
    At(Timestamp),
    /// This long after now.
    In(Span),
}

/// What is accepted.
const EXPECTED: &str = "must be a date such as 2027-12-31 (its end in UTC), an RFC 3339 time, or a \
    span from now such as 90d or 12w";

/// The last moment of a day, after its start.
const TO_THE_END: std::time::Duration = std::time::Duration::from_millis(24 * 3_600_000 - 1);

impl End {
    /// The time, seen from now.
    pub(crate) fn resolve(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::In(span) => now.after(span.duration()),
        }
    }

    /// The end of a date such as `2027-12-31`, in UTC.
    pub(crate) fn of_day(text: &str) -> Option<Timestamp> {
        start_of_day(text).map(|start| start.after(TO_THE_END))
    }
}

impl FromStr for End {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let day = Self::of_day(text).map(Self::At);
        day.or_else(|| text.parse().ok().map(Self::At))
            .or_else(|| text.parse().ok().map(Self::In))
            .ok_or_else(|| EXPECTED.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_day_a_time_or_a_span_away() {
        let now: Timestamp = "2026-11-27T12:00:00Z".parse().unwrap();
        for (typed, end) in [
            ("2026-12-15", "2026-12-15T23:59:59.999Z"),
            ("2026-12-15T08:00:00+01:00", "2026-12-15T07:00:00.000Z"),
            ("90d", "2027-02-25T12:00:00.000Z"),
            ("12w", "2027-02-19T12:00:00.000Z"),
        ] {
            assert_eq!(typed.parse::<End>().unwrap().resolve(now).to_string(), end);
        }
        for wrong in ["", "tomorrow", "2026-13-01", "90", "15.12.2026"] {
            assert!(wrong.parse::<End>().is_err(), "{wrong}");
        }
    }
}
