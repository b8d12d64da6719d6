//! Where a value comes from.

use std::fmt;
use std::path::PathBuf;

use super::env::Variable;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The command line.
    Flag,
    /// An environment variable.
    Env(Variable),
    /// A context.
    Context {
        /// Its name.
        name: String,
        /// The file that it is in.
        file: PathBuf,
    },
    /// The current context, according to this file.
    Current(PathBuf),
    /// The first admin key of a hub that was started in this folder.
    LocalHub(PathBuf),
    /// No layer had a value.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Env(variable) => write!(f, "env {}", variable.name()),
            Self::Context { name, file } => write!(f, "context {name} ({})", file.display()),
            Self::Current(file) => write!(f, "current ({})", file.display()),
            Self::LocalHub(path) => write!(f, "./{}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sourced<T> {
    /// The value.
    pub(crate) value: T,
    /// Where it comes from.
    pub(crate) origin: Origin,
}

impl<T> Sourced<T> {
    /// The default, where no layer has a value.
    pub(super) fn default(value: T) -> Self {
        Self { value, origin: Origin::Default }
    }
}
