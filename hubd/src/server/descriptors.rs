//! How many files and sockets the process may open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are not connections: the database's, the log, and some to spare.
const OTHERS: u64 = 128;

/// Raises the soft limit as far as the system allows. Returns how many connections the hub can have, at
/// most as many as are wanted.
pub(super) fn room_for(wanted: usize) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let needed = wanted as u64 + OTHERS;
    let raised = maximum.map_or(needed, |maximum| maximum.min(needed));
    let raised = if current.is_some_and(|current| current < raised) {
        let limit = Rlimit { current: Some(raised), maximum };
        setrlimit(Resource::Nofile, limit).map_or(current, |()| Some(raised))
    } else {
        current
    };
    let room = raised.map_or(wanted as u64, |limit| limit.saturating_sub(OTHERS).max(limit / 2));
    let room = usize::try_from(room).unwrap_or(usize::MAX).min(wanted);
    if room < wanted {
        tracing::warn!(
            room,
            wanted,
            "the system's limit of open files leaves room for fewer connections"
        );
    }
    room
}
