//! From the socket to a route: the accept loop, the gate before hyper, each connection with its
//! deadlines, the router over the shared table, and the service that hyper calls.
//!
//! It stands above the routes: it hands each request to them and knows nothing of what they do.

mod connection;
mod framer;
mod gate;
mod listen;
mod request_id;
mod router;
mod service;
mod settings;

pub(crate) use listen::Listener;
pub(crate) use service::HubService;
pub(crate) use settings::ServerSettings;
