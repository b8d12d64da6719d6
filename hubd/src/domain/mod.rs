//! Licensing rules as pure functions: a state, a request and the time → a decision or a refusal. No
//! database, no HTTP, no clock.

mod activation;
mod chain;
mod etag;
mod fault;
mod overlap;
mod refusal;

pub(crate) use activation::{Activation, ActivationRequest, License};
pub(crate) use chain::{Event, Head, Link};
pub(crate) use etag::{ETag, Precondition};
pub(crate) use fault::Fault;
pub(crate) use overlap::{
    ENDED, InstanceKey, NewKey, OpenKey, retire_for_activation, retire_for_rotation,
};
pub(crate) use refusal::Refusal;
