//! A typed call of a route: the one pipeline from a request to a handler and back, and what a refusal
//! looks like on the wire.
//!
//! It stands below the routes: they take a [`Call`] and give a [`Reply`], and it knows none of them.

mod authenticate;
mod body;
mod exchange;
pub(crate) mod problem;
mod reply;
mod request_id;

pub(crate) use exchange::{Call, Exchange};
pub(crate) use problem::Answer;
pub(crate) use reply::Reply;
pub(crate) use request_id::RequestId;
