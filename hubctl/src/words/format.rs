//! How results are written, and which fields of them.

use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people; tab separated when piped.
    Table,
    /// The same with more columns, however wide the terminal is.
    Wide,
    /// One JSON document, with the names of the API.
    Json,
    /// One JSON document a line; lists are written while they are read.
    Jsonl,
    /// One YAML document.
    Yaml,
    /// Comma separated, as RFC 4180 says, for a spreadsheet.
    Csv,
    /// Handles only.
    Name,
    /// `NAME='value'` lines that a shell can read.
    Env,
    /// For a comment that is written in Markdown.
    Markdown,
}

impl Format {
    /// The name that `--output` takes.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Whether it is for people, with words beside the data.
    pub(crate) fn is_table(self) -> bool {
        matches!(self, Self::Table | Self::Wide)
    }

    /// Whether a new key can be a member of what is written.
    pub(crate) fn has_members(self) -> bool {
        match self {
            Self::Json | Self::Jsonl | Self::Yaml | Self::Csv | Self::Env => true,
            Self::Table | Self::Wide | Self::Name | Self::Markdown => false,
        }
    }

    /// Whether many objects are written as one document, once all of them are known.
    pub(crate) fn is_one_document(self) -> bool {
        matches!(self, Self::Json | Self::Yaml | Self::Csv)
    }

    /// Whether errors are written as JSON too.
    pub(crate) fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Jsonl)
    }
}

/// The path of a member in the API's JSON, such as `license.expires_at`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldPath(Vec<String>);

impl FieldPath {
    /// The path of a member of the document itself.
    pub(crate) fn of(name: &str) -> Self {
        Self(vec![name.to_owned()])
    }

    /// The names along the path.
    pub(crate) fn names(&self) -> &[String] {
        &self.0
    }
}

/// A label's name may have dots, so such a path can have more names than the document has levels.
impl FromStr for FieldPath {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let names: Vec<String> = text.split('.').map(str::to_owned).collect();
        if names.iter().any(String::is_empty) {
            return Err(
                "must be names of fields, such as instance_id,license.expires_at".to_owned()
            );
        }
        Ok(Self(names))
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}
