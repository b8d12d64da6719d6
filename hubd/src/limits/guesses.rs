//! The limit against guessing keys. It counts wrong keys, and only those, for each client address.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use hyper::HeaderMap;
use ipnet::IpNet;

use super::settings::LimitsSettings;
use crate::domain::Refusal;

/// How many addresses have an allowance of their own; all further addresses share one.
const MOST_ADDRESSES: usize = 100_000;
/// How often the hub forgets addresses whose allowance is full again.
const SWEEP: Duration = Duration::from_mins(1);

/// The allowances, by GCRA (the generic cell rate algorithm).
#[derive(Debug)]
pub(crate) struct Guesses {
    by_address: DefaultKeyedRateLimiter<IpAddr>,
    shared: DefaultDirectRateLimiter,
    swept: Mutex<Instant>,
}

impl Guesses {
    pub(crate) fn new(settings: &LimitsSettings) -> Self {
        Self::with(settings.guess_burst, settings.guess_period)
    }

    /// Allows `burst` wrong keys at once, then one every `period`.
    fn with(burst: NonZeroU32, period: Duration) -> Self {
        let period = period.max(Duration::from_millis(1));
        let quota = Quota::with_period(period).map(|quota| quota.allow_burst(burst));
        let quota = quota.unwrap_or_else(|| unreachable!("the period is not zero"));
        Self {
            by_address: RateLimiter::dashmap(quota),
            shared: RateLimiter::direct(quota),
            swept: Mutex::new(Instant::now()),
        }
    }

    /// Counts a wrong key. Refuses when the address has used up its allowance.
    pub(crate) fn spend(&self, client: IpAddr) -> Result<(), Refusal> {
        self.sweep();
        let address = subscriber(client);
        let checked = if self.by_address.len() < MOST_ADDRESSES {
            self.by_address.check_key(&address)
        } else {
            self.shared.check()
        };
        checked.map_err(|limited| {
            Refusal::limited(limited.wait_time_from(DefaultClock::default().now()))
        })
    }

    fn sweep(&self) {
        let Ok(mut swept) = self.swept.try_lock() else { return };
        if swept.elapsed() >= SWEEP {
            *swept = Instant::now();
            self.by_address.retain_recent();
        }
    }
}

/// The address range of one subscriber: an IPv4 address, or an IPv6 /64.
fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// The address that a request comes from: the address of the peer or, when the peer is a trusted proxy,
/// the last address in `X-Forwarded-For` that is not a trusted proxy.
pub(crate) fn client_of(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    let peer = peer.to_canonical();
    if !is_trusted(&peer) {
        return peer;
    }
    let lines: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok()).collect();
    let mut client = peer;
    for hop in lines.iter().flat_map(|line| line.split(',')).rev() {
        let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
        client = address.to_canonical();
        if !is_trusted(&client) {
            break;
        }
    }
    client
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
        assert!(guesses.spend(ip("2001:db8::1")).is_ok());
        assert!(guesses.spend(ip("2001:db8::2")).is_ok());
        let limited = guesses.spend(ip("2001:db8::3")).unwrap_err();
        assert!(limited.retry_after.unwrap() > Duration::from_secs(50));
        assert!(guesses.spend(ip("2001:db8:0:1::1")).is_ok());
        assert!(guesses.spend(ip("192.0.2.1")).is_ok());
        assert!(guesses.spend(ip("::ffff:192.0.2.1")).is_ok());
        assert!(guesses.spend(ip("192.0.2.1")).is_err());
    }

    #[test]
    fn forwarded_addresses_are_believed_from_trusted_proxies_only() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "198.51.100.9, 203.0.113.7".parse().unwrap());
        headers.append("x-forwarded-for", "10.0.0.2".parse().unwrap());
        let of = |peer| client_of(ip(peer), &headers, &trusted);
        assert_eq!(of("192.0.2.1"), ip("192.0.2.1"));
        assert_eq!(of("10.0.0.1"), ip("203.0.113.7"));
        assert_eq!(client_of(ip("10.0.0.1"), &HeaderMap::new(), &trusted), ip("10.0.0.1"));
    }
}
