//! The reply of a handler, before it becomes JSON.

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http_body_util::StreamBody;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Frame;

use crate::domain::ETag;

/// An answer that could not be finished: the connection is closed, so that nobody takes it for whole.
#[derive(Debug, thiserror::Error)]
#[error("the answer could not be finished")]
pub(crate) struct CutShort;

/// A body and its headers.
#[derive(Debug)]
pub(crate) struct Reply<T> {
    pub(super) outcome: Outcome<T>,
    pub(super) etag: Option<ETag>,
    /// The answer says that a key is wrong, so it counts as a guess.
    pub(super) wrong_key: bool,
}

#[derive(Debug)]
pub(super) enum Outcome<T> {
    Found(T),
    /// The requested object as JSON, of any length.
    Streamed(UnsyncBoxBody<Bytes, CutShort>),
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
        Self::of(Outcome::Found(body))
    }

    /// Replies with the JSON of the requested object, which is made while it is sent.
    pub(crate) fn streamed(
        begin: Bytes,
        rest: impl Stream<Item = Result<Bytes, CutShort>> + Send + 'static,
    ) -> Self {
        let frames = stream::iter([Ok(begin)]).chain(rest).map(|bytes| Ok(Frame::data(bytes?)));
        Self::of(Outcome::Streamed(UnsyncBoxBody::new(StreamBody::new(frames))))
    }

    /// Replies that the sent data is on disk.
    pub(crate) fn accepted(body: T) -> Self {
        Self::of(Outcome::Accepted(body))
    }

    /// Replies with a new object and its path.
    pub(crate) fn created(path: String, body: T) -> Self {
        Self::of(Outcome::Created(path, body))
    }

    /// Adds the entity tag of the object's present state.
    pub(crate) fn tagged(self, etag: ETag) -> Self {
        Self { etag: Some(etag), ..self }
    }

    /// Marks the answer to a wrong key.
    pub(crate) fn for_wrong_key(self) -> Self {
        Self { wrong_key: true, ..self }
    }

    fn of(outcome: Outcome<T>) -> Self {
        Self { outcome, etag: None, wrong_key: false }
    }
}

impl Reply<()> {
    /// Replies with a page for people.
    pub(crate) fn page(html: &'static str) -> Self {
        Self::of(Outcome::Page(html))
    }

    /// Replies that the object is deleted.
    pub(crate) fn deleted() -> Self {
        Self::of(Outcome::Deleted)
    }
}
