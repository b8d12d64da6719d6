//! Licensing rules as pure functions: from a state, a request and the time, they make a decision or a
//! refusal. This room uses no database, no HTTP and no clock.

mod activation;
mod chain;
mod clock;
mod etag;
mod fault;
mod overlap;
mod refusal;

pub(crate) use activation::{Activation, ActivationRequest, License};
pub(crate) use chain::{Event, Head, Link};
pub(crate) use clock::{Clock, Judgement};
pub(crate) use etag::{ETag, Precondition};
pub(crate) use fault::Fault;
pub(crate) use overlap::{
    ENDED, InstanceKey, NewKey, OpenKey, retire_for_activation, retire_for_rotation,
};
pub(crate) use refusal::Refusal;
