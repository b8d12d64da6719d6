//! Leaks and faults on purpose. A proof that nothing leaks or gets lost is worth something only if it
//! fails when something does: the tests build hubd with this room, let it break one promise at a time,
//! and expect to find out.

/// Where to leak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leak {
    /// hubd logs the body of each request.
    Log,
    /// hubd counts the bytes of bodies in its metrics.
    Metrics,
    /// hubd counts an unlisted name of a tool, code or count by its length.
    Names,
    /// hubd keeps the beginning of the body of each report as a name.
    Text,
    /// hubd keeps the request id that anybody sends.
    RequestIds,
    /// `redacted` grows with the length of the dropped text.
    Length,
    /// hubd stores more about a tool than a preview shows.
    Stored,
    /// A commit does not wait for the disk.
    Unsynced,
    /// Nothing waits for the disk when the log is written back into the file.
    Overwritten,
    /// The answer comes before the commit.
    Early,
    /// A suspension is not audited.
    Unaudited,
    /// hubd remembers for two seconds whose a key is.
    Remembered,
}

/// The leak that the environment variable names.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "only proof builds read it")]
pub fn leak() -> Option<Leak> {
    match std::env::var("HUBD_PROOF_LEAK").ok()?.as_str() {
        "log" => Some(Leak::Log),
        "metrics" => Some(Leak::Metrics),
        "names" => Some(Leak::Names),
        "text" => Some(Leak::Text),
        "request-ids" => Some(Leak::RequestIds),
        "length" => Some(Leak::Length),
        "stored" => Some(Leak::Stored),
        "unsynced" => Some(Leak::Unsynced),
        "overwritten" => Some(Leak::Overwritten),
        "early" => Some(Leak::Early),
        "unaudited" => Some(Leak::Unaudited),
        "remembered" => Some(Leak::Remembered),
        _ => None,
    }
}

/// After how many pages of log SQLite writes them back, if the environment says so: a short log makes
/// short records of power cuts.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "only proof builds read it")]
pub fn checkpoint_after() -> Option<i32> {
    std::env::var("HUBD_PROOF_CHECKPOINT").ok()?.parse().ok()
}
