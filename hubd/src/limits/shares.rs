//! Permits for the requests and bodies that the hub works on at once.

use hub_core::problem::ErrorCode;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::classes::{Bytes, Class, Share};
use super::settings::LimitsSettings;
use crate::domain::Refusal;

const KIB: usize = 1024;

/// The permits of each share. When a share is used up, the hub refuses further requests at once: that
/// helps a caller more than a queue that does not move.
#[derive(Debug)]
pub(crate) struct Shares {
    public: Semaphore,
    admin: Semaphore,
    report_kib: Semaphore,
}

impl Shares {
    pub(crate) fn new(settings: &LimitsSettings) -> Self {
        Self {
            public: Semaphore::new(settings.max_public_requests),
            admin: Semaphore::new(settings.max_admin_requests),
            report_kib: Semaphore::new(settings.max_report_bytes.div_ceil(KIB)),
        }
    }

    /// A permit for a request. The caller holds it until the request is answered.
    pub(crate) fn admit(&self, class: &Class) -> Result<Option<SemaphorePermit<'_>>, Refusal> {
        let share = match class.share {
            Share::Free => return Ok(None),
            Share::Public => &self.public,
            Share::Admin => &self.admin,
        };
        share.try_acquire().map(Some).map_err(|_| Refusal::new(ErrorCode::Overloaded))
    }

    /// A permit for a body of at most `bytes` bytes. The caller holds it until the request is answered.
    pub(crate) fn admit_body(
        &self,
        class: &Class,
        bytes: u64,
    ) -> Result<Option<SemaphorePermit<'_>>, Refusal> {
        if class.bytes == Bytes::Free {
            return Ok(None);
        }
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).min(class.body_limit);
        let kib = u32::try_from(bytes.div_ceil(KIB)).unwrap_or(u32::MAX);
        let permits = self.report_kib.try_acquire_many(kib);
        permits.map(Some).map_err(|_| Refusal::new(ErrorCode::Overloaded))
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, FromArgMatches};
    use hub_core::api::Route;

    use super::*;

    fn shares(flags: [&str; 3]) -> Shares {
        let command = LimitsSettings::augment_args(clap::Command::new("hubd"));
        let matches = command.try_get_matches_from(["hubd"].iter().chain(&flags)).unwrap();
        Shares::new(&LimitsSettings::from_arg_matches(&matches).unwrap())
    }

    #[test]
    fn a_share_that_is_used_up_takes_nothing_from_another() {
        let shares = shares([
            "--max-public-requests=1",
            "--max-admin-requests=1",
            "--max-report-bytes=1048576",
        ]);
        let (own, stats) = (Class::of(Route::GetSelf), Class::of(Route::GetStats));
        let held = shares.admit(&own).unwrap();
        assert!(held.is_some());
        assert!(shares.admit(&Class::of(Route::Activate)).is_err());
        assert!(shares.admit(&stats).unwrap().is_some());
        assert!(shares.admit(&Class::of(Route::Health)).unwrap().is_none());
        drop(held);
        assert!(shares.admit(&own).is_ok());
    }

    #[test]
    fn the_bytes_of_reports_are_counted() {
        let shares = shares([
            "--max-public-requests=9",
            "--max-admin-requests=9",
            "--max-report-bytes=1048576",
        ]);
        let report = Class::of(Route::SendReport);
        let most = shares.admit_body(&report, u64::MAX).unwrap();
        assert!(shares.admit_body(&report, 1).is_err());
        assert!(shares.admit_body(&Class::of(Route::Activate), 1).unwrap().is_none());
        drop(most);
        let halves = [512 << 10, 512 << 10].map(|bytes| shares.admit_body(&report, bytes));
        assert!(halves.iter().all(Result::is_ok));
        assert!(shares.admit_body(&report, 1).is_err());
    }
}
