//! A closed loop of keep-alive clients, each with one request under way at a time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A load: how many clients send, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// How many at once.
    pub clients: usize,
    /// For how long.
    pub lasting: Duration,
}

/// What the clients saw.
#[derive(Debug)]
pub struct Outcome {
    /// Sorted.
    latencies: Vec<Duration>,
    /// How many were refused or failed.
    pub failed: usize,
    took: Duration,
}

impl Outcome {
    /// Answers a second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a rate is an estimate")]
        let answered = self.latencies.len() as f64;
        answered / self.took.as_secs_f64()
    }

    /// How many were answered well.
    #[must_use]
    pub fn answered(&self) -> usize {
        self.latencies.len()
    }

    /// How long this share of the answers took at most.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Duration {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index between 0 and the length"
        )]
        let at = (self.latencies.len() as f64 * share) as usize;
        self.latencies.get(at).copied().unwrap_or_default()
    }
}

/// A request that is sent again and again.
#[derive(Debug, Clone)]
pub struct Request {
    bytes: Vec<u8>,
    /// The position of 12 hex digits that are different each time.
    unique: Option<usize>,
}

/// The digits that [`Request::post`] replaces each time.
pub const UNIQUE: &str = "ffffffffffff";

impl Request {
    /// A POST with these header lines.
    #[must_use]
    pub fn post(path: &str, headers: &str, body: &str) -> Self {
        let bytes = format!(
            "POST {path} HTTP/1.1\r\nhost: hub\r\ncontent-type: application/json\r\n{headers}\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        Self { unique: bytes.find(UNIQUE), bytes: bytes.into_bytes() }
    }

    /// A GET with these header lines.
    #[must_use]
    pub fn get(path: &str, headers: &str) -> Self {
        let head = format!("GET {path} HTTP/1.1\r\nhost: hub\r\n{headers}\r\n");
        Self { bytes: head.into_bytes(), unique: None }
    }

    /// As it is on the wire.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn renew(&mut self) {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        if let Some(at) = self.unique {
            let digits = format!("{:012x}", NEXT.fetch_add(1, Ordering::Relaxed));
            self.bytes[at..at + digits.len()].copy_from_slice(digits.as_bytes());
        }
    }
}

impl Load {
    /// Sends the requests again and again; each client starts at a different one.
    pub async fn run(&self, address: &str, requests: &[Request]) -> Outcome {
        let started = Instant::now();
        let deadline = started + self.lasting;
        let clients: Vec<_> = (0..self.clients)
            .map(|n| {
                let offset = n * requests.len() / self.clients;
                let own = requests[offset..].iter().chain(&requests[..offset]).cloned();
                let own = own.collect();
                tokio::spawn(client(address.to_owned(), own, deadline))
            })
            .collect();
        let (mut latencies, mut failed) = (Vec::new(), 0);
        for client in clients {
            let (seen, refused) = client.await.expect("a client ends");
            latencies.extend(seen);
            failed += refused;
        }
        let took = started.elapsed();
        latencies.sort_unstable();
        Outcome { latencies, failed, took }
    }
}

async fn client(
    address: String,
    mut requests: Vec<Request>,
    deadline: Instant,
) -> (Vec<Duration>, usize) {
    let mut socket = TcpStream::connect(&address).await.expect("the server listens");
    socket.set_nodelay(true).expect("a socket option");
    let (mut latencies, mut failed) = (Vec::new(), 0);
    let mut buffer = Vec::with_capacity(8 * 1024);
    for turn in 0.. {
        let at = turn % requests.len();
        requests[at].renew();
        let sent = Instant::now();
        if sent >= deadline {
            break;
        }
        socket.write_all(&requests[at].bytes).await.expect("the server reads");
        if answered_well(&mut socket, &mut buffer).await {
            latencies.push(sent.elapsed());
        } else {
            failed += 1;
        }
    }
    (latencies, failed)
}

/// Reads one answer; whether it is 200 or 202.
async fn answered_well(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> bool {
    buffer.clear();
    loop {
        let n = socket.read_buf(buffer).await.expect("the server answers");
        assert!(n > 0, "the server closed the connection");
        if let Some(length) = whole(buffer) {
            assert_eq!(length, buffer.len(), "one answer at a time");
            return buffer.starts_with(b"HTTP/1.1 200") || buffer.starts_with(b"HTTP/1.1 202");
        }
    }
}

/// The length of the answer, once it is all there.
pub(crate) fn whole(buffer: &[u8]) -> Option<usize> {
    let head = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&buffer[..head]).ok()?;
    if text.contains("transfer-encoding: chunked") {
        return buffer.ends_with(b"\r\n0\r\n\r\n").then_some(buffer.len());
    }
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    let whole = head + length.trim().parse::<usize>().ok()?;
    (buffer.len() >= whole).then_some(whole)
}
