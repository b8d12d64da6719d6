//! Why hubd ends with an error.

use std::io;

use crate::certificates::KeyFault;
use crate::copies::CopyFault;
use crate::domain::Refusal;
use crate::server::TlsFault;
use crate::store::OpenError;

/// Why the hub cannot start, or what is wrong with its database. The text is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] Box<dyn std::error::Error + Send + Sync>),
    /// The hub cannot listen on the address.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why the hub cannot listen there.
        source: io::Error,
    },
    /// A database cannot be copied.
    #[error(transparent)]
    Copy(Box<dyn std::error::Error + Send + Sync>),
    /// The hub cannot speak TLS.
    #[error(transparent)]
    Tls(Box<dyn std::error::Error + Send + Sync>),
    /// The hub would send keys in the clear to other machines.
    #[error(
        "{0} can be reached from other machines: give --tls-certificate and --tls-key, name the proxy with \
         TLS in --trusted-proxies, or say --allow-plain-http"
    )]
    PlainHttp(std::net::SocketAddr),
    /// Another operation of the system failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The keys that sign certificates cannot be used.
    #[error(transparent)]
    CertificateKeys(Box<dyn std::error::Error + Send + Sync>),
    /// An operation of the database failed.
    #[error("{0}")]
    Database(String),
    /// The chain of audit events is not the one that was seen earlier.
    #[error("{0}")]
    Audit(String),
    /// A check found something wrong, and said what.
    #[error("the database is not sound")]
    Unsound,
}

impl From<OpenError> for RunError {
    fn from(error: OpenError) -> Self {
        Self::Open(Box::new(error))
    }
}

impl From<CopyFault> for RunError {
    fn from(fault: CopyFault) -> Self {
        Self::Copy(Box::new(fault))
    }
}

impl From<TlsFault> for RunError {
    fn from(fault: TlsFault) -> Self {
        Self::Tls(Box::new(fault))
    }
}

impl From<KeyFault> for RunError {
    fn from(fault: KeyFault) -> Self {
        Self::CertificateKeys(Box::new(fault))
    }
}

impl From<Refusal> for RunError {
    fn from(refusal: Refusal) -> Self {
        let cause = refusal.cause().map(|cause| format!(" ({cause})")).unwrap_or_default();
        Self::Database(format!("{}{cause}", refusal.detail))
    }
}
