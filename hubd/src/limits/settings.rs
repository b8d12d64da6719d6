//! The settings of the limits.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;
use humantime::parse_duration;
use ipnet::IpNet;

use super::address::network;
use hub_core::redact::LARGEST_BODY;

/// The limits on callers.
#[derive(Debug, Clone, Args)]
pub(crate) struct LimitsSettings {
    /// Networks of the reverse proxies whose X-Forwarded-For or Forwarded header is trusted
    #[arg(long, value_delimiter = ',', value_name = "CIDR", value_parser = network)]
    pub(crate) trusted_proxies: Vec<IpNet>,

    /// Wrong keys that an address may send at once
    #[arg(long, default_value = "20")]
    pub(crate) guess_burst: NonZeroU32,

    /// After the burst, one wrong key is allowed in each period of this length
    #[arg(long, default_value = "2s", value_parser = parse_duration)]
    pub(crate) guess_period: Duration,

    /// Requests that an instance may have in flight
    #[arg(long, default_value = "32")]
    pub(crate) instance_requests: NonZeroU32,

    /// Requests that an admin key may have in flight
    #[arg(long, default_value = "128")]
    pub(crate) admin_key_requests: NonZeroU32,

    /// Reports that an instance may send at once
    #[arg(long, default_value = "600")]
    pub(crate) report_burst: NonZeroU32,

    /// After the burst, one report is allowed in each period of this length
    #[arg(long, default_value = "1s", value_parser = parse_duration)]
    pub(crate) report_period: Duration,

    /// Activations that a license allows at once
    #[arg(long, default_value = "60")]
    pub(crate) activation_burst: NonZeroU32,

    /// After the burst, one activation is allowed in each period of this length
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    pub(crate) activation_period: Duration,

    /// Connections that an address may have without a valid key (IPv6: a /64)
    #[arg(long, default_value = "1024")]
    pub(crate) address_connections: NonZeroU32,

    /// The most requests of instances at work at once
    #[arg(long, default_value_t = 4096)]
    pub(crate) max_public_requests: usize,

    /// The most admin requests at work at once; further ones wait
    #[arg(long, default_value = "256")]
    pub(crate) max_admin_requests: NonZeroU32,

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
