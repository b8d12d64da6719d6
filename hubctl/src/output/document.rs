//! Objects for programs: JSON, JSON a line, YAML, and variables of a shell.

use hub_core::exit::Exit;
use serde::Serialize;
use serde_json::Value;

use super::text::visible_json;
use super::{Out, env, select, write_data};
use crate::error::{Failure, Result};
use crate::words::{FieldPath, Format};

/// Any object as a JSON value.
pub(super) fn value(object: &impl Serialize) -> Result<Value> {
    serde_json::to_value(object).map_err(|error| bug(&error))
}

/// One document in this format, which is one of those for programs.
fn text(format: Format, document: &impl Serialize) -> Result<String> {
    match format {
        Format::Yaml => serde_saphyr::to_string(document).map_err(|error| bug(&error)),
        Format::Env => env::render(&value(document)?),
        Format::Jsonl => {
            serde_json::to_string(document).map(|text| text + "\n").map_err(|error| bug(&error))
        }
        _ => {
            let pretty = serde_json::to_string_pretty(document);
            pretty.map(|text| text + "\n").map_err(|error| bug(&error))
        }
    }
    .map(|text| if format.is_json() { visible_json(&text) } else { text })
}

fn bug(error: &dyn std::error::Error) -> Failure {
    Failure::new(Exit::Bug, "bug", format!("the output cannot be written: {error}"))
}

impl Out {
    /// Writes one object in the format that was asked for, one of those for programs.
    pub(crate) fn document(&self, object: &impl Serialize) -> Result<()> {
        self.document_with(object, &[])
    }

    /// The same, with fields that are written whatever `--fields` says.
    pub(super) fn document_with(
        &self,
        object: &impl Serialize,
        always: &[FieldPath],
    ) -> Result<()> {
        let format = self.style.format;
        if self.style.fields.is_empty() {
            return write_data(&text(format, object)?);
        }
        let paths = [self.style.fields.as_slice(), always].concat();
        let object = value(object)?;
        select::check(std::slice::from_ref(&object), &paths)?;
        write_data(&text(format, &select::Selected::of(&object, &paths))?)
    }

    /// Writes a list in the format that was asked for, one of those for programs.
    pub(super) fn documents<T: Serialize>(&self, rows: &[T]) -> Result<()> {
        let format = self.style.format;
        let paths = &self.style.fields;
        let each_alone = matches!(format, Format::Jsonl | Format::Env);
        if paths.is_empty() && !each_alone {
            return write_data(&text(format, &rows)?);
        }
        let objects: Vec<Value> = rows.iter().map(value).collect::<Result<_>>()?;
        select::check(&objects, paths)?;
        let written = match (paths.is_empty(), each_alone) {
            // The object itself keeps its members' order, which a value does not.
            (true, _) => separate(format, rows)?,
            (false, true) => {
                let selected: Vec<_> =
                    objects.iter().map(|object| select::Selected::of(object, paths)).collect();
                separate(format, &selected)?
            }
            (false, false) => {
                let selected: Vec<_> =
                    objects.iter().map(|object| select::Selected::of(object, paths)).collect();
                text(format, &selected)?
            }
        };
        write_data(&written)
    }
}

/// A document each. Variables have an empty line between one object's and the next one's.
fn separate<T: Serialize>(format: Format, rows: &[T]) -> Result<String> {
    let texts: Vec<String> = rows.iter().map(|row| text(format, row)).collect::<Result<_>>()?;
    Ok(texts.join(if format == Format::Env { "\n" } else { "" }))
}
