//! How far a connection has come, which its deadlines depend on.

use tokio::time::Instant;

/// The stage of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing has arrived since the connection was made; over HTTP/2, no request.
    Silent { since: Instant },
    /// A head has arrived in part.
    InHead { since: Instant },
    /// Every head that has arrived is complete.
    Clear,
}

/// The progress of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    pub(super) stage: Stage,
    /// When the last byte was sent or received; over HTTP/2, of a request or an answer.
    pub(super) active: Instant,
    /// How many requests have arrived when all of them are whole; `None` in the middle of one. Only
    /// HTTP/1.1 counts them.
    pub(super) whole: Option<u64>,
    /// The peer does not take what is being sent.
    pub(super) blocked: bool,
}

impl Progress {
    /// The progress of a new connection.
    pub(super) fn begin(now: Instant) -> Self {
        Self { stage: Stage::Silent { since: now }, active: now, whole: Some(0), blocked: false }
    }

    /// Notes whether what has arrived ends within a head. Returns whether that changed the stage: an
    /// incomplete head brings the deadline nearer, and its completion lets a stopping hub close the
    /// connection.
    pub(super) fn reach(&mut self, now: Instant, in_head: bool) -> bool {
        let before = self.stage;
        self.stage = match (before, in_head) {
            (Stage::InHead { .. }, true) => before,
            (_, true) => Stage::InHead { since: now },
            (_, false) => Stage::Clear,
        };
        self.stage != before
    }

    /// Notes whether the peer takes nothing of what is sent, and whether something that counts went.
    pub(super) fn sent(&mut self, now: Instant, blocked: bool, any: bool) {
        self.blocked = blocked;
        if any {
            self.active = now;
        }
    }
}
