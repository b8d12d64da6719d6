//! The grammar of `hubctl certificate`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use hub_core::name::InstanceId;

use super::examples;
use super::parse::instance_id;

/// What to do with certificates.
#[derive(Debug, Subcommand)]
pub(crate) enum CertificateCommand {
    /// Verify a certificate; needs no admin key, and no hub with --jwks
    #[command(after_help = examples::CERTIFICATE_VERIFY)]
    Verify(CertificateVerifyArgs),
}

/// Arguments of `certificate verify`.
#[derive(Debug, Args)]
pub(crate) struct CertificateVerifyArgs {
    /// File with the certificate, or with the answer that holds it; `-` for standard input
    #[arg(long, value_name = "PATH", default_value = "-")]
    pub(crate) certificate_file: PathBuf,
    /// File with the hub's keys, as /.well-known/jwks.json has them [default: the hub is asked]
    #[arg(long, value_name = "PATH")]
    pub(crate) jwks: Option<PathBuf>,
    /// Fail unless the certificate is this instance's
    #[arg(long, value_name = "HANDLE", value_parser = instance_id)]
    pub(crate) instance: Option<InstanceId>,
}
