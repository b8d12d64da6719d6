//! How output is written.

use std::io::IsTerminal;

use super::env::{Env, Variable};
use crate::cli::{Global, TimeStyle, When};
use crate::error::Result;
use crate::words::{FieldPath, Format};

/// How output is written.
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
#[derive(Debug, Clone)]
pub(crate) struct Style {
    /// The format.
    pub(crate) format: Format,
    /// The fields to write; all when there are none.
    pub(crate) fields: Vec<FieldPath>,
    /// Without the header of tables.
    pub(crate) no_headers: bool,
    /// Whether standard output is a terminal.
    pub(crate) stdout_terminal: bool,
    /// Colours on standard error.
    pub(crate) color: bool,
    /// Colours on standard output.
    pub(crate) stdout_color: bool,
    /// Times relative to now.
    pub(crate) relative_times: bool,
    /// Show requests.
    pub(crate) verbose: bool,
    /// The terminal cannot move its cursor.
    pub(crate) dumb: bool,
}

impl Style {
    /// Resolves flags and environment.
    pub(crate) fn resolve(global: &Global, env: &Env) -> Result<Self> {
        let stdout_terminal = std::io::stdout().is_terminal();
        let format = match global.output {
            _ if global.quiet => Format::Name,
            Some(format) => format,
            None => env.format()?.unwrap_or(Format::Table),
        };
        Ok(Self {
            format,
            fields: global.fields.clone(),
            no_headers: global.no_headers,
            stdout_terminal,
            color: colors(global.color, env, std::io::stderr().is_terminal()),
            stdout_color: colors(global.color, env, stdout_terminal),
            relative_times: match global.time {
                Some(style) => style == TimeStyle::Relative,
                None => stdout_terminal,
            },
            verbose: global.verbose,
            dumb: is_dumb(env),
        })
    }

    /// The same, in the format of the context if it has one.
    pub(crate) fn preferring(self, format: Option<Format>) -> Self {
        Self { format: format.unwrap_or(self.format), ..self }
    }
}

/// The flag decides, then the usual variables, then whether there is a terminal.
fn colors(when: When, env: &Env, terminal: bool) -> bool {
    let forced = env.hint(Variable::ForceColor).is_some_and(|value| value != "0");
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto if env.is_set(Variable::NoColor) => false,
        When::Auto if forced => true,
        When::Auto => terminal && !is_dumb(env),
    }
}

fn is_dumb(env: &Env) -> bool {
    env.hint(Variable::Term) == Some("dumb")
}

#[cfg(test)]
mod tests {
    use super::super::env::env_of;
    use super::*;

    #[test]
    fn colours_follow_the_conventions() {
        let plain = env_of(&[]);
        let no = (Variable::NoColor, "1");
        let force = (Variable::ForceColor, "1");
        assert!(colors(When::Auto, &plain, true));
        assert!(!colors(When::Auto, &plain, false));
        assert!(!colors(When::Auto, &env_of(&[no, force]), true));
        assert!(colors(When::Auto, &env_of(&[force]), false));
        assert!(!colors(When::Auto, &env_of(&[(Variable::Term, "dumb")]), true));
        assert!(colors(When::Always, &env_of(&[no]), false));
    }
}
