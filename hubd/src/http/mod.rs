//! From the socket to a typed call and back: the accept loop and its limits, the gate before hyper,
//! the router over the shared table, and the one request pipeline.

mod admission;
mod authenticate;
mod body;
mod call;
mod connection;
mod gate;
mod guess;
mod listen;
mod problem;
mod reply;
mod request_id;
mod router;
mod service;

pub(crate) use admission::Admission;
pub(crate) use authenticate::AdminCaller;
pub(crate) use call::{Call, Exchange};
pub(crate) use guess::Guesses;
pub(crate) use listen::{Limits, Listener};
pub(crate) use problem::Answer;
pub(crate) use reply::Reply;
pub(crate) use service::HubService;
