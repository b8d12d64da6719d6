//! The settings of certificates.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use humantime::parse_duration;

/// Who signs certificates, and for how long.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_field_names, reason = "flags and variables are named after the fields")]
pub(crate) struct CertificateSettings {
    /// Folder with the keys that sign certificates; replicas share it [default: certificate-keys in the
    /// data folder]
    #[arg(long, value_name = "DIR")]
    certificate_keys: Option<PathBuf>,

    /// How long a certificate is valid, if the license does not end before
    #[arg(long, default_value = "7d", value_parser = lifetime)]
    pub(super) certificate_lifetime: Duration,

    /// The issuer that certificates name
    #[arg(long, default_value = "letsbe-hub", value_name = "NAME")]
    pub(super) certificate_issuer: String,
}

impl CertificateSettings {
    /// The folder with the keys.
    pub(crate) fn folder(&self, data_dir: &Path) -> PathBuf {
        self.certificate_keys.clone().unwrap_or_else(|| data_dir.join("certificate-keys"))
    }
}

/// Reads a lifetime: a certificate that ends at once would be of no use.
fn lifetime(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(lifetime) if lifetime >= Duration::from_mins(1) => Ok(lifetime),
        _ => Err("must be a duration of at least 1m".to_owned()),
    }
}
