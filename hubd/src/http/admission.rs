//! How many requests of a class are worked on at once. Health is never counted, and public traffic
//! cannot use up the room of admin requests.

use hub_core::api::Access;
use hub_core::problem::ErrorCode;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::domain::Refusal;

/// The room of each class.
#[derive(Debug)]
pub(crate) struct Admission {
    public: Semaphore,
    admin: Semaphore,
}

impl Admission {
    pub(crate) fn new(public: usize, admin: usize) -> Self {
        Self { public: Semaphore::new(public), admin: Semaphore::new(admin) }
    }

    /// Room for a request, held while it is worked on. What finds none is refused at once: whoever
    /// waits in a line that does not move is better told so.
    pub(crate) fn admit(&self, access: Access) -> Result<Option<SemaphorePermit<'_>>, Refusal> {
        let room = match access {
            Access::Public => return Ok(None),
            Access::License | Access::Hub => &self.public,
            Access::Admin(_) => &self.admin,
        };
        room.try_acquire().map(Some).map_err(|_| Refusal::new(ErrorCode::Overloaded))
    }
}
