//! The settings of metrics.

use std::net::SocketAddr;

use clap::Args;

/// Where metrics are read.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct MetricsSettings {
    /// Address for metrics in Prometheus' format, at /metrics; best one that only this machine reaches
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metrics_listen: Option<SocketAddr>,
}
