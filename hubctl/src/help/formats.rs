//! The formats of results, from those that `--output` takes.

use clap::ValueEnum;
use serde::Serialize;

use crate::output::{Column, Row, Times, column};
use crate::words::Format;

/// A format, explained.
#[derive(Debug, Serialize)]
pub(crate) struct FormatRow {
    name: String,
    meaning: String,
}

impl FormatRow {
    /// All of them.
    pub(crate) fn all() -> Vec<Self> {
        let values = Format::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let written = |value: clap::builder::PossibleValue| Self {
            name: value.get_name().to_owned(),
            meaning: value.get_help().map(ToString::to_string).unwrap_or_default(),
        };
        values.map(written).collect()
    }
}

impl Row for FormatRow {
    const COLUMNS: &'static [Column] = &[column("FORMAT", 0), column("MEANING", 0)];

    fn handle(&self) -> String {
        self.name.clone()
    }

    fn cells(&self, _: &Times) -> Vec<String> {
        vec![self.name.clone(), self.meaning.clone()]
    }
}
