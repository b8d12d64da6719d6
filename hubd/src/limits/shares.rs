//! The shares of callers, and the work that the hub does at once.
//!
//! Only work is counted: a body that is awaited holds no permit of work, whoever sends it.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use hub_core::problem::ErrorCode;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::address::subscriber;
use super::callers::{Caller, CallerPermit, Callers, Most};
use super::classes::{Class, Work};
use super::rates::Rates;
use super::settings::LimitsSettings;
use crate::domain::Refusal;

/// What callers may have in flight, and the permits of work.
#[derive(Debug)]
pub(crate) struct Shares {
    callers: Arc<Callers>,
    reports: Rates<i64>,
    strangers: Rates<IpAddr>,
    public: Semaphore,
    admin: Semaphore,
    own_reads: Semaphore,
}

/// Answers that strangers, and callers beyond their shares, get at once at an address, and after those one
/// in each period. Further ones come a moment later, so no crowd takes all processors.
const STRANGERS_AT_ONCE: NonZeroU32 = NonZeroU32::new(1_000).unwrap();
const STRANGERS_PERIOD: Duration = Duration::from_millis(2);
const A_MOMENT: Duration = Duration::from_millis(250);
/// The most addresses of strangers that are told apart.
const MOST_ADDRESSES: usize = 100_000;

/// Reads of what an instance reported, at once.
const OWN_READS: usize = 1;

impl Shares {
    pub(crate) fn new(settings: &LimitsSettings) -> Self {
        let most = |requests: NonZeroU32| usize::try_from(requests.get()).unwrap_or(usize::MAX);
        Self {
            callers: Arc::new(Callers::new(Most {
                instance_requests: most(settings.instance_requests),
                admin_requests: most(settings.admin_key_requests),
                activations: most(settings.activation_burst.max(settings.instance_requests)),
                bytes: settings.max_report_bytes,
            })),
            reports: Rates::new(settings.report_burst, settings.report_period),
            strangers: Rates::new(STRANGERS_AT_ONCE, STRANGERS_PERIOD),
            public: Semaphore::new(settings.max_public_requests),
            admin: Semaphore::new(most(settings.max_admin_requests)),
            own_reads: Semaphore::new(OWN_READS),
        }
    }

    /// One more request of a caller, until the permit is dropped.
    pub(crate) fn enter(&self, caller: Caller) -> Result<CallerPermit, Refusal> {
        self.callers.enter(caller)
    }

    /// Counts a report of an instance.
    pub(crate) fn count_report(&self, instance: i64) -> Result<(), Refusal> {
        self.reports.spend(&instance).map_err(|wait| {
            Refusal::limited("this instance reports too often: wait, then send it again", wait)
        })
    }

    /// Holds back an answer to a stranger, or to a caller beyond its share, when its address gets many.
    pub(crate) async fn pace(&self, client: IpAddr) {
        let is_told_apart = self.strangers.callers() < MOST_ADDRESSES;
        if is_told_apart && self.strangers.spend(&subscriber(client)).is_err() {
            tokio::time::sleep(A_MOMENT).await;
        }
    }

    /// A permit for the work that a request makes. When the share of public work is used up, the hub
    /// refuses further work at once: that helps a caller more than a queue that does not move. Operators
    /// are never refused, they wait for each other.
    pub(crate) async fn work(&self, class: &Class) -> Result<Option<SemaphorePermit<'_>>, Refusal> {
        let closed = |_| Refusal::new(ErrorCode::Internal);
        match class.work {
            Work::Free => Ok(None),
            Work::Public => {
                let permit = self.public.try_acquire();
                permit.map(Some).map_err(|_| ErrorCode::Overloaded.into())
            }
            Work::OwnRead => self.own_reads.acquire().await.map(Some).map_err(closed),
            Work::Admin => self.admin.acquire().await.map(Some).map_err(closed),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, FromArgMatches};
    use hub_core::api::Route;

    use super::*;

    fn shares(flags: &[&str]) -> Shares {
        let command = LimitsSettings::augment_args(clap::Command::new("hubd"));
        let matches = command.try_get_matches_from(["hubd"].iter().chain(flags)).unwrap();
        Shares::new(&LimitsSettings::from_arg_matches(&matches).unwrap())
    }

    #[tokio::test]
    async fn work_of_the_public_takes_nothing_from_operators() {
        let shares = shares(&["--max-public-requests=1", "--max-admin-requests=1"]);
        let own = Class::of(Route::GetSelf);
        let held = shares.work(&own).await.unwrap();
        assert!(held.is_some());
        let refused = shares.work(&Class::of(Route::SendReport)).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Overloaded);
        assert!(shares.work(&Class::of(Route::GetStats)).await.unwrap().is_some());
        assert!(shares.work(&Class::of(Route::Health)).await.unwrap().is_none());
        drop(held);
        assert!(shares.work(&own).await.is_ok());
    }

    #[test]
    fn reports_have_a_rate() {
        let shares = shares(&["--report-burst=2", "--report-period=1h"]);
        assert!(shares.count_report(1).is_ok() && shares.count_report(1).is_ok());
        assert_eq!(shares.count_report(1).unwrap_err().code, ErrorCode::RateLimited);
        assert!(shares.count_report(2).is_ok());
    }
}
