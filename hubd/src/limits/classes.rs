//! The table of access classes: the limits of a request. The request pipeline takes its limits from this
//! table alone. (Every handler runs in the task of its connection. A client that disconnects cancels no
//! database job; see `store`.)

use hub_core::api::{Access, Route};
use hub_core::redact::LARGEST_BODY;

const KIB: usize = 1024;

/// The limits of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Class {
    /// The largest body in bytes.
    pub(crate) body_limit: usize,
    /// Whether the bytes of the body are counted while it is read.
    pub(crate) bytes: Bytes,
    /// The share that the request takes a permit from.
    pub(crate) share: Share,
    /// The queue that must have room before the body is read.
    pub(crate) queue: Queue,
}

/// The share that the bytes of a body are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bytes {
    /// None: the body is small.
    Free,
    /// The share of reports: many reports of the largest size would not fit into memory at once.
    Reports,
}

/// A share of the requests that the hub works on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    /// No permit is needed: the hub always answers health requests.
    Free,
    /// The share of instances and of callers without a key.
    Public,
    /// The share of operators, which public requests cannot use up.
    Admin,
}

/// The batching tasks that a request waits for. When their queue is full, the hub refuses the request
/// before it reads the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queue {
    /// The request waits for no batching task.
    None,
    /// The task that looks keys up and the task that activates.
    Activations,
    /// The task that counts reports.
    Reports,
}

impl Class {
    /// The class of a route, which depends on the access that the route requires.
    pub(crate) const fn of(route: Route) -> Self {
        match route.access() {
            Access::Admin(_) if matches!(route, Route::SetCatalogue | Route::UpdateCatalogue) => {
                row(256 * KIB, Bytes::Free, Share::Admin, Queue::None)
            }
            Access::Public => row(4 * KIB, Bytes::Free, Share::Free, Queue::None),
            Access::License => row(4 * KIB, Bytes::Free, Share::Public, Queue::Activations),
            Access::Hub => row(4 * KIB, Bytes::Free, Share::Public, Queue::None),
            Access::Reporter => row(LARGEST_BODY, Bytes::Reports, Share::Public, Queue::Reports),
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
    fn operators_have_a_share_of_their_own() {
        for route in Route::ALL {
            let is_admin = matches!(route.access(), Access::Admin(_));
            assert_eq!(Class::of(*route).share == Share::Admin, is_admin, "{route:?}");
        }
    }
}
