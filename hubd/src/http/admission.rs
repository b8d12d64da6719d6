//! How many requests of a class are worked on at once. Health is never counted, and public traffic
//! cannot use up the room of admin requests.

use hub_core::api::Access;
use hub_core::problem::ErrorCode;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::domain::Refusal;

const KIB: usize = 1024;

/// The room of each class.
#[derive(Debug)]
pub(crate) struct Admission {
    public: Semaphore,
    admin: Semaphore,
    /// KiB of reports.
    reports: Semaphore,
}

impl Admission {
    pub(crate) fn new(public: usize, admin: usize, report_bytes: usize) -> Self {
        Self {
            public: Semaphore::new(public),
            admin: Semaphore::new(admin),
            reports: Semaphore::new(report_bytes.div_ceil(KIB)),
        }
    }

    /// Room for a report's body, which is of `bytes` at most: many at once of the size that one may
    /// have would not fit into memory.
    pub(crate) fn admit_body(
        &self,
        access: Access,
        bytes: u64,
    ) -> Result<Option<SemaphorePermit<'_>>, Refusal> {
        if access != Access::Reporter {
            return Ok(None);
        }
        let most = access.body_limit().div_ceil(KIB);
        let kib = usize::try_from(bytes).unwrap_or(usize::MAX).div_ceil(KIB).min(most);
        let room = self.reports.try_acquire_many(u32::try_from(kib).unwrap_or(u32::MAX));
        room.map(Some).map_err(|_| Refusal::new(ErrorCode::Overloaded))
    }

    /// Room for a request, held while it is worked on. What finds none is refused at once: whoever
    /// waits in a line that does not move is better told so.
    pub(crate) fn admit(&self, access: Access) -> Result<Option<SemaphorePermit<'_>>, Refusal> {
        let room = match access {
            Access::Public => return Ok(None),
            Access::License | Access::Hub | Access::Reporter => &self.public,
            Access::Admin(_) => &self.admin,
        };
        room.try_acquire().map(Some).map_err(|_| Refusal::new(ErrorCode::Overloaded))
    }
}
