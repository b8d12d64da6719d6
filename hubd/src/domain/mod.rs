//! Licensing rules as pure functions: what is known, what is asked, what time it is → a decision or a
//! refusal. No database, no HTTP, no clock.

mod activation;
mod etag;
mod overlap;
mod refusal;
mod terms;

pub(crate) use activation::{Activation, ActivationRequest, Seat};
pub(crate) use etag::{ETag, Precondition};
pub(crate) use overlap::{ENDED, OpenKey, retire_for_activation, retire_for_rotation};
pub(crate) use refusal::Refusal;
pub(crate) use terms::Terms;
