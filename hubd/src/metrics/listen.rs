//! The listener of metrics: one path, a few connections at a time, away from the API.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::gather::Sources;

/// The most connections at once.
const CONNECTIONS: usize = 16;
/// How long a connection may take in all.
const LIFE: Duration = Duration::from_mins(5);

/// A bound socket.
#[derive(Debug)]
pub(crate) struct MetricsListener {
    socket: TcpListener,
    sources: Sources,
}

impl MetricsListener {
    pub(crate) async fn bind(address: SocketAddr, sources: Sources) -> io::Result<Self> {
        Ok(Self { socket: TcpListener::bind(address).await?, sources })
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Answers until the hub stops.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let place = Arc::clone(&places).acquire_owned();
            let (place, accepted) = tokio::select! {
                () = stop.cancelled() => return,
                accepted = async { (place.await, self.socket.accept().await) } => accepted,
            };
            let Ok((io, _)) = accepted else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let sources = self.sources.clone();
            tokio::spawn(async move {
                let served = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(Duration::from_secs(10))
                    .serve_connection(
                        TokioIo::new(io),
                        service_fn(|request| {
                            let answer = answer(&request, &sources);
                            async { Ok::<_, Infallible>(answer) }
                        }),
                    );
                // Whoever reads metrics comes again.
                let _ = timeout(LIFE, served).await;
                drop(place);
            });
        }
    }
}

fn answer(request: &Request<Incoming>, sources: &Sources) -> Response<Full<Bytes>> {
    let is_read = [Method::GET, Method::HEAD].contains(request.method());
    let (status, text) = match request.uri().path() {
        "/metrics" if is_read => (StatusCode::OK, sources.text()),
        "/metrics" => (StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned()),
        _ => (StatusCode::NOT_FOUND, "only /metrics\n".to_owned()),
    };
    let mut answer = Response::new(Full::from(text));
    *answer.status_mut() = status;
    let format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, format);
    answer
}
