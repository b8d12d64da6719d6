//! What hubd and hubctl may both rely on: the route table and its wire types, keys, error codes.
//!
//! This crate does no I/O, knows no database and no HTTP stack. Rooms:
//!
//! - [`model`]: clients, instances and their terms, each noun defined once
//! - [`api`]: the route table, and the wire types, one file a resource
//! - [`key`]: license, hub and admin keys, and the hash that is all the hub keeps of them
//! - [`problem`], [`exit`]: every error code, its status on the wire and its exit code in hubctl
//! - [`fields`]: request bodies and queries → typed values, with every fault reported at once
//! - [`name`], [`labels`], [`time`], [`text`]: the small types that the wire types are made of
//! - [`redact`]: telemetry reports → what may be kept of them; [`histogram`]: distributions
//! - [`privacy`]: the allow-list of what the hub keeps, as data

pub mod api;
mod bounded;
pub mod exit;
pub mod fields;
pub mod histogram;
pub mod key;
pub mod labels;
mod members;
pub mod model;
pub mod name;
pub mod privacy;
pub mod problem;
#[cfg(feature = "proof")]
pub mod proof;
pub mod redact;
pub mod text;
pub mod time;
