//! The limit against guessing keys. It counts wrong keys, and only those, for each client address.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, RateLimiter};

use super::address::subscriber;
use super::rates::{Rates, quota};
use super::settings::LimitsSettings;
use crate::domain::Refusal;

/// How many addresses may have an allowance of their own. When there are more, all share one.
const MOST_ADDRESSES: usize = 100_000;

/// The allowances.
#[derive(Debug)]
pub(crate) struct Guesses {
    by_address: Rates<IpAddr>,
    shared: DefaultDirectRateLimiter,
}

impl Guesses {
    pub(crate) fn new(settings: &LimitsSettings) -> Self {
        Self::with(settings.guess_burst, settings.guess_period)
    }

    /// Allows `burst` wrong keys at once, then one every `period`.
    fn with(burst: NonZeroU32, period: Duration) -> Self {
        let shared = RateLimiter::direct(quota(burst, period));
        Self { by_address: Rates::new(burst, period), shared }
    }

    /// Counts a wrong key. Refuses when the address has used up its allowance.
    pub(crate) fn spend(&self, client: IpAddr) -> Result<(), Refusal> {
        let counted = if self.by_address.callers() < MOST_ADDRESSES {
            self.by_address.spend(&subscriber(client))
        } else {
            let now = || DefaultClock::default().now();
            self.shared.check().map_err(|limited| limited.wait_time_from(now()))
        };
        counted.map_err(|wait| {
            Refusal::limited("too many wrong keys from this address: wait, then try again", wait)
        })
    }

    /// Whether nobody sent a wrong key lately.
    pub(crate) fn are_rare(&self) -> bool {
        self.by_address.callers() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_allowance_is_the_subscribers() {
        let guesses = Guesses::with(NonZeroU32::new(2).unwrap(), Duration::from_mins(1));
        assert!(guesses.are_rare());
        assert!(guesses.spend(ip("2001:db8::1")).is_ok());
        assert!(!guesses.are_rare());
        assert!(guesses.spend(ip("2001:db8::2")).is_ok());
        let limited = guesses.spend(ip("2001:db8::3")).unwrap_err();
        assert!(limited.retry_after.unwrap() > Duration::from_secs(50));
        assert!(guesses.spend(ip("2001:db8:0:1::1")).is_ok());
        assert!(guesses.spend(ip("192.0.2.1")).is_ok());
        assert!(guesses.spend(ip("::ffff:192.0.2.1")).is_ok());
        assert!(guesses.spend(ip("192.0.2.1")).is_err());
    }
}
