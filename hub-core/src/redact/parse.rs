//! Bytes → what may be kept, in one pass, straight from a visitor.
//!
//! Known members are read where they stand; all else is skipped, never collected. A scalar is looked at
//! as a slice of the body, and a name is looked up where it stands: what leaves this room are numbers. No
//! error here holds any of the input: serde's, which quote it, are dropped.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess};
use uuid::Uuid;

use super::place::{Expected, Name, Place, Way};
use super::report::Content;
use super::scalar::{count, text};
use super::tool::ToolList;
use super::{CleanReport, CountName, Listed, OTHER, Places, Reason, Reasons};
use crate::fields::Fault;
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
/// `report_id`, no window that the hub takes at the time `now`, or a wrong type of `tools` or `counts`.
pub fn redact(body: &[u8], listed: &Listed, now: Timestamp) -> Result<CleanReport, Fault> {
    read(body, listed, now, || None).map(|(report, _)| report)
}

/// The same, and the first 100 places where something is not kept as it was sent.
///
/// # Errors
/// As [`redact`].
pub fn inspect(
    body: &[u8],
    listed: &Listed,
    now: Timestamp,
) -> Result<(CleanReport, Places), Fault> {
    read(body, listed, now, || Some(Places::default()))
}

fn read(
    body: &[u8],
    listed: &Listed,
    now: Timestamp,
    places: fn() -> Option<Places>,
) -> Result<(CleanReport, Places), Fault> {
    let text = str::from_utf8(body).map_err(|_| Fault::NotAnObject)?;
    let mut reading = Reading::new(listed, Way::Fast, places());
    if reading.read(text).is_err() {
        // The bytes of a name are not checked for what JSON allows.
        serde_json::from_str::<IgnoredAny>(text).map_err(|_| Fault::NotAnObject)?;
        reading = Reading::new(listed, Way::Patient, places());
        reading.read(text).map_err(|_| Fault::NotAnObject)?;
    }
    reading.finish(now)
}

/// What was read so far.
pub(super) struct Reading<'n> {
    pub(super) listed: &'n Listed,
    pub(super) way: Way,
    is_object: bool,
    id: Once<Option<Uuid>>,
    start: Once<Option<Timestamp>>,
    end: Once<Option<Timestamp>>,
    /// Known members of a wrong type without which the report would lose what was sent.
    pub(super) wrong: Vec<FieldError>,
    pub(super) content: Content,
    reasons: Reasons,
    pub(super) places: Option<Places>,
    pub(super) hasher: RandomState,
}

impl<'n> Reading<'n> {
    fn new(listed: &'n Listed, way: Way, places: Option<Places>) -> Self {
        Self {
            listed,
            way,
            is_object: false,
            id: Once::Absent,
            start: Once::Absent,
            end: Once::Absent,
            wrong: Vec::new(),
            content: Content::default(),
            reasons: Reasons::default(),
            places,
            hasher: RandomState::new(),
        }
    }

    fn read(&mut self, text: &str) -> Result<(), serde_json::Error> {
        #[cfg(feature = "proof")]
        if crate::proof::leak() == Some(crate::proof::Leak::Length) {
            self.reasons.add(Reason::UnknownMember, text.len() as u64);
        }
        let mut json = serde_json::Deserializer::from_str(text);
        Place(Frame(self)).deserialize(&mut json)?;
        json.end()
    }

