//! The result of a command that changes something.

use std::collections::BTreeMap;

use serde::Serialize;

use super::document::value;
use super::{FieldChange, Out, visible, write_data};
use crate::error::Result;
use crate::words::{FieldPath, Format};

/// A key that is written to standard output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reveal<'a> {
    /// The key's name in JSON.
    pub(crate) field: &'static str,
    /// The key.
    pub(crate) secret: &'a str,
    /// Standard output is for the key alone. In tables it has been written already.
    pub(crate) alone: bool,
}

/// The outcome of a change.
#[derive(Debug)]
pub(crate) struct Done<'a, T> {
    object: &'a T,
    handle: &'a str,
    changed: bool,
    words: String,
    next: Option<String>,
    reveal: Option<Reveal<'a>>,
    dry_run: bool,
    changes: &'a [FieldChange],
}

impl<'a, T> Done<'a, T> {
    /// The object as it is now, its handle, whether anything was changed, and the result in words.
    pub(crate) fn new(
        object: &'a T,
        handle: &'a str,
        changed: bool,
        words: impl Into<String>,
    ) -> Self {
        let words = words.into();
        Self {
            object,
            handle,
            changed,
            words,
            next: None,
            reveal: None,
            dry_run: false,
            changes: &[],
        }
    }

    /// With the next step, for a person.
    pub(crate) fn next(self, next: impl Into<String>) -> Self {
        Self { next: Some(next.into()), ..self }
    }

    /// With the key, if it is shown.
    pub(crate) fn reveal(self, reveal: Option<Reveal<'a>>) -> Self {
        Self { reveal, ..self }
    }

    fn document(&self) -> ChangedDocument<'_, T> {
        ChangedDocument {
            object: self.object,
            key: self.reveal.iter().map(|reveal| (reveal.field, reveal.secret)).collect(),
            changed: self.changed,
            dry_run: self.dry_run,
            changes: self.changes,
        }
    }

    /// For a dry run: nothing was changed, and these fields would be.
    pub(crate) fn dry_run(self, changes: &'a [FieldChange]) -> Self {
        Self { dry_run: true, changes, ..self }
    }

    /// The words, and the fields that would change.
    fn told(&self) -> String {
        format!("{}\n{}", self.words, FieldChange::lines(self.changes))
    }
}

#[derive(Serialize)]
struct ChangedDocument<'a, T> {
    #[serde(flatten)]
    object: &'a T,
    #[serde(flatten)]
    key: BTreeMap<&'static str, &'a str>,
    changed: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    changes: &'a [FieldChange],
}

impl Out {
    /// What a command changed.
    pub(crate) fn done<T: Serialize>(&self, done: &Done<'_, T>) -> Result<()> {
        let document = done.document();
        match (self.style.format, done.reveal) {
            (Format::Json | Format::Jsonl | Format::Yaml | Format::Env, reveal) => {
                // A key that is shown once is written whatever fields were selected.
                let key: Vec<FieldPath> =
                    reveal.iter().map(|reveal| FieldPath::of(reveal.field)).collect();
                return self.document_with(&document, &key);
            }
            (Format::Csv, None) if !self.style.fields.is_empty() => {
                return self.fields(&[value(&document)?]);
            }
            (Format::Csv, reveal) => return self.done_as_csv(done, reveal),
            (Format::Markdown, _) => write_data(&format!("{}\n", visible(&done.words)))?,
            (Format::Name, _) => return write_data(&format!("{}\n", done.handle)),
            (Format::Table | Format::Wide, None) if !self.style.fields.is_empty() => {
                self.fields(&[value(&document)?])?;
            }
            (Format::Table | Format::Wide, None) => write_data(&done.told())?,
            (Format::Table | Format::Wide, Some(reveal)) if reveal.alone => {
                self.words(&done.words);
            }
            (Format::Table | Format::Wide, Some(reveal)) => {
                write_data(&format!("{}\n{}\n", done.words, reveal.secret))?;
                self.words("shown only now: store it in a safe place");
            }
        }
        if let Some(next) = &done.next {
            self.words(&format!("  next: {next}"));
        }
        Ok(())
    }

    /// The result of one of many, in the formats that write each as it comes.
    pub(crate) fn one_of_many<T: Serialize>(&self, done: &Done<'_, T>) -> Result<()> {
        if self.style.format.is_one_document() { Ok(()) } else { self.done(done) }
    }

    /// The results of many, in the formats that write one document.
    pub(crate) fn many<T: Serialize>(&self, done: &[Done<'_, T>]) -> Result<()> {
        match self.style.format {
            format if !format.is_one_document() => Ok(()),
            Format::Csv if !self.style.fields.is_empty() => {
                let objects = done.iter().map(|done| value(&done.document()));
                self.fields(&objects.collect::<Result<Vec<_>>>()?)
            }
            Format::Csv => {
                let row =
                    |done: &Done<'_, T>| vec![done.handle.to_owned(), done.changed.to_string()];
                self.csv(&["HANDLE", "CHANGED"], &done.iter().map(row).collect::<Vec<_>>())
            }
            _ => self.documents(&done.iter().map(Done::document).collect::<Vec<_>>()),
        }
    }

    /// The same columns for every kind of object, so that scripts can join them.
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
