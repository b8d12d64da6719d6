//! What operators set of the server.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use humantime::parse_duration;

/// Where the server listens, how long peers may take, and how many there may be.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct ServerSettings {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8200")]
    pub(crate) listen: SocketAddr,

    /// How long a request's head may take
    // From its first byte to its last, and from the connection to the first byte.
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    pub(crate) head_timeout: Duration,

    /// How long a request's body may take
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    pub(crate) body_timeout: Duration,

    /// How long a connection may be idle
    // Without a byte in either direction.
    #[arg(long, default_value = "75s", value_parser = parse_duration)]
    pub(crate) idle_timeout: Duration,

    /// How long a stop may wait for requests that were begun
    #[arg(long, default_value = "25s", value_parser = parse_duration)]
    pub(crate) stop_timeout: Duration,

    /// Connections at once
    // More of them wait in the kernel's queue.
    #[arg(long, default_value_t = 12_000)]
    pub(crate) max_connections: usize,
}
