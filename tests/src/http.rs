//! Requests through an ordinary client, and answers that explain themselves when a check fails.

use std::fmt;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, IF_MATCH, LOCATION};
use http::{HeaderMap, Method, Request, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hub_core::api::REQUEST_ID_HEADER;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::described;
use crate::tls::Authority;

/// Who calls which hub: the headers that go with every request.
#[derive(Debug, Clone)]
pub struct Caller {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    base: String,
    headers: Vec<(String, String)>,
    described: bool,
}

impl Caller {
    /// A caller without a key, of the hub at `http://…`.
    #[must_use]
    pub fn new(base: &str) -> Self {
        Self::trusting(base, &Authority::default())
    }

    /// The same, of a hub at `https://…` whose certificate this authority has signed. It speaks HTTP/2 there.
    #[must_use]
    pub fn trusting(base: &str, authority: &Authority) -> Self {
        let connector = HttpsConnectorBuilder::new().with_tls_config(authority.config(&[]));
        let connector = connector.https_or_http().enable_all_versions().build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self { client, base: base.to_owned(), headers: Vec::new(), described: true }
    }

    /// The same caller, of a hub that may leak: its answers need not be as the API is described.
    #[must_use]
    pub fn of_any_answers(self) -> Self {
        Self { described: false, ..self }
    }

    /// The same caller with another header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same caller with `If-Match`.
    #[must_use]
    pub fn if_match(self, etag: &str) -> Self {
        self.header(IF_MATCH.as_str(), etag)
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    /// `POST` without a body.
    pub async fn post_empty(&self, path: &str) -> Answer {
        self.send(Method::POST, path, None).await
    }

    /// `POST`.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    /// `PUT`.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(body)).await
    }

    /// `PATCH`.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(body)).await
    }

    /// Any method, with a JSON body or without one.
    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let json = body.is_some().then_some("application/json");
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        self.send_bytes(method, path, json, body).await
    }

    /// Any method, media type and body.
    pub async fn send_bytes(
        &self,
        method: Method,
        path: &str,
        media_type: Option<&str>,
        body: impl Into<Bytes>,
    ) -> Answer {
        let question = format!("{method} {path}");
        self.try_send(method, path, media_type, body.into())
            .await
            .unwrap_or_else(|error| panic!("{question}: no answer: {error:?}"))
    }

    /// As [`Self::send_bytes`], for a hub that may not answer.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        media_type: Option<&str>,
        body: Bytes,
    ) -> Result<Answer, hyper_util::client::legacy::Error> {
        let question = format!("{method} {path}");
        let mut request =
            Request::builder().method(method.clone()).uri(format!("{}{path}", self.base));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(media_type) = media_type {
            request = request.header(CONTENT_TYPE, media_type);
        }
        let request = request.body(Full::new(body)).expect("a well-formed request");
        let (head, body) = self.client.request(request).await?.into_parts();
        let body = body.collect().await.expect("the whole body arrives").to_bytes();
        let answer = Answer {
            question,
            version: head.version,
            status: head.status,
            headers: head.headers,
            body,
        };
        assert!(!answer.header(REQUEST_ID_HEADER).is_empty(), "no request id: {answer}");
        if self.described {
            described::check(&method, path, &answer);
        }
        Ok(answer)
    }
}

/// What a hub answered.
#[derive(Clone)]
pub struct Answer {
    question: String,
    /// The version of HTTP that it came over.
    pub version: Version,
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// A header's value, empty when there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("headers are ASCII"))
    }

    /// The `ETag`, which must be a strong one.
    #[must_use]
    pub fn etag(&self) -> String {
        let etag = self.header(ETAG.as_str());
        assert!(etag.starts_with('"') && etag.len() > 2, "no strong ETag: {self}");
        etag.to_owned()
    }

    /// The `Location`.
    #[must_use]
    pub fn location(&self) -> &str {
        self.header(LOCATION.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {self}"))
    }

    /// This answer, if it has the status.
    #[must_use = "name what the answer holds, or end with .done()"]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self}");
        if status < 300 && !self.body.is_empty() {
            assert_eq!(self.header(CONTENT_TYPE.as_str()), "application/json", "{self}");
        }
        self
    }

    /// Ends a chain whose answer says nothing more.
    pub fn done(self) {}

    /// The JSON of an answer with status 200.
    #[must_use]
    pub fn ok(self) -> Value {
        self.expect(200).json()
    }

    /// Checks that this is the whole body of RFC 9457 with this status and code, and gives it.
    pub fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{code} expected: {self}");
        assert_eq!(self.header(CONTENT_TYPE.as_str()), "application/problem+json", "{self}");
        let problem = self.json();
        assert_eq!(problem["type"], "about:blank", "{self}");
        assert_eq!(problem["title"], self.status.canonical_reason().unwrap_or_default(), "{self}");
        assert_eq!(problem["status"], status, "{self}");
        assert_eq!(problem["code"], code, "{self}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{self}");
        assert_eq!(problem["request_id"], self.header(REQUEST_ID_HEADER), "{self}");
        assert_eq!(problem.get("errors").is_some(), code == "invalid_request", "{self}");
        problem
    }

    /// Checks that this refuses exactly these fields, in any order.
    pub fn wrong_fields(&self, expected: &[&str]) {
        let problem = self.problem(422, "invalid_request");
        let errors = problem["errors"].as_array().expect("errors is a list");
        let mut fields: Vec<&str> = errors.iter().filter_map(|e| e["field"].as_str()).collect();
        let said = |error: &Value| error["message"].as_str().is_some_and(|text| !text.is_empty());
        assert!(errors.iter().all(said), "{self}");
        let mut expected = expected.to_vec();
        fields.sort_unstable();
        expected.sort_unstable();
        assert_eq!(fields, expected, "{self}");
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {}\n{:#?}\n{}", self.question, self.status, self.headers, self.text())
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
