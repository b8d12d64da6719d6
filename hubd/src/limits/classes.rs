//! The table of access classes: what a request may take, and where its handler runs. The pipeline of
//! a request goes by this table alone.

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
    /// Where the handler runs.
    pub(crate) runs: Runs,
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

/// Where a handler runs. A peer that goes away drops what runs inline; it must not cancel work of
/// the database half-way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runs {
    /// With the connection: the handler leaves its database work to the batching tasks.
    Inline,
    /// In a task of its own: the handler does its database work itself.
    InTask,
}

impl Class {
    /// The class of a route: that of its access, unless it differs.
    pub(crate) const fn of(route: Route) -> Self {
        let class = match route.access() {
            Access::Public => row(4 * KIB, Bytes::Free, Share::Free, Queue::None, Runs::InTask),
            Access::License => {
                row(4 * KIB, Bytes::Free, Share::Public, Queue::Activations, Runs::Inline)
            }
            Access::Hub => row(4 * KIB, Bytes::Free, Share::Public, Queue::None, Runs::Inline),
            Access::Reporter => {
                row(REPORT, Bytes::Reports, Share::Public, Queue::Reports, Runs::InTask)
            }
            Access::Admin(_) => row(64 * KIB, Bytes::Free, Share::Admin, Queue::None, Runs::InTask),
        };
        match route {
            // It reads what is kept of the caller.
            Route::GetOwnTelemetry => Self { runs: Runs::InTask, ..class },
            _ => class,
        }
    }
}

const fn row(body_limit: usize, bytes: Bytes, share: Share, queue: Queue, runs: Runs) -> Class {
    Class { body_limit, bytes, share, queue, runs }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hot_routes_run_inline_and_the_others_in_tasks() {
        let inline = |route: &&Route| Class::of(**route).runs == Runs::Inline;
        let inline: Vec<_> = Route::ALL.iter().filter(inline).collect();
        assert_eq!(inline, [&Route::Activate, &Route::Validate, &Route::GetSelf]);
    }

    #[test]
    fn operators_have_a_share_that_nobody_else_draws_on() {
        for route in Route::ALL {
            let is_admin = matches!(route.access(), Access::Admin(_));
            assert_eq!(Class::of(*route).share == Share::Admin, is_admin, "{route:?}");
        }
    }
}
