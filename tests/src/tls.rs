//! A certificate for a hub on this machine, and connections that trust it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, IpAddr, ServerName};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::Hub;

/// What a client says that it speaks HTTP/2 with.
pub const HTTP2: &[u8] = b"h2";

/// A folder with a certificate and its key; the default has none, and nobody is trusted.
#[derive(Debug, Clone, Default)]
pub struct Authority(Option<Arc<TempDir>>);

impl Authority {
    /// With a new certificate.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        certify(folder.path(), "hub");
        Self(Some(Arc::new(folder)))
    }

    /// The file of the certificate.
    #[must_use]
    pub fn certificate(&self) -> String {
        self.file("cert.pem")
    }

    /// The file of the key.
    #[must_use]
    pub fn key(&self) -> String {
        self.file("key.pem")
    }

    fn file(&self, name: &str) -> String {
        let folder = self.0.as_ref().expect("a hub with TLS");
        folder.path().join(name).to_str().expect("a path of text").to_owned()
    }

    /// A client that trusts it and speaks these protocols.
    #[must_use]
    pub fn config(&self, protocols: &[&[u8]]) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        if self.0.is_some() {
            let certificate = CertificateDer::from_pem_file(self.certificate());
            roots.add(certificate.expect("a certificate")).expect("a certificate that works");
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().expect("ring knows them");
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        config
    }
}

impl Hub {
    /// Whom its clients trust.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.setup.authority
    }
}

/// A connection to the hub that speaks these protocols; `None` when the hub closes it first.
pub async fn connect(hub: &Hub, protocols: &[&[u8]]) -> Option<TlsStream<TcpStream>> {
    let io = TcpStream::connect(hub.address()).await.ok()?;
    io.set_nodelay(true).expect("a socket option");
    let name = ServerName::IpAddress(IpAddr::from(std::net::IpAddr::from([127, 0, 0, 1])));
    let connector = TlsConnector::from(Arc::new(hub.authority().config(protocols)));
    connector.connect(name, io).await.ok()
}

/// Makes a certificate for this machine in the folder, by openssl.
pub fn certify(folder: &Path, name: &str) {
    const CONFIG: &str = "[req]\ndistinguished_name = name\nx509_extensions = server\n[name]\n\
        [server]\nsubjectAltName = IP:127.0.0.1\nbasicConstraints = critical, CA:FALSE\n";
    fs::write(folder.join("openssl.cnf"), CONFIG).expect("the file is written");
    let made = Command::new("openssl")
        .args(["req", "-x509", "-config", "openssl.cnf", "-days", "2", "-nodes"])
        .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-subj", &format!("/CN={name}"), "-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(folder)
        .output();
    let made = made.expect("openssl runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
