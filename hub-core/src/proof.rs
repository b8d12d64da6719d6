//! Leaks on purpose. A proof that nothing leaks is worth something only if it fails when something
//! leaks: the tests build hubd with this room, let it leak in one place at a time, and expect to find
//! the leak.

/// Where to leak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leak {
    /// hubd logs the body of each request.
    Log,
    /// hubd counts an unlisted name of a tool, code or count by its length.
    Names,
    /// hubd keeps the request id that anybody sends.
    RequestIds,
    /// `redacted` grows with the length of the dropped text.
    Length,
    /// hubd stores more about a tool than a preview shows.
    Stored,
}

/// The leak that the environment variable names.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "only proof builds read it")]
pub fn leak() -> Option<Leak> {
    match std::env::var("HUBD_PROOF_LEAK").ok()?.as_str() {
        "log" => Some(Leak::Log),
        "names" => Some(Leak::Names),
        "request-ids" => Some(Leak::RequestIds),
        "length" => Some(Leak::Length),
        "stored" => Some(Leak::Stored),
        _ => None,
    }
}
