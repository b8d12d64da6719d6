//! Bytes → what may be kept, in one pass, straight from a visitor.
//!
//! Known members are read where they stand; all else is skipped, never collected. A scalar is looked at
//! as a slice of the body. No error here holds any of the input: serde's, which quote it, are dropped.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::report::{Content, Usage};
use super::scalar::{count, duration, text};
use super::{CleanReport, CodeName, CountName, ToolName};
use crate::fields::Fault;
use crate::members::MemberName;
use crate::problem::FieldError;
use crate::time::Timestamp;

/// The longest window.
const WINDOW: Duration = Duration::from_hours(24);
/// How far in the future a window may end: clocks differ.
const AHEAD: Duration = Duration::from_mins(5);
/// How many days ago a window may start.
pub const MOST_DAYS_LATE: u32 = 7;
const LATE: Duration = Duration::from_hours(24 * MOST_DAYS_LATE as u64);

/// Turns a request's body into what may be kept of it.
///
/// # Errors
/// [`Fault`] when there is no usable frame: not one JSON object in UTF-8, a known member twice, no
/// `report_id`, or no window that the hub takes at the time `now`.
pub fn redact(body: &[u8], now: Timestamp) -> Result<CleanReport, Fault> {
    let text = std::str::from_utf8(body).map_err(|_| Fault::NotAnObject)?;
    let mut reading = Reading::default();
    #[cfg(feature = "proof")]
    if crate::proof::leak() == Some(crate::proof::Leak::Length) {
        reading.redacted += body.len() as u64;
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let read = Place(Frame(&mut reading)).deserialize(&mut json).and_then(|()| json.end());
    if read.is_err() || !reading.is_object {
        return Err(Fault::NotAnObject);
    }
    reading.finish(now)
}

/// What was read so far.
#[derive(Default)]
struct Reading {
    is_object: bool,
    id: Once<Option<Uuid>>,
    start: Once<Option<Timestamp>>,
    end: Once<Option<Timestamp>>,
    content: Content,
    redacted: u64,
    hasher: RandomState,
}

impl Reading {
    fn finish(self, now: Timestamp) -> Result<CleanReport, Fault> {
        let mut faults = Vec::new();
        let mut fault = |field: &str, message: &str| faults.push(FieldError::new(field, message));
        let id = self.id.value("report_id", "must be a UUID", &mut fault);
        let time = "must be an RFC 3339 time, such as 2026-11-25T10:00:00Z";
        let start = self.start.value("window_start", time, &mut fault);
        let end = self.end.value("window_end", time, &mut fault);
        if let (Some(start), Some(end)) = (start, end) {
            check_window(start, end, now, &mut fault);
        }
        match (id, start, end) {
            (Some(id), Some(start), Some(end)) if faults.is_empty() => {
                Ok(CleanReport { id, start, end, content: self.content, redacted: self.redacted })
            }
            _ => Err(Fault::Fields(faults)),
        }
    }
}

fn check_window(
    start: Timestamp,
    end: Timestamp,
    now: Timestamp,
    fault: &mut impl FnMut(&str, &str),
) {
    if end < start {
        fault("window_end", "must not be before window_start");
    } else if end > start.after(WINDOW) {
        fault("window_end", "must be at most 24 hours after window_start");
    }
    if end > now.after(AHEAD) {
        fault("window_end", "must be at most 5 minutes in the future: check the clock");
    }
    if start < now.before(LATE) {
        fault("window_start", "must be at most 7 days ago");
    }
}

/// A known member that may be given once.
#[derive(Default)]
enum Once<T> {
    #[default]
    Absent,
    Given(T),
}

impl<T> Once<T> {
    fn set<E: serde::de::Error>(&mut self, value: T) -> Result<(), E> {
        match self {
            Self::Absent => {
                *self = Self::Given(value);
                Ok(())
            }
            Self::Given(_) => Err(E::custom("a member twice")),
        }
    }
}

impl<T> Once<Option<T>> {
    fn value(self, field: &str, expected: &str, fault: &mut impl FnMut(&str, &str)) -> Option<T> {
        match self {
            Self::Given(Some(value)) => Some(value),
            Self::Given(None) => {
                fault(field, expected);
                None
            }
            Self::Absent => {
                fault(field, "is required");
                None
            }
        }
    }
}

/// A place in a report where an object or a list is expected. Whatever else stands there is skipped
/// and counted.
trait Expected<'de>: Sized {
    fn redacted(&mut self) -> &mut u64;

    fn object<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        *self.redacted() += 1;
        Ok(())
    }

    fn list<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        *self.redacted() += 1;
        Ok(())
    }
}

/// Reads a value as what is expected in its place.
struct Place<X>(X);

impl<'de, X: Expected<'de>> DeserializeSeed<'de> for Place<X> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<X> Place<X> {
    fn drop_scalar<'de>(mut self)
    where
        X: Expected<'de>,
    {
        *self.0.redacted() += 1;
    }
}

impl<'de, X: Expected<'de>> Visitor<'de> for Place<X> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("part of a report")
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.0.object(map)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        self.0.list(list)
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.drop_scalar();
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.drop_scalar();
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.drop_scalar();
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.drop_scalar();
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.drop_scalar();
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        self.drop_scalar();
        Ok(())
    }
}

