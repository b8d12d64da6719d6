//! A request that accepts every answer, for diagnosis.

use http::Method;
use http::header::DATE;
use hub_core::time::Timestamp;

use super::{Hub, Repeat, Request};
use crate::error::Result;

/// What the hub answered, whatever it was.
#[derive(Debug)]
pub(crate) struct Probe {
    /// The status.
    pub(crate) status: u16,
    /// The time on the hub's clock.
    pub(crate) date: Option<Timestamp>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Hub<'_> {
    /// Asks for a public path, once and without a key.
    pub(crate) async fn probe(&self, path: &str) -> Result<Probe> {
        let request = Request {
            method: Method::GET,
            url: self.url(path)?,
            headers: Vec::new(),
            body: None,
            secret: false,
            repeat: Repeat::Safe,
        };
        let (status, headers, body) = self.once(&request).await?;
        let date =
            headers.get(DATE).and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
        Ok(Probe { status: status.as_u16(), date: date.map(Timestamp::from), body })
    }
}
