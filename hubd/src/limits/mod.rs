//! The limits on callers: the table of access classes, how many requests the hub works on at once, and
//! how many wrong keys an address may send.

mod classes;
mod guesses;
mod settings;
mod shares;

pub(crate) use classes::{Class, Queue};
pub(crate) use guesses::{Guesses, client_of};
pub(crate) use settings::LimitsSettings;
pub(crate) use shares::Shares;
