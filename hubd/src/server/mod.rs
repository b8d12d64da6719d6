//! The way from the socket to a route: the accept loop, the gate in front of hyper, connections with
//! their deadlines, the router over the shared table, and the service that hyper calls.
//!
//! This room is above the routes: it hands each request to its route and does not know what the route
//! does.

mod connection;
mod descriptors;
mod framer;
mod frames;
mod gate;
mod http1;
mod http2;
mod listen;
mod progress;
mod request_id;
mod router;
mod sent;
mod service;
mod settings;
mod stream;
mod tls;
mod wire;

pub(crate) use listen::Listener;
pub(crate) use service::HubService;
pub(crate) use settings::ServerSettings;
pub(crate) use tls::{Tls, TlsFault, TlsSettings};
