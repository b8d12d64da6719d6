//! Errors in the settings.

use std::path::PathBuf;

use crate::store::MalformedUrl;

/// Why the settings are not valid. The text is for the operator and contains no secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// clap refused the flags, or it answers a request such as `--help`.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// A variable has the hub's prefix, but the hub does not know it.
    #[error("unknown variable {0}: `hubd --help` lists all variables")]
    UnknownVariable(String),
    /// The value of a variable is not text.
    #[error("the value of {0} is not UTF-8")]
    NotText(String),
    /// The flag of a variable does not accept its value.
    #[error("invalid value '{value}' for --{flag} ({variable}): {reason}")]
    InvalidVariable {
        /// The name of the variable.
        variable: String,
        /// The flag that the variable stands for.
        flag: String,
        /// The value, which is not a secret.
        value: String,
        /// Why the flag does not accept the value.
        reason: String,
    },
    /// Two settings do not fit together.
    #[error("{0}")]
    Conflict(&'static str),
    /// The database URL is not valid.
    #[error("--database (HUBD_DATABASE_URL) {0}")]
    Database(#[from] MalformedUrl),
    /// Both variables for the bootstrap key are set.
    #[error("set either HUBD_ADMIN_API_KEY or HUBD_ADMIN_API_KEY_FILE, not both")]
    TwoAdminKeys,
    /// The file with the bootstrap key cannot be read.
    #[error("cannot read the admin key file {path}: {source}")]
    AdminKeyFile {
        /// The path of the file.
        path: PathBuf,
        /// Why the file cannot be read.
        source: std::io::Error,
    },
    /// The text is not an admin key.
    #[error(
        "the bootstrap admin key must be 32 to 128 visible ASCII characters \
         (or lb_admin_ and 32 hex digits)"
    )]
    MalformedAdminKey,
}
