//! The hot requests, decided in batches and not from caches: what is asked for at the same time is done
//! in one transaction.

mod activation;
mod batcher;
mod keys;

pub(crate) use activation::{ActivationRequested, Activations, Granted};
pub(crate) use batcher::Batcher;
pub(crate) use keys::KeyChecks;
