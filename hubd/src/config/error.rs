//! What can be wrong with the settings.

use std::path::PathBuf;

use crate::store::MalformedUrl;

/// Settings that cannot be taken. The text is for the operator and holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Flags that clap refuses, or a question that it answers, such as `--help`.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// A variable with the hub's prefix that the hub does not know.
    #[error("unknown variable {0}: `hubd --help` names all that there are")]
    UnknownVariable(String),
    /// A variable whose value is no text.
    #[error("the value of {0} is not UTF-8")]
    NotText(String),
    /// A variable whose value its flag does not take.
    #[error("invalid value '{value}' for --{flag} ({variable}): {reason}")]
    InvalidVariable {
        /// Its name.
        variable: String,
        /// The flag that it stands for.
        flag: String,
        /// What it holds, which is no secret.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The database URL is none.
    #[error("--database (HUBD_DATABASE_URL) {0}")]
    Database(#[from] MalformedUrl),
    /// Both ways to set the bootstrap key.
    #[error("set either HUBD_ADMIN_API_KEY or HUBD_ADMIN_API_KEY_FILE, not both")]
    TwoAdminKeys,
    /// The file cannot be read.
    #[error("cannot read the admin key file {path}: {source}")]
    AdminKeyFile {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text is no admin key.
    #[error(
        "the bootstrap admin key must be 32 to 128 visible ASCII characters \
         (or lb_admin_ and 32 hex digits)"
    )]
    MalformedAdminKey,
}
