//! The hot requests. There are no caches: requests that come at the same time are decided together, in
//! one transaction.

mod activation;
mod batcher;
mod keys;
mod sightings;

pub(crate) use activation::{ActivationRequested, Activations, Granted};
pub(crate) use batcher::{Batch, Batcher, Batching};
pub(crate) use keys::KeyChecks;
pub(crate) use sightings::Sightings;
