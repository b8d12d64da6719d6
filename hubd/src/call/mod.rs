//! Typed calls of routes: the pipeline from a request to a handler and back, and the wire form of a
//! refusal.
//!
//! This room is below the routes: a route takes a [`Call`] and returns a [`Reply`], and this room knows
//! no route.

mod authenticate;
mod body;
mod exchange;
pub(crate) mod problem;
mod reply;
mod request_id;
mod trace;

pub(crate) use exchange::{Call, Exchange};
pub(crate) use problem::{Answer, AnswerBody};
pub(crate) use reply::{CutShort, Reply};
pub(crate) use request_id::RequestId;
pub(crate) use trace::Trace;
