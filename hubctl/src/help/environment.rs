//! The environment variables, from the table that is read.

use serde::Serialize;

use crate::output::{Column, Row, Times, column};
use crate::settings::Variable;

/// A variable, explained.
#[derive(Debug, Serialize)]
pub(crate) struct VariableRow {
    name: &'static str,
    meaning: &'static str,
}

impl VariableRow {
    /// All of them.
    pub(crate) fn all() -> Vec<Self> {
        let told =
            |variable: &Variable| Self { name: variable.name(), meaning: variable.meaning() };
        Variable::ALL.iter().map(told).collect()
    }
}

impl Row for VariableRow {
    const COLUMNS: &'static [Column] = &[column("VARIABLE", 0), column("MEANING", 0)];

    fn handle(&self) -> String {
        self.name.to_owned()
    }

    fn cells(&self, _: &Times) -> Vec<String> {
        vec![self.handle(), self.meaning.to_owned()]
    }
}
