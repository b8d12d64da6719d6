//! Calls to the hub: one generic [`Hub::call`] over the route table.
//!
//! This room knows no commands. Errors come back as a [`Failure`] that already has its exit code.

mod bytes;
mod probe;
mod problem;
mod send;

pub(crate) use probe::Probe;

use http::Method;
use http::header::IF_MATCH;
use hub_core::api::{
    ADMIN_KEY_HEADER, Access, Cursor, Endpoint, HUB_KEY_HEADER, Limit, Page, Route,
};
use hub_core::exit::Exit;
use hub_core::key::{AdminKey, HubKey};
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Certificate, Client, Url, redirect};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::error::{Failure, Result};
use crate::output::Out;
use crate::prompt;
use crate::settings::{self, Settings, is_loopback};

/// A connection to a hub.
pub(crate) struct Hub<'a> {
    settings: &'a Settings,
    out: &'a Out,
    http: Client,
    admin_key: OnceCell<AdminKey>,
}

/// When a request may be sent again although its outcome is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Always: sending it twice does the same as sending it once.
    Safe,
    /// Only when the hub certainly did nothing.
    Unsafe,
}

/// One request with its options.
pub(crate) struct Call<'a, E: Endpoint> {
    /// The value of `{…}` in the path.
    pub(crate) handle: &'a str,
    /// The query.
    pub(crate) query: &'a E::Query,
    /// The body.
    pub(crate) body: &'a E::Body,
    /// The entity tag that the object must still have.
    pub(crate) if_match: Option<&'a str>,
    /// The key of the instance that asks.
    pub(crate) hub_key: Option<&'a HubKey>,
    /// Whether it may be sent twice.
    pub(crate) repeat: Repeat,
}

/// What the hub answered.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    /// The body.
    pub(crate) value: T,
    /// Whether something was created.
    pub(crate) created: bool,
    /// The object's entity tag.
    pub(crate) etag: Option<String>,
    /// An earlier attempt of the same request may have been carried out.
    pub(crate) after_unknown: bool,
}

/// A request as bytes.
struct Request {
    method: Method,
    url: Url,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Option<Vec<u8>>,
    /// It carries a key.
    secret: bool,
    repeat: Repeat,
}

/// An answer as bytes.
pub(crate) struct RawAnswer {
    status: u16,
    etag: Option<String>,
    request_id: Option<String>,
    /// The body.
    pub(crate) body: Vec<u8>,
    after_unknown: bool,
}

impl<'a> Hub<'a> {
    /// Builds the HTTP client; connects nowhere yet.
    pub(crate) fn new(settings: &'a Settings, out: &'a Out) -> Result<Self> {
        // Without a provider reqwest panics.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("hubctl/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .http1_only();
        if is_loopback(&settings.url) {
            builder = builder.no_proxy();
        }
        let extra = match &settings.cacert {
            Some(path) => {
                let pem = crate::input::read_bytes(path, "the certificates")?;
                let certificates = Certificate::from_pem_bundle(&pem).unwrap_or_default();
                if certificates.is_empty() {
                    return Err(Failure::usage("--cacert is not a file of PEM certificates"));
                }
                certificates
            }
            None => Vec::new(),
        };
        // The system's certificates are loaded for https only: that takes longer than all the rest.
        builder = match settings.url.scheme() {
            "https" => builder.tls_certs_merge(extra),
            _ => builder.tls_certs_only(extra),
        };
        let http = builder.build().map_err(|error| {
            Failure::usage(format!("the HTTP client cannot be built: {error}"))
                .hint("check --cacert")
        })?;
        Ok(Self { settings, out, http, admin_key: OnceCell::new() })
    }

    /// Calls an endpoint and gives the body of its answer.
    pub(crate) async fn call<E: Endpoint>(
        &self,
        handle: &str,
        query: &E::Query,
        body: &E::Body,
    ) -> Result<E::Reply> {
        Ok(self.answer(Call::<E>::new(handle, query, body)).await?.value)
    }

