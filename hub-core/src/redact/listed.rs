//! The operator's catalogue as the redactor looks it up: listed names and their numbers.

use std::collections::HashMap;

use super::{CodeName, CountName, ToolName};

/// The number of `other` and `OTHER`, under which unlisted names are counted.
pub const OTHER: u32 = 0;

/// The listed names of one kind, each with its number.
#[derive(Debug, Clone)]
pub struct Numbered<N> {
    numbers: HashMap<Box<str>, u32>,
    names: HashMap<u32, N>,
}

impl<N> Default for Numbered<N> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), names: HashMap::new() }
    }
}

impl<N: AsRef<str>> FromIterator<(u32, N)> for Numbered<N> {
    fn from_iter<I: IntoIterator<Item = (u32, N)>>(names: I) -> Self {
        let names: HashMap<u32, N> = names.into_iter().collect();
        let numbers = names.iter().map(|(number, name)| (name.as_ref().into(), *number)).collect();
        Self { numbers, names }
    }
}

impl<N> Numbered<N> {
    /// The number of a name that is listed to the letter.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// The name with this number.
    #[must_use]
    pub fn name(&self, number: u32) -> Option<&N> {
        self.names.get(&number)
    }

    /// How many names are listed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether no name is listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// The catalogue in one of its versions. [`super::redact`] turns listed names into their numbers, and all
/// other names into [`OTHER`].
#[derive(Debug, Clone, Default)]
pub struct Listed {
    /// Grows with each change of the catalogue.
    pub version: i64,
    /// Tools.
    pub tools: Numbered<ToolName>,
    /// Error codes.
    pub codes: Numbered<CodeName>,
    /// Named counts.
    pub counts: Numbered<CountName>,
}
