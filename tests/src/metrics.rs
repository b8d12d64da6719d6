//! Reads a hub's metrics as Prometheus does.

use http::Method;

use crate::port::free_port;
use crate::raw;

/// An address of this machine that nobody listens on yet.
#[must_use]
pub fn free_address() -> String {
    format!("127.0.0.1:{}", free_port())
}

/// All metrics at this moment.
#[derive(Debug)]
pub struct Metrics(String);

impl Metrics {
    /// Asks the listener of metrics.
    pub async fn read(address: &str) -> Self {
        let request =
            format!("{} /metrics HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n", Method::GET);
        let answer = raw::exchange(address, request.as_bytes()).await;
        let answer = String::from_utf8(answer).expect("metrics are text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer of HTTP");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        Self(body.to_owned())
    }

    /// The value of a series, such as `hubd_commits_total` or `hubd_x{code="y"}`.
    #[must_use]
    pub fn value(&self, series: &str) -> Option<f64> {
        let line = self.0.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map(|value| value.parse().expect("a number"))
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}
