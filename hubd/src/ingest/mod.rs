//! Batches, not caches: what is asked for at the same time is done at once.

mod batcher;

pub(crate) use batcher::Batcher;
