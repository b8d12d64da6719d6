//! The exit codes of hubctl: one enum for the program, its help and its tests.

/// How a run of hubctl ended. Scripts match on the number, whose meaning never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// The work is done, or nothing had to change.
    Done = 0,
    /// A bug in hubctl or hubd.
    Bug = 1,
    /// The command was wrong, or a file could not be read.
    Usage = 2,
    /// The named object does not exist.
    NotFound = 3,
    /// There was no key, or the hub does not accept the key.
    NotAuthenticated = 4,
    /// The key's role does not allow this, or the hub refuses the license.
    NotPermitted = 5,
    /// The object exists already, or someone changed it meanwhile.
    Conflict = 6,
    /// The hub still limited the caller after all retries.
    Limited = 7,
    /// `wait` reached its time limit.
    WaitTimedOut = 8,
    /// The hub could not be reached.
    Unreachable = 9,
    /// The hub answered with a server error after all retries.
    HubFailed = 10,
    /// Some items failed; the output says which.
    Partial = 11,
    /// A question needs an answer and nobody is there to give it, or the answer was no.
    InputNeeded = 12,
    /// The key could not be written to its sink.
    SinkFailed = 13,
    /// The versions of hubctl and hubd do not work together.
    Incompatible = 14,
    /// `plan --detailed-exitcode`: there are changes to make.
    ChangesPending = 20,
    /// Interrupted by SIGINT.
    Interrupted = 130,
    /// The reader of the output closed it.
    OutputClosed = 141,
    /// Terminated by SIGTERM.
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

    /// The meaning of the code in a few words.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done, or nothing had to change",
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

    /// Whether the same command may succeed when it runs again.
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
