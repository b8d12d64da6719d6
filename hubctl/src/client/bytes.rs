//! A request whose body comes from the caller as bytes, and is sent unread.

use hub_core::api::{Endpoint, HUB_KEY_HEADER};
use hub_core::key::HubKey;

use super::{Hub, Repeat, Request, parse, secret_header};
use crate::error::Result;

impl Hub<'_> {
    /// Calls an endpoint for an instance with these bytes as the body. It may be sent twice, so the hub
    /// must count the same bytes once.
    pub(crate) async fn call_with_bytes<E: Endpoint>(
        &self,
        handle: &str,
        query: &E::Query,
        hub_key: &HubKey,
        body: Vec<u8>,
    ) -> Result<E::Reply> {
        let request = Request {
            method: E::ROUTE.method(),
            url: self.url_of::<E>(handle, query)?,
            headers: vec![secret_header(HUB_KEY_HEADER, hub_key.expose())?],
            body: Some(body),
            secret: true,
            repeat: Repeat::Safe,
        };
        parse(&self.send(request).await?)
    }
}
