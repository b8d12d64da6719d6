//! The settings of the limits.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;
use humantime::parse_duration;
use ipnet::IpNet;

use hub_core::redact::LARGEST_BODY;

/// The limits on callers.
#[derive(Debug, Clone, Args)]
pub(crate) struct LimitsSettings {
    /// Networks of the reverse proxies whose X-Forwarded-For header is trusted
    #[arg(long, value_delimiter = ',', value_name = "CIDR")]
    pub(crate) trusted_proxies: Vec<IpNet>,

    /// Wrong keys that an address may send at once
    #[arg(long, default_value = "20")]
    pub(crate) guess_burst: NonZeroU32,

    /// After the burst, one wrong key is allowed in each period of this length
    #[arg(long, default_value = "2s", value_parser = parse_duration)]
    pub(crate) guess_period: Duration,

    /// The most public requests in progress at once
    #[arg(long, default_value_t = 4096)]
    pub(crate) max_public_requests: usize,

    /// The most admin requests in progress at once
    #[arg(long, default_value_t = 256)]
    pub(crate) max_admin_requests: usize,

    /// The most bytes of telemetry reports in memory at once
    #[arg(long, default_value_t = 32 << 20, value_parser = report_bytes)]
    pub(crate) max_report_bytes: usize,
}

/// Reads the limit, which must leave room for one report of the largest size.
fn report_bytes(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(bytes @ LARGEST_BODY..) => Ok(bytes),
        _ => Err(format!("must be a number of bytes, at least {LARGEST_BODY}")),
    }
}
