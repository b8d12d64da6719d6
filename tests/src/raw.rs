//! Bytes through a bare socket, for requests that no client would send.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long an exchange lasts at most: longer than hubd waits for a slow head or body.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether the sender closes its half when all is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It stays open.
    Open,
    /// The sending half is closed.
    HalfClosed,
}

/// One answer out of a stream of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawAnswer {
    /// The status.
    pub status: u16,
    /// The head in lower case, without the empty line.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

/// Sends bytes and reads what comes back, until the hub closes or is silent for too long.
pub async fn exchange(address: &str, bytes: &[u8]) -> Vec<u8> {
    exchange_ending(address, bytes, Ending::Open).await
}

/// As [`exchange`], with a choice of how the sender ends.
pub async fn exchange_ending(address: &str, bytes: &[u8], ending: Ending) -> Vec<u8> {
    let stream = TcpStream::connect(address).await.expect("the hub listens");
    let (mut from_hub, mut to_hub) = stream.into_split();
    let mut answer = Vec::new();
    let sending = async {
        // A hub that refuses early may close before all is sent.
        let _ = to_hub.write_all(bytes).await;
        if ending == Ending::HalfClosed {
            let _ = to_hub.shutdown().await;
        }
        std::future::pending::<()>().await;
    };
    let reading = async {
        // A reset after the answer ends the exchange as a close does.
        let _ = from_hub.read_to_end(&mut answer).await;
    };
    tokio::select! {
        () = sending => {}
        () = reading => {}
        () = tokio::time::sleep(PATIENCE) => {}
    }
    answer
}

/// Splits what a hub sent into answers; `None` when it is no sequence of whole answers.
#[must_use]
pub fn answers(mut bytes: &[u8]) -> Option<Vec<RawAnswer>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (answer, rest) = one(bytes)?;
        found.push(answer);
        bytes = rest;
    }
    Some(found)
}

fn one(bytes: &[u8]) -> Option<(RawAnswer, &[u8])> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?.to_ascii_lowercase();
    let status = head.strip_prefix("http/1.")?.get(2..5)?.parse().ok()?;
    let rest = &bytes[end + 4..];
    let bodiless = status < 200 || status == 204 || status == 304;
    let (body, rest) = if bodiless {
        (Vec::new(), rest)
    } else if field(&head, "transfer-encoding").is_some() {
        chunked(rest)?
    } else {
        let length = field(&head, "content-length")?.parse().ok()?;
        let (body, rest) = rest.split_at_checked(length)?;
        (body.to_vec(), rest)
    };
    Some((RawAnswer { status, head, body }, rest))
}

fn chunked(mut bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(&bytes[..end]).ok()?;
        let size = usize::from_str_radix(size, 16).ok()?;
        let (chunk, rest) = bytes[end + 2..].split_at_checked(size)?;
        body.extend_from_slice(chunk);
        bytes = rest.strip_prefix(b"\r\n")?;
        if size == 0 {
            return Some((body, bytes));
        }
    }
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(field, _)| *field == name).map(|(_, value)| value.trim())
}

impl RawAnswer {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        field(&self.head, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_of_answers_is_split() {
        let stream = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\
            HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nbad\r\n0\r\n\r\n";
        let all = answers(stream).unwrap();
        let told: Vec<_> = all.iter().map(|a| (a.status, a.body.as_slice())).collect();
        assert_eq!(told, [(100, &b""[..]), (200, b"ok"), (400, b"bad")]);
        assert!(answers(&stream[..stream.len() - 1]).is_none());
    }
}
