//! What a command that changes something has to say.

use std::collections::BTreeMap;

use serde::Serialize;

use super::document::value;
use super::{Out, write_data};
use crate::cli::{FieldPath, Format};
use crate::error::Result;

/// A key that goes to standard output, as it has no other sink.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reveal<'a> {
    /// The key's name in JSON.
    pub(crate) field: &'static str,
    /// The key.
    pub(crate) secret: &'a str,
    /// Standard output is for the key alone.
    pub(crate) alone: bool,
}

/// The outcome of a change.
#[derive(Debug)]
pub(crate) struct Done<'a, T> {
    /// The object, as it is now.
    pub(crate) object: &'a T,
    /// Its handle.
    pub(crate) handle: &'a str,
    /// Whether anything was changed.
    pub(crate) changed: bool,
    /// The result, for a person.
    pub(crate) words: String,
    /// What comes next, for a person.
    pub(crate) next: Option<String>,
    /// The key, if it is shown.
    pub(crate) reveal: Option<Reveal<'a>>,
}

#[derive(Serialize)]
struct ChangedDocument<'a, T> {
    #[serde(flatten)]
    object: &'a T,
    #[serde(flatten)]
    key: BTreeMap<&'static str, &'a str>,
    changed: bool,
}

impl Out {
    /// What a command changed.
    pub(crate) fn done<T: Serialize>(&self, done: &Done<'_, T>) -> Result<()> {
        let key = done.reveal.iter().map(|reveal| (reveal.field, reveal.secret)).collect();
        let document = ChangedDocument { object: done.object, key, changed: done.changed };
        match (self.style.format, done.reveal) {
            (Format::Json | Format::Jsonl | Format::Yaml | Format::Env, reveal) => {
                // A key that is shown once is written whatever else was asked for.
                let key: Vec<FieldPath> =
                    reveal.iter().map(|reveal| FieldPath::of(reveal.field)).collect();
                return self.document_with(&document, &key);
            }
            (Format::Csv, reveal) => return self.done_as_csv(done, reveal),
            (Format::Name, _) => return write_data(&format!("{}\n", done.handle)),
            (Format::Table | Format::Wide, None) if !self.style.fields.is_empty() => {
                self.fields(&[value(&document)?])?;
            }
            (Format::Table | Format::Wide, None) => write_data(&format!("{}\n", done.words))?,
            (Format::Table | Format::Wide, Some(reveal)) if reveal.alone => {
                self.words(&done.words);
                write_data(&format!("{}\n", reveal.secret))?;
            }
            (Format::Table | Format::Wide, Some(reveal)) => {
                write_data(&format!("{}\n{}\n", done.words, reveal.secret))?;
                self.words("shown only now: keep it where it is safe");
            }
        }
        if let Some(next) = &done.next {
            self.words(&format!("  next: {next}"));
        }
        Ok(())
    }

    /// The same columns for whatever was changed: scripts that change several things join them.
    fn done_as_csv<T>(&self, done: &Done<'_, T>, reveal: Option<Reveal<'_>>) -> Result<()> {
        let mut titles = vec!["HANDLE", "CHANGED"];
        let mut values = vec![done.handle.to_owned(), done.changed.to_string()];
        if let Some(reveal) = reveal {
            titles.push(reveal.field);
            values.push(reveal.secret.to_owned());
        }
        self.csv(&titles, &[values])
    }
}
