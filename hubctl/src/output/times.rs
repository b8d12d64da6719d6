//! Times as people read them.

use hub_core::time::Timestamp;

/// How times are written in tables.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// Relative to now.
    pub(crate) relative: bool,
    /// The present.
    pub(crate) now: Timestamp,
}

impl Times {
    /// A time, or `never`.
    pub(crate) fn or_never(&self, at: Option<Timestamp>) -> String {
        at.map_or_else(|| "never".to_owned(), |at| self.write(at))
    }

    /// A time.
    pub(crate) fn write(&self, at: Timestamp) -> String {
        if self.relative { relative(at, self.now) } else { at.to_string() }
    }

    /// The start of an hour or a day. It stays a date for a person too: `6 d ago` is 24 hours at once.
    pub(crate) fn step(&self, at: Timestamp) -> String {
        let iso = at.to_string();
        if self.relative { iso[..16].replace('T', " ") } else { iso }
    }
}

/// `3 h ago` or `in 3 h`: in the largest unit that fits at least once, rounded down.
fn relative(at: Timestamp, now: Timestamp) -> String {
    let seconds = (at.unix_ms() - now.unix_ms()) / 1_000;
    let amount = match seconds.unsigned_abs() {
        0..10 => return "just now".to_owned(),
        s @ 10..60 => format!("{s} s"),
        s @ 60..3_600 => format!("{} min", s / 60),
        s @ 3_600..172_800 => format!("{} h", s / 3_600),
        s => format!("{} d", s / 86_400),
    };
    if seconds < 0 { format!("{amount} ago") } else { format!("in {amount}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_from_now() {
        let now = Timestamp::from_unix_ms(1_800_000_000_000);
        for (seconds, told) in [
            (0, "just now"),
            (-45, "45 s ago"),
            (-90, "1 min ago"),
            (-3 * 3_600, "3 h ago"),
            (-47 * 3_600, "47 h ago"),
            (40 * 86_400, "in 40 d"),
        ] {
            let at = Timestamp::from_unix_ms(now.unix_ms() + seconds * 1_000);
            assert_eq!(relative(at, now), told);
        }
    }

    #[test]
    fn iso_times_are_those_of_the_api() {
        let times = Times { relative: false, now: Timestamp::UNIX_EPOCH };
        assert_eq!(times.write(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
        assert_eq!(times.or_never(None), "never");
        assert_eq!(times.step(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_step_is_told_by_its_date() {
        let times = Times { relative: true, now: Timestamp::UNIX_EPOCH };
        assert_eq!(times.step(Timestamp::UNIX_EPOCH), "1970-01-01 00:00");
    }
}
