//! The daemon of the hub. A request goes down through these rooms, and its answer comes back the same
//! way: [`server`] → [`routes`] → [`call`] → [`hub`] → [`limits`], [`hot`] and [`store`]. No room uses a
//! room above it.
//!
//! - [`serve`]: runs the hub from start to end; [`RunError`]: why that fails; [`check`]: the other commands
//!   that look at a database; [`witness`]: heads of the audit chain outside it; [`config`]: the settings,
//!   with a section for each room
//! - [`server`]: connections, the gate in front of hyper, the router over the shared table
//! - [`routes`]: handlers of a few lines, one file for each resource
//! - [`call`]: the request pipeline: caller, body, handler, answer
//! - [`hub`]: wires together the database, the batching tasks in front of it, and the limits
//! - [`changes`]: the changes that operators make, each in one transaction with its audit event
//! - [`limits`]: access classes, shares, wrong keys; [`caller`]: authenticated callers
//! - [`hot`]: decides the frequent requests in batches
//! - [`certificates`]: signs what a license allows
//! - [`docs`]: the description of the API, for programs and for people
//! - [`domain`]: licensing rules as pure functions
//! - [`store`]: the only room with SQL, for SQLite and PostgreSQL
//! - [`metrics`]: numbers about the running hub, for Prometheus
//! - [`copies`]: backup, restore, and copies between databases
//! - [`supervisor`]: what systemd hands over and is told
//! - [`lifecycle`], [`reload`], [`observe`], [`clock`]: signals, files read again, the log, the time

mod call;
mod caller;
mod certificates;
mod changes;
mod check;
mod clock;
pub mod config;
mod copies;
mod docs;
mod domain;
mod hot;
mod hub;
pub mod lifecycle;
mod limits;
mod metrics;
pub mod observe;
mod reload;
mod routes;
mod run_error;
pub mod serve;
mod server;
mod store;
mod supervisor;
mod witness;

pub use run_error::RunError;
pub use store::{DatabaseUrl, MalformedUrl};
