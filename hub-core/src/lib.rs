//! What hubd and hubctl share: the route table and its wire types, keys and error codes.
//!
//! This crate does no I/O and knows neither a database nor an HTTP stack. Its rooms:
//!
//! - [`model`]: clients, instances and their terms, each noun defined once
//! - [`api`]: the route table, and the wire types, one file a resource
//! - [`key`]: license, hub and admin keys, and the hash; the hub keeps only the hash
//! - [`problem`], [`exit`]: every error code, with its HTTP status and its exit code in hubctl
//! - [`fields`]: turns request bodies and queries into typed values and reports every fault at once
//! - [`name`], [`labels`], [`time`], [`text`]: the small types that the wire types are made of
//! - [`redact`]: reduces a telemetry report to what the hub may keep; [`histogram`]: distributions
//! - [`certificate`]: licenses that verify offline
//! - [`openapi`]: the description of the API, made from the table and the wire types
//! - [`privacy`]: the allow-list of what the hub keeps, as data

pub mod api;
mod bounded;
pub mod certificate;
pub mod exit;
pub mod fields;
mod from_text;
pub mod histogram;
pub mod key;
pub mod labels;
mod members;
pub mod model;
pub mod name;
pub mod openapi;
pub mod privacy;
pub mod problem;
#[cfg(feature = "proof")]
pub mod proof;
pub mod redact;
mod schema;
pub mod text;
pub mod time;
