//! The exit codes of hubctl: one enum that the program, its help and its tests are made from.

/// How a run of hubctl ended. Scripts match on the number, which never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done, also "already so".
    Done = 0,
    /// A bug in hubctl or hubd.
    Bug = 1,
    /// Wrong usage, or a file that cannot be read.
    Usage = 2,
    /// What was named does not exist.
    NotFound = 3,
    /// No key, or one that the hub does not accept.
    NotAuthenticated = 4,
    /// The key may not do this; the license is refused.
    NotPermitted = 5,
    /// Exists already, or was changed meanwhile.
    Conflict = 6,
    /// Still limited after all retries.
    Limited = 7,
    /// `wait` ran into its time limit.
    WaitTimedOut = 8,
    /// The hub could not be reached.
    Unreachable = 9,
    /// The hub answered with a server error after all retries.
    HubFailed = 10,
    /// Some items failed; the output says which.
    Partial = 11,
    /// An answer is needed and nobody can give it, or it was no.
    InputNeeded = 12,
    /// The key sink could not be written.
    SinkFailed = 13,
    /// hubctl and hubd do not understand each other.
    Incompatible = 14,
    /// `plan --detailed-exitcode`: there are changes to make.
    ChangesPending = 20,
    /// Interrupted by SIGINT.
    Interrupted = 130,
    /// Whoever read the output has closed it.
    OutputClosed = 141,
    /// Ended by SIGTERM.
    Terminated = 143,
}

impl Exit {
    /// Every code, in order.
    pub const ALL: [Self; 19] = [
        Self::Done,
        Self::Bug,
        Self::Usage,
        Self::NotFound,
        Self::NotAuthenticated,
        Self::NotPermitted,
        Self::Conflict,
        Self::Limited,
        Self::WaitTimedOut,
        Self::Unreachable,
        Self::HubFailed,
        Self::Partial,
        Self::InputNeeded,
        Self::SinkFailed,
        Self::Incompatible,
        Self::ChangesPending,
        Self::Interrupted,
        Self::OutputClosed,
        Self::Terminated,
    ];

    /// The number that the process ends with.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What it means, in a few words.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done, also \"already so\"",
            Self::Bug => "a bug",
            Self::Usage => "usage, unreadable file",
            Self::NotFound => "not found",
            Self::NotAuthenticated => "not authenticated",
            Self::NotPermitted => "not permitted; license refused",
            Self::Conflict => "conflict, changed meanwhile, exists already",
            Self::Limited => "limited (429 after retries)",
            Self::WaitTimedOut => "wait timed out",
            Self::Unreachable => "cannot reach the hub (DNS, connect, TLS, timeout)",
            Self::HubFailed => "hub answered 5xx after retries",
            Self::Partial => "partial: some items failed, see the output",
            Self::InputNeeded => "confirmation or input needed, or declined",
            Self::SinkFailed => "key sink could not be written; run again",
            Self::Incompatible => "hubctl and hubd do not fit together",
            Self::ChangesPending => "plan/apply --detailed-exitcode: changes pending",
            Self::Interrupted => "interrupted, state is safe",
            Self::OutputClosed => "output closed",
            Self::Terminated => "terminated, state is safe",
        }
    }

    /// Whether the same command may succeed when it is run again unchanged.
    #[must_use]
    pub fn retryable(self) -> bool {
        matches!(
            self,
            Self::Limited
                | Self::WaitTimedOut
                | Self::Unreachable
                | Self::HubFailed
                | Self::SinkFailed
                | Self::Interrupted
                | Self::Terminated
        )
    }
}
