//! The bootstrap owner key, which the operator can set.

use std::path::PathBuf;

use hub_core::key::AdminKey;
use zeroize::Zeroizing;

use super::ConfigError;

/// Where the bootstrap owner key is.
#[derive(Debug, Clone)]
pub enum BootstrapKey {
    /// The operator sets none, so the hub makes an owner key.
    Unset,
    /// The key is in a variable. There is no flag for a key, because everyone on the machine can see
    /// flags.
    Given(AdminKey),
    /// The key is in a file.
    InFile(PathBuf),
}

impl BootstrapKey {
    /// Chooses between the variable and the file.
    pub(super) fn resolve(
        variable: Option<&str>,
        file: Option<PathBuf>,
    ) -> Result<Self, ConfigError> {
        match (variable, file) {
            (Some(_), Some(_)) => Err(ConfigError::TwoAdminKeys),
            (Some(text), None) => parse(text).map(Self::Given),
            (None, Some(path)) => Ok(Self::InFile(path)),
            (None, None) => Ok(Self::Unset),
        }
    }

    /// Returns the key, and reads its file if it is in a file.
    ///
    /// # Errors
    /// [`ConfigError`] when the file cannot be read or does not contain an admin key.
    pub fn read(&self) -> Result<Option<AdminKey>, ConfigError> {
        match self {
            Self::Unset => Ok(None),
            Self::Given(key) => Ok(Some(key.clone())),
            Self::InFile(path) => {
                let fail = |source| ConfigError::AdminKeyFile { path: path.clone(), source };
                let text = Zeroizing::new(std::fs::read_to_string(path).map_err(fail)?);
                parse(&text).map(Some)
            }
        }
    }
}

fn parse(text: &str) -> Result<AdminKey, ConfigError> {
    let key = AdminKey::parse(text.trim_end_matches(['\r', '\n']));
    key.map_err(|_| ConfigError::MalformedAdminKey)
}
