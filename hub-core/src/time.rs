//! Points in time and spans, in the form that the API uses. Nothing here reads a clock.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::fields::Field;
use crate::from_text::from_text;
use crate::schema::inline_schema;

/// A point in time with millisecond precision, between the years 1 and 9999.
///
/// It is written as RFC 3339 in UTC with a `Z`, and read with any offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999Z, in Unix milliseconds.
const RANGE: (i64, i64) = (-62_135_596_800_000, 253_402_300_799_999);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self(0);

    /// The time at so many milliseconds since 1970, clamped to the range that can be written.
    #[must_use]
    pub fn from_unix_ms(ms: i64) -> Self {
        Self(ms.clamp(RANGE.0, RANGE.1))
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn unix_ms(self) -> i64 {
        self.0
    }

    /// The time that is `span` later, clamped to the range that can be written.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self::from_unix_ms(self.0.saturating_add(millis(span)))
    }

    /// The time that is `span` earlier, clamped to the range that can be written.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self::from_unix_ms(self.0.saturating_sub(millis(span)))
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

impl From<std::time::SystemTime> for Timestamp {
    fn from(at: std::time::SystemTime) -> Self {
        let ms = OffsetDateTime::from(at).unix_timestamp_nanos() / 1_000_000;
        Self::from_unix_ms(i64::try_from(ms).unwrap_or(RANGE.1))
    }
}

impl Timestamp {
    /// The text on the wire: 24 ASCII characters. Answers hold many of them, so they are written digit
    /// by digit.
    fn text(self) -> [u8; 24] {
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let at = OffsetDateTime::from_unix_timestamp(self.0.div_euclid(1000));
        let at = at.unwrap_or_else(|_| unreachable!("a timestamp is held to the years 1 to 9999"));
        let ((year, month, day), time) = (at.date().to_calendar_date(), at.time());
        let millis = u32::try_from(self.0.rem_euclid(1000)).unwrap_or_default();
        write_digits::<4>(&mut text[0..], year.unsigned_abs());
        write_digits::<2>(&mut text[5..], u32::from(u8::from(month)));
        write_digits::<2>(&mut text[8..], u32::from(day));
        write_digits::<2>(&mut text[11..], u32::from(time.hour()));
        write_digits::<2>(&mut text[14..], u32::from(time.minute()));
        write_digits::<2>(&mut text[17..], u32::from(time.second()));
        write_digits::<3>(&mut text[20..], millis);
        text
    }
}

/// Writes the last `N` decimal digits of a number.
fn write_digits<const N: usize>(text: &mut [u8], mut number: u32) {
    for place in text[..N].iter_mut().rev() {
        *place = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
}

fn ascii(text: &[u8; 24]) -> &str {
    std::str::from_utf8(text).unwrap_or_else(|_| unreachable!("digits and signs are ASCII"))
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(ascii(&self.text()))
    }
}

/// The text is not a time, or not a span. The message does not quote the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a time or span in an accepted form")]
pub struct MalformedTime;

impl FromStr for Timestamp {
    type Err = MalformedTime;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let at = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| MalformedTime)?;
        let ms = at.unix_timestamp_nanos().div_euclid(1_000_000);
        let ms = i64::try_from(ms).map_err(|_| MalformedTime)?;
        (RANGE.0..=RANGE.1).contains(&ms).then_some(Self(ms)).ok_or(MalformedTime)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(ascii(&self.text()))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

inline_schema!(Timestamp, {
    "type": "string", "format": "date-time", "examples": ["2026-11-27T08:00:00.000Z"]
});

impl Field for Timestamp {
    const EXPECTED: &'static str = "must be an RFC 3339 time, such as 2027-12-31T00:00:00Z";
}

/// A length of time: `[1-9][0-9]{0,3}` followed by `m`, `h`, `d` or `w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(Duration);

