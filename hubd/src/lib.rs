//! The hub's daemon. Data flows one way: socket → [`http`] → [`routes`] → [`changes`] and [`domain`] →
//! [`store`]; an answer comes back the same way. Rooms:
//!
//! - [`http`]: connections, the router over the shared table, the one request pipeline
//! - [`routes`]: one file a resource, handlers of a few lines
//! - [`changes`]: what operators change, each in one transaction with its audit event
//! - [`domain`]: licensing rules as pure functions
//! - [`store`]: the only room with SQL, for SQLite and PostgreSQL
//! - [`hot`]: the hot requests, decided in batches
//! - [`hub`]: all of it wired together; [`serve`]: a run from start to end
//! - [`config`], [`lifecycle`], [`observe`], [`clock`]: settings, signals, the log, the time

mod changes;
mod clock;
pub mod config;
mod domain;
mod hot;
mod http;
mod hub;
mod lifecycle;
pub mod observe;
mod routes;
pub mod serve;
mod store;

pub use store::{DatabaseUrl, MalformedUrl};