    fn finish(self, now: Timestamp) -> Result<(CleanReport, Places), Fault> {
        if !self.is_object {
            return Err(Fault::NotAnObject);
        }
        let mut faults = Vec::new();
        let mut fault = |field: &str, message: &str| faults.push(FieldError::new(field, message));
        let id = self.id.value("report_id", "must be a UUID", &mut fault);
        let time = "must be an RFC 3339 time, such as 2026-11-25T10:00:00Z";
        let start = self.start.value("window_start", time, &mut fault);
        let end = self.end.value("window_end", time, &mut fault);
        if let (Some(start), Some(end)) = (start, end) {
            check_window(start, end, now, &mut fault);
        }
        faults.extend(self.wrong);
        match (id, start, end) {
            (Some(id), Some(start), Some(end)) if faults.is_empty() => {
                let (content, reasons) = (self.content, self.reasons);
                let catalogue = self.listed.version;
                let report = CleanReport { id, start, end, catalogue, content, reasons };
                Ok((report, self.places.unwrap_or_default()))
            }
            _ => Err(Fault::Fields(faults)),
        }
    }

    /// Lets an unlisted name into a counter.
    #[cfg(feature = "proof")]
    pub(super) fn leak(&mut self, name: &str) {
        if crate::proof::leak() == Some(crate::proof::Leak::Names) {
            self.content.count(OTHER, name.len() as u64);
        }
    }

    /// Notes that something is not kept as it was sent, and where.
    pub(super) fn note(&mut self, reason: Reason, at: impl FnOnce() -> String) {
        self.reasons.add(reason, 1);
        if let Some(places) = &mut self.places {
            places.note(reason, at);
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
pub(super) enum Once<T> {
    #[default]
    Absent,
    Given(T),
}

impl<T> Once<T> {
    pub(super) fn set<E: serde::de::Error>(&mut self, value: T) -> Result<(), E> {
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
    /// The value, if one was given and is usable.
    pub(super) fn given(self) -> Option<T> {
        match self {
            Self::Given(value) => value,
            Self::Absent => None,
        }
    }

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

/// The whole body.
struct Frame<'a, 'n>(&'a mut Reading<'n>);

impl<'de> Expected<'de> for Frame<'_, '_> {
    fn way(&self) -> Way {
        self.0.way
    }

    /// A body that is no object is refused as a whole.
    fn wrong(self) {}

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let reading = self.0;
        reading.is_object = true;
        let (mut tools, mut counts) = (Once::Absent, Once::Absent);
        while let Some(name) = map.next_key_seed(Name(reading.way))? {
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
                    reading.note(Reason::UnknownMember, || "/*".to_owned());
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

/// Names that were read in one object, as hashes: the names themselves are not kept.
#[derive(Default)]
pub(super) struct Seen(HashSet<u64>);

impl Seen {
    pub(super) fn once<E: serde::de::Error>(
        &mut self,
        hasher: &RandomState,
        name: &str,
    ) -> Result<(), E> {
        let new = self.0.insert(hasher.hash_one(name));
        if new { Ok(()) } else { Err(E::custom("a name twice")) }
    }
}

/// `counts`.
struct Counts<'a, 'n>(&'a mut Reading<'n>);

impl<'de> Expected<'de> for Counts<'_, '_> {
    fn way(&self) -> Way {
        self.0.way
    }

    fn wrong(self) {
        self.0.wrong.push(FieldError::new("counts", "must be an object"));
    }

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let reading = self.0;
        let listed = reading.listed;
        let mut seen = Seen::default();
        while let Some(name) = map.next_key_seed(Name(reading.way))? {
            seen.once(&reading.hasher, &name)?;
            let other = name == CountName::OTHER;
            let number = if other { Some(OTHER) } else { listed.counts.number(&name) };
            let known = number.and_then(|number| listed.counts.name(number));
            let at = || format!("/counts/{}", known.map_or("*", CountName::as_str));
            let n = match count(map.next_value()?) {
                Ok(n) => n,
                Err(reason) => {
                    reading.note(reason, at);
                    continue;
                }
            };
            if number.is_none() {
                reading.note(Reason::UnlistedCount, at);
                #[cfg(feature = "proof")]
                reading.leak(&name);
            }
            if !reading.content.count(number.unwrap_or(OTHER), n) {
                reading.note(Reason::OverLimit, at);
            }
        }
        Ok(())
    }
}
