//! Whether a hub's clock can be trusted.
//!
//! A clock may be wrong by hours or years for a while, of one replica of several too. So a clock that
//! disagrees by more than a day with the time that the database saw last is doubted, until it has been so
//! for a day by its own account without a break; then it was the time before that was wrong, or the hub
//! stood still.

use std::time::Duration;

use hub_core::time::Timestamp;

/// How far a clock may be off.
const CLOSE: Duration = Duration::from_hours(24);
/// For how long a clock must disagree to be believed.
const PERSISTENT: Duration = Duration::from_hours(24);
/// The longest break between two times of a clock that disagrees.
const BREAK: Duration = Duration::from_hours(2);

/// What the hubs know about the time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Clock {
    /// The last time that was trusted; `None` on a new database.
    pub(crate) trusted: Option<Timestamp>,
    /// Since when a clock disagrees, by its own account.
    pub(crate) doubted_from: Option<Timestamp>,
    /// The last time of the clock that disagrees.
    pub(crate) doubted: Option<Timestamp>,
}

/// Whether to go by a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judgement {
    Trusted,
    /// It disagrees with this time.
    Doubted {
        trusted: Timestamp,
    },
}

impl Clock {
    /// Judges a clock that says `now`; what is known after that.
    pub(crate) fn judge(self, now: Timestamp) -> (Self, Judgement) {
        let trust = Self { trusted: Some(now), doubted_from: None, doubted: None };
        let Some(trusted) = self.trusted.filter(|trusted| !is_close(*trusted, now, CLOSE)) else {
            return (trust, Judgement::Trusted);
        };
        let goes_on = self.doubted.is_some_and(|last| last <= now && is_close(last, now, BREAK));
        let from = self.doubted_from.filter(|_| goes_on).unwrap_or(now);
        if goes_on && now >= from.after(PERSISTENT) {
            return (trust, Judgement::Trusted);
        }
        let doubt = Self { trusted: Some(trusted), doubted_from: Some(from), doubted: Some(now) };
        (doubt, Judgement::Doubted { trusted })
    }
}

fn is_close(one: Timestamp, other: Timestamp, most: Duration) -> bool {
    one.after(most) >= other && other.after(most) >= one
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_unix_ms(1_800_000_000_000 + hours * HOUR)
    }

    /// Judges the times one after the other; whether each was trusted.
    fn judged(hours: impl IntoIterator<Item = i64>) -> Vec<bool> {
        let mut clock = Clock::default();
        let judge = |hour| {
            let (next, judgement) = clock.judge(at(hour));
            clock = next;
            judgement == Judgement::Trusted
        };
        hours.into_iter().map(judge).collect()
    }

    #[test]
    fn a_clock_that_goes_on_is_trusted() {
        assert_eq!(judged([0, 1, 24, 48, 47, 30]), [true; 6]);
    }

    #[test]
    fn a_clock_that_was_ahead_for_a_while_is_never_trusted() {
        assert_eq!(judged([0, 720, 1]), [true, false, true]);
        assert_eq!(judged([0, 216, 217, 1, 218]), [true, false, false, true, false]);
        assert_eq!(judged([0, 8760, 87600]), [true, false, false], "each jump begins anew");
        // One replica of two is wrong: the other one puts it right each time.
        let both = (0..60).flat_map(|hour| [hour, 720 + hour]);
        assert!(judged(both).chunks(2).all(|pair| pair == [true, false]));
    }

    #[test]
    fn a_hub_that_stood_still_is_trusted_after_a_day() {
        let judged = judged([0].into_iter().chain(100..=125));
        assert_eq!(judged.iter().position(|trusted| *trusted && judged[1..2] == [false]), Some(0));
        assert_eq!(judged[1..25], [false; 24]);
        assert_eq!(judged[25..], [true, true]);
    }
}
