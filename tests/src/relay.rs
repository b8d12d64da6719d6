//! An address that leads to one server now and to another later, as a floating address or a proxy does.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::{TcpListener, TcpStream};

/// A running relay of bytes.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    port: Arc<Mutex<u16>>,
}

impl Relay {
    /// Leads to this port of this machine.
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let port = Arc::new(Mutex::new(port));
        let target = Arc::clone(&port);
        tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                let port = *target.lock().unwrap_or_else(PoisonError::into_inner);
                tokio::spawn(async move {
                    // Without the server, the connection just ends.
                    if let Ok(mut to) = TcpStream::connect(("127.0.0.1", port)).await {
                        let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
                    }
                });
            }
        });
        Self { address, port }
    }

    /// Leads new connections to another port. Old ones stay for as long as their server lives.
    pub fn lead_to(&self, port: u16) {
        *self.port.lock().unwrap_or_else(PoisonError::into_inner) = port;
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}
