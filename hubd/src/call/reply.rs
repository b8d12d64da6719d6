//! What a handler answers, before it becomes JSON.

use crate::domain::ETag;

/// A body, and the headers that go with it.
#[derive(Debug)]
pub(crate) struct Reply<T> {
    pub(super) outcome: Outcome<T>,
    pub(super) etag: Option<ETag>,
}

#[derive(Debug)]
pub(super) enum Outcome<T> {
    Found(T),
    Accepted(T),
    /// With the path of what was created.
    Created(String, T),
    Deleted,
}

impl<T> Reply<T> {
    /// The thing that was asked for.
    pub(crate) fn found(body: T) -> Self {
        Self { outcome: Outcome::Found(body), etag: None }
    }

    /// The thing that was sent is on disk.
    pub(crate) fn accepted(body: T) -> Self {
        Self { outcome: Outcome::Accepted(body), etag: None }
    }

    /// Something new, at this path.
    pub(crate) fn created(path: String, body: T) -> Self {
        Self { outcome: Outcome::Created(path, body), etag: None }
    }

    /// Adds the tag of the body's present state.
    pub(crate) fn tagged(self, etag: ETag) -> Self {
        Self { etag: Some(etag), ..self }
    }
}

impl Reply<()> {
    /// The thing is gone.
    pub(crate) fn deleted() -> Self {
        Self { outcome: Outcome::Deleted, etag: None }
    }
}