/// The whole body.
struct Frame<'a>(&'a mut Reading);

impl<'de> Expected<'de> for Frame<'_> {
    fn redacted(&mut self) -> &mut u64 {
        &mut self.0.redacted
    }

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let reading = self.0;
        reading.is_object = true;
        let (mut tools, mut counts) = (Once::Absent, Once::Absent);
        while let Some(MemberName(name)) = map.next_key()? {
            match name.as_ref() {
                "report_id" => reading.id.set(text(map.next_value()?, report_id))?,
                "window_start" => reading.start.set(text(map.next_value()?, |t| t.parse().ok()))?,
                "window_end" => reading.end.set(text(map.next_value()?, |t| t.parse().ok()))?,
                "tools" => {
                    tools.set(())?;
                    map.next_value_seed(Place(ToolList(reading)))?;
                }
                "counts" => {
                    counts.set(())?;
                    map.next_value_seed(Place(Counts(reading)))?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    reading.redacted += 1;
                }
            }
        }
        Ok(())
    }
}

/// The hyphenated form of RFC 9562 alone: no other way to write the same id.
fn report_id(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok().filter(|_| text.len() == 36)
}

/// `tools`.
struct ToolList<'a>(&'a mut Reading);

impl<'de> Expected<'de> for ToolList<'_> {
    fn redacted(&mut self) -> &mut u64 {
        &mut self.0.redacted
    }

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Place(Tool(self.0)))?.is_some() {}
        Ok(())
    }
}

/// One of them.
struct Tool<'a>(&'a mut Reading);

impl<'de> Expected<'de> for Tool<'_> {
    fn redacted(&mut self) -> &mut u64 {
        &mut self.0.redacted
    }

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let reading = self.0;
        let (mut name, mut calls) = (Once::<Option<ToolName>>::Absent, Once::Absent);
        let (mut errors, mut durations) = (Once::Absent, Once::Absent);
        let mut usage = Usage::default();
        while let Some(MemberName(member)) = map.next_key()? {
            match member.as_ref() {
                "name" => name.set(text(map.next_value()?, ToolName::clean))?,
                "calls" => {
                    calls.set(())?;
                    let calls = count(map.next_value()?);
                    reading.redacted += u64::from(calls.is_none());
                    usage.calls = calls.unwrap_or(0);
                }
                "errors" => {
                    errors.set(())?;
                    map.next_value_seed(Place(Errors(reading, &mut usage)))?;
                }
                "durations_ms" => {
                    durations.set(())?;
                    map.next_value_seed(Place(Durations(reading, &mut usage)))?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    reading.redacted += 1;
                }
            }
        }
        let kept = match name {
            Once::Given(Some(name)) => Some(name),
            Once::Given(None) | Once::Absent => None,
        };
        reading.redacted += u64::from(kept.is_none());
        reading.content.use_tool(kept.unwrap_or_else(ToolName::other), usage);
        Ok(())
    }
}

/// Names that were read in one object, as hashes: the names themselves are not kept.
struct Seen(HashSet<u64>);

impl Seen {
    fn once<E: serde::de::Error>(&mut self, hasher: &RandomState, name: &str) -> Result<(), E> {
        let new = self.0.insert(hasher.hash_one(name));
        if new { Ok(()) } else { Err(E::custom("a name twice")) }
    }
}

/// `errors` of a tool.
struct Errors<'a, 'b>(&'a mut Reading, &'b mut Usage);

impl<'de> Expected<'de> for Errors<'_, '_> {
    fn redacted(&mut self) -> &mut u64 {
        &mut self.0.redacted
    }

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = Seen(HashSet::new());
        while let Some(MemberName(name)) = map.next_key()? {
            seen.once(&self.0.hasher, &name)?;
            let (code, n) = (CodeName::clean(&name), count(map.next_value()?));
            self.0.redacted += u64::from(code.is_none()) + u64::from(n.is_none());
            if let Some(n) = n {
                self.1.fail(code.unwrap_or_else(CodeName::other), n);
            }
        }
        Ok(())
    }
}

/// `durations_ms` of a tool.
struct Durations<'a, 'b>(&'a mut Reading, &'b mut Usage);

impl<'de> Expected<'de> for Durations<'_, '_> {
    fn redacted(&mut self) -> &mut u64 {
        &mut self.0.redacted
    }

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(raw) = list.next_element::<&RawValue>()? {
            match duration(raw) {
                Some(us) => self.1.durations.add(us),
                None => self.0.redacted += 1,
            }
        }
        Ok(())
    }
}

/// `counts`.
struct Counts<'a>(&'a mut Reading);

impl<'de> Expected<'de> for Counts<'_> {
    fn redacted(&mut self) -> &mut u64 {
        &mut self.0.redacted
    }

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = Seen(HashSet::new());
        while let Some(MemberName(name)) = map.next_key()? {
            seen.once(&self.0.hasher, &name)?;
            let (kept, n) = (CountName::clean(&name), count(map.next_value()?));
            self.0.redacted += u64::from(kept.is_none()) + u64::from(n.is_none());
            if let Some(n) = n {
                self.0.content.count(kept.unwrap_or_else(CountName::other), n);
            }
        }
        Ok(())
    }
}
