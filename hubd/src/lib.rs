//! The hub's daemon. A request goes down through the rooms, and its answer comes back the same way:
//! [`server`] → [`routes`] → [`call`] → [`hub`] → [`limits`], [`hot`] and [`store`]. No room knows one
//! above it.
//!
//! - [`serve`]: a run from start to end; [`config`]: the settings, a section a room
//! - [`server`]: connections, the gate before hyper, the router over the shared table
//! - [`routes`]: one file a resource, handlers of a few lines
//! - [`call`]: the pipeline of a request: caller, body, handler, answer
//! - [`hub`]: the database, the batching tasks before it, and the limits, wired together
//! - [`changes`]: what operators change, each in one transaction with its audit event
//! - [`limits`]: access classes, shares of work, wrong keys; [`caller`]: who calls
//! - [`hot`]: the hot requests, decided in batches
//! - [`domain`]: licensing rules as pure functions
//! - [`store`]: the only room with SQL, for SQLite and PostgreSQL
//! - [`lifecycle`], [`observe`], [`clock`]: signals, the log, the time

mod call;
mod caller;
mod changes;
mod clock;
pub mod config;
mod domain;
mod hot;
mod hub;
mod lifecycle;
mod limits;
pub mod observe;
mod routes;
pub mod serve;
mod server;
mod store;

pub use store::{DatabaseUrl, MalformedUrl};
