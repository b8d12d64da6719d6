//! The fleet file: what clients and instances there should be, and what that comes to on a hub.
//!
//! Nothing here asks a hub, reads a file or writes one; `commands::fleet` does. Rooms:
//!
//! - `tree`: TOML, YAML and JSON → one tree that knows line and column
//! - `members`: the table of all members, for the reader and for help
//! - `read`: tree → [`file`], with every fault there is
//! - `wanted`: what is sent · `diff`: (file, what the hub has) → [`plan`], made of [`action`]s
//! - `render`: a plan in words · `export`: what a hub has → a file

mod action;
mod diff;
mod export;
mod file;
mod plan;
mod read;
mod render;
mod tree;
mod wanted;

pub(crate) use action::{Action, Kind, Status};
pub(crate) use diff::{Observed, Options, SinkState, diff, doomed};
pub(crate) use export::export;
pub(crate) use file::Fleet;
pub(crate) use plan::{Item, Plan, stand_of_client, stand_of_instance};
pub(crate) use read::read;
pub(crate) use render::{told, words};
pub(crate) use tree::{At, Fault, Syntax};
pub(crate) use wanted::is_so;

/// The label that says which fleet file an object is kept by.
pub(crate) const FLEET_LABEL: &str = "hubctl.fleet";
