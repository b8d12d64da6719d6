//! The table of access classes: what a request may take. The pipeline of a request goes by this table
//! alone. (Every handler runs with its connection: a client that goes away cancels no job of the
//! database, see `store`.)

use hub_core::api::{Access, Route};

const KIB: usize = 1024;

/// The largest body of a telemetry report.
pub(crate) const REPORT: usize = 1024 * KIB;

/// What a request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Class {
    /// The largest body in bytes.
    pub(crate) body_limit: usize,
    /// Whether the bytes of the body are counted while it is read.
    pub(crate) bytes: Bytes,
    /// Where the request is counted while it is worked on.
    pub(crate) share: Share,
    /// What must have room before the body is read.
    pub(crate) queue: Queue,
}

/// Where the bytes of a body are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bytes {
    /// Nowhere: the body is small.
    Free,
    /// In the share of reports: many at once of the size that one may have would not fit into memory.
    Reports,
}

/// A share of the requests that are worked on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    /// None is needed: health is always answered.
    Free,
    /// That of instances and of strangers.
    Public,
    /// That of operators, which public requests cannot use up.
    Admin,
}

/// The batching tasks that a request waits for. A full one refuses it, so it is refused before its body
/// is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queue {
    /// It waits for none.
    None,
    /// The one that looks keys up and the one that activates.
    Activations,
    /// The one that counts reports.
    Reports,
}

impl Class {
    /// The class of a route: that of its access.
    pub(crate) const fn of(route: Route) -> Self {
        match route.access() {
            Access::Public => row(4 * KIB, Bytes::Free, Share::Free, Queue::None),
            Access::License => row(4 * KIB, Bytes::Free, Share::Public, Queue::Activations),
            Access::Hub => row(4 * KIB, Bytes::Free, Share::Public, Queue::None),
            Access::Reporter => row(REPORT, Bytes::Reports, Share::Public, Queue::Reports),
            Access::Admin(_) => row(64 * KIB, Bytes::Free, Share::Admin, Queue::None),
        }
    }
}

const fn row(body_limit: usize, bytes: Bytes, share: Share, queue: Queue) -> Class {
    Class { body_limit, bytes, share, queue }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_have_a_share_that_nobody_else_draws_on() {
        for route in Route::ALL {
            let is_admin = matches!(route.access(), Access::Admin(_));
            assert_eq!(Class::of(*route).share == Share::Admin, is_admin, "{route:?}");
        }
    }
}
