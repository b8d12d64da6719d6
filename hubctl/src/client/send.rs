//! One request with its retries, within its deadline.

use std::time::Duration;

use http::StatusCode;
use http::header::{CONTENT_TYPE, ETAG, RETRY_AFTER};
use hub_core::api::REQUEST_ID_HEADER;
use hub_core::exit::Exit;
use hub_core::problem::ErrorCode;
use rand::TryRng;
use rand::rngs::SysRng;
use reqwest::header::HeaderMap;
use tokio::time::{Instant, timeout_at};

use super::{Hub, RawAnswer, Repeat, Request, problem};
use crate::error::{Failure, Result};
use crate::settings::written;

/// The first pause is at most this long, each further one at most twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause, unless the hub asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// An attempt that failed.
struct Miss {
    failure: Failure,
    /// Whether another attempt may succeed.
    retryable: bool,
    /// Whether the hub may have carried the request out.
    unknown: bool,
    /// How long the hub asks to wait.
    retry_after: Option<Duration>,
}

impl Hub<'_> {
    /// Sends a request until it is answered, or until the attempts or the time are used up.
    pub(super) async fn send(&self, request: Request) -> Result<RawAnswer> {
        if request.secret {
            self.settings.secrets_may_travel()?;
        }
        let deadline = Instant::now() + self.settings.timeout;
        let mut after_unknown = false;
        let mut attempt = 0;
        loop {
            let miss = match self.attempt(&request, deadline).await {
                Ok(answer) => {
                    return Ok(RawAnswer { after_unknown, ..answer });
                }
                Err(miss) => miss,
            };
            let known_safe = request.repeat == Repeat::Safe || !miss.unknown;
            let pause = miss
                .retry_after
                .map_or_else(|| jitter(attempt), |asked| asked.saturating_add(jitter(0)));
            let in_time = pause < deadline.saturating_duration_since(Instant::now());
            if !(miss.retryable && known_safe && in_time && attempt < self.settings.retries) {
                let seen = after_unknown;
                return Err(miss.failure.with(|parts| parts.after_unknown = seen));
            }
            after_unknown |= miss.unknown;
            attempt += 1;
            self.out.trace(|| format!("* again in {} ms", pause.as_millis()));
            let (why, of) = (&miss.failure.parts().message, self.settings.retries);
            let what = || format!("attempt {attempt} of {of} follows: {why}");
            self.out.waiting(what, tokio::time::sleep(pause)).await;
        }
    }

    /// Sends a request once. Every answer counts, whatever its status.
    pub(super) async fn once(&self, request: &Request) -> Result<(StatusCode, HeaderMap, Vec<u8>)> {
        let deadline = Instant::now() + self.settings.timeout;
        let base = written(&self.settings.url);
        let exchange = timeout_at(deadline, self.exchange(request));
        match self.out.waiting(|| format!("waiting for {base}"), exchange).await {
            Ok(exchanged) => exchanged.map_err(|error| self.unreachable(&error).failure),
            Err(_) => Err(self.too_late().failure),
        }
    }

    async fn attempt(&self, request: &Request, deadline: Instant) -> Result<RawAnswer, Miss> {
        let begun = Instant::now();
        self.out.trace(|| format!("> {} {}", request.method, request.url));
        let base = written(&self.settings.url);
        let exchange = timeout_at(deadline, self.exchange(request));
        let outcome = match self.out.waiting(|| format!("waiting for {base}"), exchange).await {
            Ok(Ok(exchanged)) => Ok(exchanged),
            Ok(Err(error)) => Err(self.unreachable(&error)),
            Err(_) => Err(self.too_late()),
        };
        let took = begun.elapsed().as_millis();
        match outcome {
            Err(miss) => {
                self.out.trace(|| format!("< {} after {took} ms", miss.failure.parts().message));
                Err(miss)
            }
            Ok((status, headers, body)) => {
                let request_id = header(&headers, REQUEST_ID_HEADER);
                self.out.trace(|| {
                    let id = request_id.as_deref().unwrap_or("-");
                    format!("< {} after {took} ms, request {id}", status.as_u16())
                });
                answer(status, &headers, request_id, body)
            }
        }
    }

    async fn exchange(
        &self,
        request: &Request,
    ) -> reqwest::Result<(StatusCode, HeaderMap, Vec<u8>)> {
        let mut builder = self.http.request(request.method.clone(), request.url.clone());
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        if let Some(body) = &request.body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        let mut response = builder.send().await?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        Ok((status, headers, response.bytes().await?.to_vec()))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Miss {
        // A connection that was never made carried nothing out.
        let unknown = !(error.is_connect() || error.is_builder());
        let base = self.settings.url.as_str().trim_end_matches('/');
        let message = format!("cannot reach {base}: {}", root_cause(error));
        let failure = Failure::new(Exit::Unreachable, "unreachable", message)
            .hint("is the hub running there? --url or HUBCTL_URL names another");
        Miss { failure, retryable: !error.is_builder(), unknown, retry_after: None }
    }

    fn too_late(&self) -> Miss {
        let base = self.settings.url.as_str().trim_end_matches('/');
        let seconds = self.settings.timeout.as_secs_f32();
        let failure = Failure::new(
            Exit::Unreachable,
            "timeout",
            format!("no answer from {base} within {seconds} s"),
        )
        .hint("run it again, or give it more time with --timeout");
        Miss { failure, retryable: false, unknown: true, retry_after: None }
    }
}

