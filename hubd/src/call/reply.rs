//! The reply of a handler, before it becomes JSON.

use crate::domain::ETag;

/// A body and its headers.
#[derive(Debug)]
pub(crate) struct Reply<T> {
    pub(super) outcome: Outcome<T>,
    pub(super) etag: Option<ETag>,
}

#[derive(Debug)]
pub(super) enum Outcome<T> {
    Found(T),
    Accepted(T),
    /// The path of the new object, and the body.
    Created(String, T),
    Deleted,
    /// A page of HTML.
    Page(&'static str),
}

impl<T> Reply<T> {
    /// Replies with the requested object.
    pub(crate) fn found(body: T) -> Self {
        Self { outcome: Outcome::Found(body), etag: None }
    }

    /// Replies that the sent data is on disk.
    pub(crate) fn accepted(body: T) -> Self {
        Self { outcome: Outcome::Accepted(body), etag: None }
    }

    /// Replies with a new object and its path.
    pub(crate) fn created(path: String, body: T) -> Self {
        Self { outcome: Outcome::Created(path, body), etag: None }
    }

    /// Adds the entity tag of the object's present state.
    pub(crate) fn tagged(self, etag: ETag) -> Self {
        Self { etag: Some(etag), ..self }
    }
}

impl Reply<()> {
    /// Replies with a page for people.
    pub(crate) fn page(html: &'static str) -> Self {
        Self { outcome: Outcome::Page(html), etag: None }
    }

    /// Replies that the object is deleted.
    pub(crate) fn deleted() -> Self {
        Self { outcome: Outcome::Deleted, etag: None }
    }
}
