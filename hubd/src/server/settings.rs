//! The settings of the server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use clap::Args;
use humantime::parse_duration;

/// The address of the server, its timeouts, and the limit on connections.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct ServerSettings {
    /// Address to listen on; port 0 chooses a free port
    #[arg(long, default_value = "127.0.0.1:8200", value_parser = address)]
    pub(crate) listen: SocketAddr,

    /// Speak plain HTTP beyond this machine, without a trusted proxy
    #[arg(long)]
    pub(crate) allow_plain_http: bool,

    /// Log each request at the level info: route, status, time and id
    #[arg(long)]
    pub(crate) access_log: bool,

    /// How long a request's head may take
    // The time from its first byte to its last, and from the connection to its first byte; over HTTP/2,
    // to its first request.
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    pub(crate) head_timeout: Duration,

    /// How long a request's body may take
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    pub(crate) body_timeout: Duration,

    /// How long a connection may be idle
    // Idle means that no byte goes in either direction; over HTTP/2, none of a request or an answer.
    #[arg(long, default_value = "75s", value_parser = parse_duration)]
    pub(crate) idle_timeout: Duration,

    /// How long the hub waits for requests in progress when it stops
    #[arg(long, default_value = "25s", value_parser = parse_duration)]
    pub(crate) stop_timeout: Duration,

    /// The most connections at once; the one idle for longest makes room for the next
    #[arg(long, default_value_t = 12_000)]
    pub(crate) max_connections: usize,
}

/// The port that the hub listens on unless one is given.
const PORT: u16 = 8200;

/// Reads an address in the usual spellings. No name but `localhost` is looked up.
fn address(text: &str) -> Result<SocketAddr, &'static str> {
    let unclear = "must be an address and a port, such as 127.0.0.1:8200, localhost:8200 or :8200";
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok((ip, PORT).into());
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().map_err(|_| unclear)?),
        None => (text, PORT),
    };
    match host.to_ascii_lowercase().as_str() {
        "localhost" => Ok((Ipv4Addr::LOCALHOST, port).into()),
        "" | "*" if text.contains(':') => Ok((Ipv4Addr::UNSPECIFIED, port).into()),
        _ => Err(unclear),
    }
}
