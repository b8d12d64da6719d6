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
    /// Whether the request is a report, which has a rate, and whose bytes are counted while they arrive.
    pub(crate) is_report: bool,
    /// The permit that the work needs.
    pub(crate) work: Work,
    /// The queue that must have room before the body is read.
    pub(crate) queue: Queue,
}

/// The permits of work, each for callers that cannot use up those of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// No permit is needed: the answer is at hand, or strangers wait for it together in a queue.
    Free,
    /// Work of instances.
    Public,
    /// A read of what an instance reported, which may be long.
    OwnRead,
    /// Work of operators.
    Admin,
}

/// The batching tasks that a request waits for. When their queue is full, the hub refuses the request
/// before it reads the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queue {
    /// The request waits for no batching task.
    None,
    /// The task that activates.
    Activations,
    /// The task that counts reports.
    Reports,
}

impl Class {
    /// The class of a route, which depends on the access that the route requires.
    pub(crate) const fn of(route: Route) -> Self {
        let class = match route.access() {
            // A license is not proven before the handler looks it up.
            Access::Public | Access::Open | Access::License => {
                row(4 * KIB, Work::Free, Queue::None)
            }
            Access::Hub => row(4 * KIB, Work::Public, Queue::None),
            Access::Reporter => row(LARGEST_BODY, Work::Public, Queue::Reports),
            Access::Admin(_) => row(64 * KIB, Work::Admin, Queue::None),
        };
        match route {
            Route::Activate => Self { queue: Queue::Activations, ..class },
            Route::SendReport => Self { is_report: true, ..class },
            Route::GetOwnTelemetry => Self { work: Work::OwnRead, ..class },
            Route::SetCatalogue | Route::UpdateCatalogue => Self { body_limit: 256 * KIB, ..class },
            _ => class,
        }
    }

    /// Whether the hub tells a stranger the answer whoever else asks, and ignores the query: health,
    /// readiness and version.
    pub(crate) const fn is_vital(route: Route) -> bool {
        matches!(route, Route::Health | Route::Ready | Route::GetVersion)
    }
}

const fn row(body_limit: usize, work: Work, queue: Queue) -> Class {
    Class { body_limit, is_report: false, work, queue }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_have_permits_of_their_own() {
        for route in Route::ALL {
            let is_admin = matches!(route.access(), Access::Admin(_));
            assert_eq!(Class::of(*route).work == Work::Admin, is_admin, "{route:?}");
        }
    }
}
