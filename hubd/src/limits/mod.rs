//! The limits on callers: the table of access classes, the shares of callers, the connections of
//! addresses, how many wrong keys an address may send, and how much of it gets into the log.

mod address;
mod callers;
mod classes;
mod guesses;
mod lines;
mod rates;
mod roster;
mod settings;
mod shares;

pub(crate) use address::client_of;
pub(crate) use callers::{Caller, CallerPermit};
pub(crate) use classes::{Class, Queue};
pub(crate) use guesses::Guesses;
pub(crate) use lines::Lines;
pub(crate) use rates::Rates;
pub(crate) use roster::{Place, Roster, Turn, TurnPermit};
pub(crate) use settings::LimitsSettings;
pub(crate) use shares::Shares;