impl Span {
    /// The span as a [`Duration`].
    #[must_use]
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Span {
    type Err = MalformedTime;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let split = text.len().checked_sub(1).filter(|&at| text.is_char_boundary(at));
        let (digits, unit) = text.split_at(split.ok_or(MalformedTime)?);
        let seconds = match unit {
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            "w" => 7 * 86_400,
            _ => return Err(MalformedTime),
        };
        let plain = (1..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        if !plain || digits.starts_with('0') {
            return Err(MalformedTime);
        }
        let count: u64 = digits.parse().map_err(|_| MalformedTime)?;
        Ok(Self(Duration::from_secs(count * seconds)))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            s if s > 9_999 * 86_400 => write!(f, "{}w", s / (7 * 86_400)),
            s if s % 86_400 == 0 => write!(f, "{}d", s / 86_400),
            s if s % 3_600 == 0 => write!(f, "{}h", s / 3_600),
            s => write!(f, "{}m", s / 60),
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

inline_schema!(Span, {
    "type": "string", "pattern": "^[1-9][0-9]{0,3}[mhdw]$", "examples": ["24h"]
});

impl Field for Span {
    const EXPECTED: &'static str = "must be a span: 1 to 9999 and m, h, d or w, such as 24h";
}

/// The value of `since` and `until`: a time, a date (its start in UTC), or a span before now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// An absolute time.
    At(Timestamp),
    /// This long before now.
    Ago(Span),
}

impl Moment {
    /// The absolute time, seen from `now`.
    #[must_use]
    pub fn resolve(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(span) => now.before(span.duration()),
        }
    }
}

impl FromStr for Moment {
    type Err = MalformedTime;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let start = || start_of_day(text).map(Self::At).ok_or(MalformedTime);
        text.parse().map(Self::Ago).or_else(|_| text.parse().map(Self::At)).or_else(|_| start())
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::At(at) => at.serialize(serializer),
            Self::Ago(span) => span.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

inline_schema!(Moment, {
    "anyOf": [
        {"type": "string", "format": "date-time"},
        {"type": "string", "format": "date"},
        {"type": "string", "pattern": "^[1-9][0-9]{0,3}[mhdw]$"}
    ],
    "examples": ["7d", "2026-11-01"]
});

impl Field for Moment {
    const EXPECTED: &'static str = "must be an RFC 3339 time, a date, or a span before now such as 24h (1 to 9999 and m, h, d or w)";
}

/// The start in UTC of a date such as `2027-12-31`.
#[must_use]
pub fn start_of_day(text: &str) -> Option<Timestamp> {
    let is_date = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    is_date.then(|| format!("{text}T00:00:00Z").parse().ok())?
}

/// A range of time from `since` up to but not including `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first moment of the range.
    pub since: Timestamp,
    /// The first moment after the range; `None` leaves the end open.
    pub until: Option<Timestamp>,
}

impl Range {
    /// The default length: 7 days.
    const DEFAULT: Duration = Duration::from_hours(7 * 24);

    /// The range of two query parameters. Without `since` the range is 7 days long.
    #[must_use]
    pub fn resolve(since: Option<Moment>, until: Option<Moment>, now: Timestamp) -> Self {
        let until = until.map(|until| until.resolve(now));
        let end = until.map_or(now, |until| until.min(now));
        let since = since.map_or(end.before(Self::DEFAULT), |since| since.resolve(now));
        Self { since, until }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_the_last_week_by_default() {
        let now = Timestamp::from_unix_ms(1_800_000_000_000);
        let resolve =
            |since: &str, until: &str| Range::resolve(since.parse().ok(), until.parse().ok(), now);
        let ago = |days: u64| now.before(Duration::from_hours(24 * days));
        assert_eq!(resolve("", ""), Range { since: ago(7), until: None });
        assert_eq!(resolve("30d", ""), Range { since: ago(30), until: None });
        assert_eq!(resolve("2w", ""), Range { since: ago(14), until: None });
        let day = "2026-12-31T00:00:00Z".parse().unwrap();
        assert_eq!(resolve("2026-12-31", ""), Range { since: day, until: None });
        assert_eq!(resolve("", "30d"), Range { since: ago(37), until: Some(ago(30)) });
        let later = resolve("", "9999-01-01T00:00:00Z");
        assert_eq!(later.since, ago(7), "a future end does not move the start");
    }

    #[test]
    fn times_are_read_in_any_offset_and_written_in_utc() {
        for (given, written) in [
            ("2026-11-24T03:43:31Z", "2026-11-24T03:43:31.000Z"),
            ("2026-11-24T03:43:31.0019Z", "2026-11-24T03:43:31.001Z"),
            ("2026-11-24T05:43:31.5+02:00", "2026-11-24T03:43:31.500Z"),
            ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
            ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(given.parse::<Timestamp>().unwrap().to_string(), written);
        }
        for wrong in ["", "2026-11-24", "2026-13-01T00:00:00Z", "yesterday", "2026-11-24T03:43:31"]
        {
            assert!(wrong.parse::<Timestamp>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn arithmetic_stays_in_the_range_that_can_be_written() {
        let far = Timestamp::from_unix_ms(i64::MAX).after(Duration::MAX);
        assert_eq!(far.to_string(), "9999-12-31T23:59:59.999Z");
        let early = Timestamp::from_unix_ms(i64::MIN).before(Duration::MAX);
        assert_eq!(early.to_string(), "0001-01-01T00:00:00.000Z");
    }

    #[test]
    fn spans_follow_the_grammar() {
        assert_eq!("90m".parse::<Span>().unwrap().duration(), Duration::from_mins(90));
        for (given, written) in [("9999d", "9999d"), ("9999w", "9999w"), ("2w", "14d")] {
            assert_eq!(given.parse::<Span>().unwrap().to_string(), written);
        }
        for wrong in ["", "0h", "01h", "10000h", "5", "5s", "h", "-5h", "5 h", "5é"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
    }
}