    /// Calls an endpoint and gives the whole answer.
    pub(crate) async fn answer<E: Endpoint>(&self, call: Call<'_, E>) -> Result<Answer<E::Reply>> {
        let request = self.request(&call).await?;
        let raw = self.send(request).await.map_err(|failure| {
            failure.with(|parts| {
                parts.about = E::ROUTE.takes_handle().then(|| call.handle.to_owned());
            })
        })?;
        Ok(Answer {
            value: parse(&raw)?,
            created: raw.status == 201,
            etag: raw.etag,
            after_unknown: raw.after_unknown,
        })
    }

    /// Calls an endpoint that deletes. An object that is not there after a lost answer was deleted by the
    /// attempt before.
    pub(crate) async fn delete<E: Endpoint>(&self, call: Call<'_, E>) -> Result<()> {
        match self.answer(call).await {
            Err(failure) if failure.parts().after_unknown && failure.exit() == Exit::NotFound => {
                Ok(())
            }
            answer => answer.map(drop),
        }
    }

    /// Calls an endpoint for one object; `None` where the object does not exist.
    pub(crate) async fn find<E>(&self, handle: &str) -> Result<Option<Answer<E::Reply>>>
    where
        E: Endpoint<Query = (), Body = ()>,
    {
        match self.answer(Call::<E>::new(handle, &(), &())).await {
            Ok(answer) => Ok(Some(answer)),
            Err(failure) if failure.exit() == Exit::NotFound => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Reads a list to its end, or until it has `most` rows.
    pub(crate) async fn all<E, T>(
        &self,
        handle: &str,
        most: Option<usize>,
        query: impl Fn(Option<Cursor>, Limit) -> E::Query,
    ) -> Result<Vec<T>>
    where
        E: Endpoint<Body = (), Reply = Page<T>>,
    {
        let mut rows = Vec::new();
        self.pages::<E, T>(handle, most, query, |page| {
            rows.extend(page);
            Ok(())
        })
        .await?;
        Ok(rows)
    }

    /// Reads a list to its end, or until there were `most` rows, and hands each page on at once.
    pub(crate) async fn pages<E, T>(
        &self,
        handle: &str,
        most: Option<usize>,
        query: impl Fn(Option<Cursor>, Limit) -> E::Query,
        mut take: impl FnMut(Vec<T>) -> Result<()>,
    ) -> Result<()>
    where
        E: Endpoint<Body = (), Reply = Page<T>>,
    {
        let mut left = most.unwrap_or(usize::MAX);
        let mut cursor = None;
        while left > 0 {
            let limit = u16::try_from(left).ok().and_then(|left| Limit::try_from(left).ok());
            let query = query(cursor, limit.unwrap_or(Limit::MAX));
            let mut page = self.call::<E>(handle, &query, &()).await?;
            page.items.truncate(left);
            left -= page.items.len();
            take(page.items)?;
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Calls any path of the API, with the admin key where the path takes one.
    pub(crate) async fn raw(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<RawAnswer> {
        if !path.starts_with('/') {
            return Err(
                Failure::usage("PATH must begin with /").hint("such as /api/v1/admin/stats")
            );
        }
        let url = self.url(path)?;
        let admin = url.path().starts_with(&format!("{}/api/v1/admin/", self.prefix()));
        let headers = if admin { vec![self.admin_header().await?] } else { Vec::new() };
        // Nobody knows what a body holds.
        let secret = admin || body.is_some();
        let repeat = match method {
            Method::POST => Repeat::Unsafe,
            _ => Repeat::Safe,
        };
        self.send(Request { method, url, headers, body, secret, repeat }).await
    }

    async fn request<E: Endpoint>(&self, call: &Call<'_, E>) -> Result<Request> {
        let mut headers = Vec::new();
        match E::ROUTE.access() {
            Access::Admin(_) | Access::Open => headers.push(self.admin_header().await?),
            Access::Hub | Access::Reporter => headers.extend(
                call.hub_key.map(|key| secret_header(HUB_KEY_HEADER, key.expose())).transpose()?,
            ),
            Access::Public | Access::License => {}
        }
        if let Some(etag) = call.if_match {
            let etag = HeaderValue::from_str(etag).map_err(|_| not_understood("its ETag"))?;
            headers.push((IF_MATCH, etag));
        }
        let body = match to_value(call.body)? {
            Value::Null => None,
            body => Some(body.to_string().into_bytes()),
        };
        // Each command checks for --dry-run itself; here is the guard for one that forgets.
        let asks = E::ROUTE.method() == Method::GET
            || matches!(E::ROUTE, Route::Validate | Route::SendReport);
        if self.settings.dry_run && !asks {
            return Err(Failure::new(Exit::Bug, "bug", "--dry-run would have changed something"));
        }
        let url = self.url_of::<E>(call.handle, call.query)?;
        let (method, repeat) = (E::ROUTE.method(), call.repeat);
        let secret = !headers.is_empty() || E::ROUTE.access() == Access::License;
        Ok(Request { method, url, headers, body, secret, repeat })
    }

    async fn admin_header(&self) -> Result<(HeaderName, HeaderValue)> {
        let key = self.admin_key.get_or_try_init(async || {
            if !self.settings.key_from_stdin() {
                return self.settings.admin_key();
            }
            settings::admin_key(&prompt::secret_from_stdin("the admin key").await?)
        });
        secret_header(ADMIN_KEY_HEADER, key.await?.expose())
    }

    fn url_of<E: Endpoint>(&self, handle: &str, query: &E::Query) -> Result<Url> {
        let mut url = self.url(&E::ROUTE.fill(handle))?;
        let pairs = query_pairs(&to_value(query)?);
        if !pairs.is_empty() {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        Ok(url)
    }

    fn prefix(&self) -> &str {
        self.settings.url.path().trim_end_matches('/')
    }

    fn url(&self, path: &str) -> Result<Url> {
        let base = self.settings.url.as_str().trim_end_matches('/');
        format!("{base}{path}").parse().map_err(|_| Failure::usage("PATH does not make a URL"))
    }
}

impl<'a, E: Endpoint> Call<'a, E> {
    /// A plain call.
    pub(crate) fn new(handle: &'a str, query: &'a E::Query, body: &'a E::Body) -> Self {
        Self { handle, query, body, if_match: None, hub_key: None, repeat: Repeat::Safe }
    }
}

fn secret_header(name: &'static str, secret: &str) -> Result<(HeaderName, HeaderValue)> {
    let mut value = HeaderValue::from_str(secret)
        .map_err(|_| Failure::usage("a key must be of visible ASCII characters"))?;
    value.set_sensitive(true);
    Ok((HeaderName::from_static(name), value))
}

fn to_value(value: &impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(value).map_err(|error| {
        Failure::new(Exit::Bug, "bug", format!("the request cannot be written as JSON: {error}"))
    })
}

fn parse<T: DeserializeOwned>(raw: &RawAnswer) -> Result<T> {
    let body = if raw.body.is_empty() { b"null" } else { raw.body.as_slice() };
    serde_json::from_slice(body).map_err(|_| {
        not_understood("the body").with(|parts| {
            parts.status = Some(raw.status);
            parts.request_id.clone_from(&raw.request_id);
        })
    })
}

fn not_understood(what: &str) -> Failure {
    Failure::new(
        Exit::Incompatible,
        "not_understood",
        format!("the answer does not come from a hub that this hubctl knows: {what}"),
    )
    .hint("check the URL, and compare the versions with: hubctl version")
}

/// A query's members; a list repeats its name.
fn query_pairs(query: &Value) -> Vec<(String, String)> {
    let Value::Object(members) = query else {
        return Vec::new();
    };
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut pairs = Vec::new();
    for (name, value) in members {
        match value {
            Value::Array(values) => {
                pairs.extend(values.iter().map(|value| (name.clone(), text(value))));
            }
            value => pairs.push((name.clone(), text(value))),
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use hub_core::api::{FleetQuery, InstanceQuery};

    #[test]
    fn lists_in_a_query_repeat_their_name() {
        let query = FleetQuery {
            common: InstanceQuery {
                label: vec!["a=1".parse().unwrap(), "b=2".parse().unwrap()],
                limit: Some(Limit::MAX),
                ..InstanceQuery::default()
            },
            silent_for: Some("36h".parse().unwrap()),
            ..FleetQuery::default()
        };
        let pairs = query_pairs(&to_value(&query).unwrap());
        let written: Vec<_> = pairs.iter().map(|(k, v)| format!("{k}:{v}")).collect();
        assert_eq!(written, ["label:a=1", "label:b=2", "limit:500", "silent_for:36h"]);
        assert!(query_pairs(&to_value(&()).unwrap()).is_empty());
    }
}
