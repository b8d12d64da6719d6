//! What operators set of the limits.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;
use humantime::parse_duration;
use ipnet::IpNet;

use super::classes::REPORT;

/// How much callers may take.
#[derive(Debug, Clone, Args)]
pub(crate) struct LimitsSettings {
    /// Networks of reverse proxies whose X-Forwarded-For is believed
    #[arg(long, value_delimiter = ',', value_name = "CIDR")]
    pub(crate) trusted_proxies: Vec<IpNet>,

    /// Wrong keys that an address may send at once
    #[arg(long, default_value = "20")]
    pub(crate) guess_burst: NonZeroU32,

    /// After that, one wrong key in so long a time
    #[arg(long, default_value = "2s", value_parser = parse_duration)]
    pub(crate) guess_period: Duration,

    /// Public requests worked on at once
    #[arg(long, default_value_t = 4096)]
    pub(crate) max_public_requests: usize,

    /// Admin requests worked on at once
    #[arg(long, default_value_t = 256)]
    pub(crate) max_admin_requests: usize,

    /// Bytes of telemetry reports read at once
    #[arg(long, default_value_t = 32 << 20, value_parser = report_bytes)]
    pub(crate) max_report_bytes: usize,
}

/// At least one report of the size that one may have.
fn report_bytes(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(bytes @ REPORT..) => Ok(bytes),
        _ => Err(format!("must be a number of bytes, at least {REPORT}")),
    }
}
