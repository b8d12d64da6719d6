//! How often each caller may do something.

use std::fmt;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// How often the hub forgets callers whose allowance is full again.
const SWEEP: Duration = Duration::from_mins(1);

/// An allowance for each caller, by GCRA (the generic cell rate algorithm). Only callers that did it
/// lately take memory.
pub(crate) struct Rates<K: Hash + Eq + Clone> {
    limiter: DefaultKeyedRateLimiter<K>,
    swept: Mutex<Instant>,
}

impl<K: Hash + Eq + Clone> Rates<K> {
    pub(crate) fn new(burst: NonZeroU32, period: Duration) -> Self {
        let limiter = RateLimiter::dashmap(quota(burst, period));
        Self { limiter, swept: Mutex::new(Instant::now()) }
    }

    /// Counts one more; or tells how long the caller has to wait.
    pub(crate) fn spend(&self, caller: &K) -> Result<(), Duration> {
        self.sweep();
        self.limiter
            .check_key(caller)
            .map_err(|limited| limited.wait_time_from(DefaultClock::default().now()))
    }

    /// How many callers have an allowance that is not known to be full.
    pub(super) fn callers(&self) -> usize {
        self.sweep();
        self.limiter.len()
    }

    fn sweep(&self) {
        let Ok(mut swept) = self.swept.try_lock() else { return };
        if swept.elapsed() >= SWEEP {
            *swept = Instant::now();
            self.limiter.retain_recent();
        }
    }
}

impl<K: Hash + Eq + Clone> fmt::Debug for Rates<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rates").finish_non_exhaustive()
    }
}

/// `burst` at once, then one in each `period`.
pub(super) fn quota(burst: NonZeroU32, period: Duration) -> Quota {
    let period = period.max(Duration::from_millis(1));
    let quota = Quota::with_period(period).map(|quota| quota.allow_burst(burst));
    quota.unwrap_or_else(|| unreachable!("the period is not zero"))
}
