//! The nouns of the hub: clients, instances and the terms of their licenses.
//!
//! Each noun is defined once. hubd decodes its rows into these types and makes the wire types from them.
//! Everything that patches fields, compares them or lists their names uses the methods of these types:
//! hubd, its audit log and its entity tags, and hubctl's `ensure` and `plan`. A new field of an instance
//! starts in [`Terms`].

mod client;
mod instance;
mod standing;
mod terms;

pub use client::{Client, ClientPatch, ClientSettings, ClientStatus};
pub use instance::{Instance, InstanceSettings, IssuedKey, Owner, Suspension};
pub use standing::{EffectiveStatus, InstanceStatus, Standing, suspension};
pub use terms::{ActivationLimit, GraceDays, InstancePatch, Terms};
