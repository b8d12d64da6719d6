//! What the hub is about: clients, instances and the terms of their licenses.
//!
//! Each noun is defined once. hubd decodes its rows into these types, the wire types are made from
//! them, and whoever patches, compares or names fields asks them: hubd, its audit log and its entity
//! tags, and hubctl's `ensure` and `plan`. A new field of an instance starts in [`Terms`].

mod client;
mod instance;
mod standing;
mod terms;

pub use client::{Client, ClientPatch, ClientSettings, ClientStatus};
pub use instance::{Instance, InstanceSettings, IssuedKey, Owner, Suspension};
pub use standing::{EffectiveStatus, InstanceStatus, Standing};
pub use terms::{ActivationLimit, GraceDays, InstancePatch, Terms};