fn answer(
    status: StatusCode,
    headers: &HeaderMap,
    request_id: Option<String>,
    body: Vec<u8>,
) -> Result<RawAnswer, Miss> {
    let etag = header(headers, ETAG.as_str());
    if status.is_success() {
        let status = status.as_u16();
        return Ok(RawAnswer { status, etag, request_id, body, after_unknown: false });
    }
    let failure = problem::failure(status.as_u16(), request_id, &body);
    let overloaded = failure.is(ErrorCode::Overloaded);
    let retry_after = header(headers, RETRY_AFTER.as_str());
    Err(Miss {
        retryable: status == StatusCode::TOO_MANY_REQUESTS
            || status == StatusCode::REQUEST_TIMEOUT
            || status.is_server_error(),
        unknown: status.is_server_error() && !overloaded,
        retry_after: retry_after.and_then(|text| text.parse().ok()).map(Duration::from_secs),
        failure,
    })
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// The innermost reason: the outer ones say no more than that a request failed.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// A random pause below a bound that doubles, so that many callers do not come back at once.
fn jitter(attempt: u32) -> Duration {
    let bound = FIRST_PAUSE.saturating_mul(1 << attempt.min(10)).min(LONGEST_PAUSE);
    let millis = u64::try_from(bound.as_millis()).unwrap_or(u64::MAX);
    // Without randomness the bound itself is as good a pause.
    Duration::from_millis(SysRng.try_next_u64().map_or(millis, |random| random % (millis + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound() {
        for _ in 0..100 {
            assert!(jitter(0) <= FIRST_PAUSE);
            assert!(jitter(3) <= FIRST_PAUSE * 8);
            assert!(jitter(u32::MAX) <= LONGEST_PAUSE);
        }
    }

    #[test]
    fn an_overloaded_hub_did_nothing() {
        let miss = |status: u16, code: &str| {
            let body = format!(r#"{{"code": "{code}", "detail": "x", "status": {status}}}"#);
            let status = StatusCode::from_u16(status).unwrap();
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, 2.into());
            answer(status, &headers, None, body.into_bytes()).err().unwrap()
        };
        let overloaded = miss(503, "overloaded");
        assert!(overloaded.retryable && !overloaded.unknown);
        assert_eq!(overloaded.retry_after, Some(Duration::from_secs(2)));
        assert!(miss(503, "database_unavailable").unknown);
        assert!(miss(429, "rate_limited").retryable);
        assert!(!miss(409, "client_exists").retryable);
    }
}
