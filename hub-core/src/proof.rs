//! Leaks on purpose. A proof that nothing leaks is worth something only if it fails when something does:
//! the tests build hubd with this, let it leak in one place at a time, and expect to find it.

/// Where to leak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leak {
    /// The body of each request goes to the log.
    Log,
    /// Names are kept whatever they are, and so get into the database and into answers.
    Names,
    /// `redacted` grows with the length of what is dropped.
    Length,
    /// More is stored of a tool than a preview says.
    Stored,
}

/// The leak that the environment asks for.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "no setting of a program that anyone runs")]
pub fn leak() -> Option<Leak> {
    match std::env::var("HUBD_PROOF_LEAK").ok()?.as_str() {
        "log" => Some(Leak::Log),
        "names" => Some(Leak::Names),
        "length" => Some(Leak::Length),
        "stored" => Some(Leak::Stored),
        _ => None,
    }
}
