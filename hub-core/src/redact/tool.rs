//! `tools` of a report: the elements, their names, errors and durations.

use serde::de::{IgnoredAny, MapAccess, SeqAccess};
use serde_json::value::RawValue;

use super::parse::{Once, Reading, Seen};
use super::place::{Expected, Name, Place, Way};
use super::places::code_at;
use super::report::Usage;
use super::scalar::{count, duration, is_text, text};
use super::{CodeName, OTHER, Reason, ToolName};
use crate::histogram::Histogram;
use crate::problem::FieldError;

/// `tools`.
pub(super) struct ToolList<'a, 'n>(pub(super) &'a mut Reading<'n>);

impl<'de> Expected<'de> for ToolList<'_, '_> {
    fn way(&self) -> Way {
        self.0.way
    }

    fn wrong(self) {
        self.0.wrong.push(FieldError::new("tools", "must be a list"));
    }

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut at = 0;
        while list.next_element_seed(Place(Tool { reading: self.0, at }))?.is_some() {
            at += 1;
        }
        Ok(())
    }
}

/// An element of `tools`.
struct Tool<'a, 'n> {
    reading: &'a mut Reading<'n>,
    at: usize,
}

/// The members of an element of `tools`.
#[derive(Default)]
struct ToolMembers {
    name: Once<Option<u32>>,
    calls: Once<Option<u64>>,
    errors: Once<()>,
    durations: Once<()>,
    /// Numbers of codes, each with how often, in the order of the report.
    codes: Vec<(u32, u64)>,
    took: Histogram,
}

impl<'de> Expected<'de> for Tool<'_, '_> {
    fn way(&self) -> Way {
        self.reading.way
    }

    fn wrong(self) {
        let at = self.at;
        self.reading.note(Reason::WrongType, || format!("/tools/{at}"));
    }

    fn object<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut members = ToolMembers::default();
        while let Some(member) = map.next_key_seed(Name(self.reading.way))? {
            match member.as_ref() {
                "name" => members.name.set(self.name(map.next_value()?))?,
                "calls" => members.calls.set(self.calls(map.next_value()?))?,
                "errors" => {
                    members.errors.set(())?;
                    map.next_value_seed(Place(Errors(&mut self, &mut members.codes)))?;
                }
                "durations_ms" => {
                    members.durations.set(())?;
                    map.next_value_seed(Place(Durations(&mut self, &mut members.took)))?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    self.note(Reason::UnknownMember, "*");
                }
            }
        }
        self.finish(members);
        Ok(())
    }
}

impl Tool<'_, '_> {
    fn note(&mut self, reason: Reason, member: &str) {
        let at = self.at;
        self.reading.note(reason, || format!("/tools/{at}/{member}"));
    }

    fn note_code(&mut self, reason: Reason, code: u32) {
        let (at, listed) = (self.at, self.reading.listed);
        self.reading.note(reason, || code_at(at, code, listed));
    }

    fn name(&mut self, raw: &RawValue) -> Option<u32> {
        let tools = &self.reading.listed.tools;
        let number =
            text(
                raw,
                |name| {
                    if name == ToolName::OTHER { Some(OTHER) } else { tools.number(name) }
                },
            );
        if number.is_none() {
            let reason = if is_text(raw) { Reason::UnlistedTool } else { Reason::WrongType };
            self.note(reason, "name");
            #[cfg(feature = "proof")]
            self.reading.leak(raw.get());
        }
        number
    }

    fn calls(&mut self, raw: &RawValue) -> Option<u64> {
        count(raw).map_err(|reason| self.note(reason, "calls")).ok()
    }

    fn finish(mut self, members: ToolMembers) {
        let ToolMembers { name, calls, mut codes, took: durations, .. } = members;
        if matches!(name, Once::Absent) {
            self.note(Reason::UnlistedTool, "name");
        }
        let failed: u64 = codes.iter().map(|(_, n)| n).sum();
        let calls = calls.given().unwrap_or_else(|| durations.n().max(failed));
        let mut beyond = failed.saturating_sub(calls);
        for (code, n) in codes.iter_mut().rev() {
            let dropped = beyond.min(*n);
            if dropped > 0 {
                *n -= dropped;
                beyond -= dropped;
                self.note_code(Reason::Inconsistent, *code);
            }
        }
        codes.retain(|(_, n)| *n > 0);
        let sent: Option<Vec<u32>> =
            self.reading.places.as_ref().map(|_| codes.iter().map(|(code, _)| *code).collect());
        let tool = name.given().unwrap_or(OTHER);
        let usage = Usage { tool, calls, errors: codes, durations };
        let no_room = self.reading.content.use_tool(usage);
        if no_room.tool {
            self.note(Reason::OverLimit, "name");
        }
        if let (Some(places), Some(sent)) = (&mut self.reading.places, sent) {
            let tool = if no_room.tool { OTHER } else { tool };
            let kept = sent.into_iter().filter(|code| !no_room.codes.contains(code));
            places.remember(tool, kept, self.at);
        }
        for code in no_room.codes {
            self.note_code(Reason::OverLimit, code);
        }
    }
}

/// `errors` of a tool.
struct Errors<'a, 'b, 'n>(&'a mut Tool<'b, 'n>, &'a mut Vec<(u32, u64)>);

impl<'de> Expected<'de> for Errors<'_, '_, '_> {
    fn way(&self) -> Way {
        self.0.reading.way
    }

    fn wrong(self) {
        self.0.note(Reason::WrongType, "errors");
    }

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self(tool, codes) = self;
        let mut seen = Seen::default();
        while let Some(name) = map.next_key_seed(Name(tool.reading.way))? {
            seen.once(&tool.reading.hasher, &name)?;
            let other = name == CodeName::OTHER;
            let code = if other { Some(OTHER) } else { tool.reading.listed.codes.number(&name) };
            let number = code.unwrap_or(OTHER);
            match count(map.next_value()?) {
                Err(reason) => tool.note_code(reason, number),
                Ok(n) => {
                    if code.is_none() {
                        tool.note_code(Reason::UnlistedCode, OTHER);
                        #[cfg(feature = "proof")]
                        tool.reading.leak(&name);
                    }
                    codes.push((number, n));
                }
            }
        }
        Ok(())
    }
}

/// `durations_ms` of a tool.
struct Durations<'a, 'b, 'n>(&'a mut Tool<'b, 'n>, &'a mut Histogram);

impl<'de> Expected<'de> for Durations<'_, '_, '_> {
    fn way(&self) -> Way {
        self.0.reading.way
    }

    fn wrong(self) {
        self.0.note(Reason::WrongType, "durations_ms");
    }

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self(tool, durations) = self;
        let mut nth = 0;
        while let Some(raw) = list.next_element::<&RawValue>()? {
            match duration(raw) {
                Ok(us) => durations.add(us),
                Err(reason) => {
                    let at = tool.at;
                    tool.reading.note(reason, || format!("/tools/{at}/durations_ms/{nth}"));
                }
            }
            nth += 1;
        }
        Ok(())
    }
}
