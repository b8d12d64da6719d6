//! TLS by rustls: TLS 1.2 and 1.3, with a certificate that is read again while the hub runs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use clap::Args;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::{Accept, TlsAcceptor};

/// HTTP/2 in the list of protocols that a client offers (RFC 9113 §3.1).
pub(super) const HTTP2: &[u8] = b"h2";

/// Whether the hub speaks TLS.
#[derive(Debug, Clone, Args)]
pub(crate) struct TlsSettings {
    /// File with the certificate for TLS and its chain, in PEM; read again on SIGHUP and once a minute
    #[arg(long, value_name = "PATH")]
    tls_certificate: Option<PathBuf>,

    /// File with the private key for TLS, in PEM
    #[arg(long, value_name = "PATH")]
    tls_key: Option<PathBuf>,
}

/// Why TLS cannot be spoken. The text is for the operator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsFault {
    #[error("cannot read {path} for TLS: {source}")]
    File { path: PathBuf, source: rustls_pki_types::pem::Error },
    #[error("--tls-certificate and --tls-key are given together")]
    Half,
    #[error("the certificate and the key for TLS do not work: {0}")]
    Refused(rustls::Error),
}

/// The certificate and key that the hub speaks TLS with.
pub(crate) struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    acceptor: RwLock<TlsAcceptor>,
}

impl Tls {
    /// Reads certificate and key; `None` when the hub speaks plain HTTP.
    pub(crate) fn open(settings: &TlsSettings) -> Result<Option<Self>, TlsFault> {
        let (certificate, key) = match (&settings.tls_certificate, &settings.tls_key) {
            (Some(certificate), Some(key)) => (certificate, key),
            (None, None) => return Ok(None),
            _ => return Err(TlsFault::Half),
        };
        let acceptor = RwLock::new(read(certificate, key)?);
        Ok(Some(Self { certificate: certificate.clone(), key: key.clone(), acceptor }))
    }

    /// Reads certificate and key again. Connections that are open keep theirs.
    pub(crate) fn reload(&self) {
        match read(&self.certificate, &self.key) {
            Ok(acceptor) => {
                *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = acceptor;
            }
            Err(fault) => tracing::warn!(%fault, "the certificate for TLS stays as it was"),
        }
    }

    /// Begins TLS on a connection.
    pub(super) fn accept(&self, io: TcpStream) -> Accept<TcpStream> {
        self.acceptor.read().unwrap_or_else(PoisonError::into_inner).accept(io)
    }
}

fn read(certificate: &Path, key: &Path) -> Result<TlsAcceptor, TlsFault> {
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |source| TlsFault::File { path, source }
    };
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(fail(certificate))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(fail(key))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsFault::Refused)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(TlsFault::Refused)?;
    config.alpn_protocols = vec![HTTP2.to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
