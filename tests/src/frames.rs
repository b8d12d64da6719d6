//! HTTP/2 in frames, for what no client would send (RFC 9113 §4.1, §6).

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use crate::Hub;
use crate::tls::{self, HTTP2};

/// How long a story waits for a hub that says nothing and does not close: longer than any of its deadlines.
const PATIENCE: Duration = Duration::from_mins(1);

// The types of frames.
/// Of a body.
pub const DATA: u8 = 0x0;
/// Of a head.
pub const HEADERS: u8 = 0x1;
/// Says which stream should be preferred.
pub const PRIORITY: u8 = 0x2;
/// Ends a stream.
pub const RST_STREAM: u8 = 0x3;
/// How the peer may send.
pub const SETTINGS: u8 = 0x4;
/// Is answered with another.
pub const PING: u8 = 0x6;
/// Ends the connection.
pub const GOAWAY: u8 = 0x7;
/// Room for more of a body.
pub const WINDOW_UPDATE: u8 = 0x8;
/// More of a head.
pub const CONTINUATION: u8 = 0x9;

/// The flag that a stream ends here.
pub const END_STREAM: u8 = 0x1;
/// The flag that a head ends here.
pub const END_HEADERS: u8 = 0x4;

/// A frame that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its type.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream; 0 is the connection.
    pub stream: u32,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// A frame as it is sent.
#[must_use]
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame is short").to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The preface of a client, with these settings.
#[must_use]
pub fn preface(settings: &[(u16, u32)]) -> Vec<u8> {
    let settings = settings
        .iter()
        .flat_map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat());
    let settings: Vec<u8> = settings.collect();
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(SETTINGS, 0, 0, &settings)].concat()
}

/// A head without indexing and without Huffman coding (RFC 7541 §6.2.2), such as `:method: GET`.
#[must_use]
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.extend(length(text.len()));
            block.extend(text.as_bytes());
        }
    }
    block
}

/// An integer with a prefix of seven bits (RFC 7541 §5.1).
fn length(length: usize) -> Vec<u8> {
    const MOST: usize = 0x7f;
    let low = |bits: usize| u8::try_from(bits).expect("seven bits");
    if length < MOST {
        return vec![low(length)];
    }
    let (mut bytes, mut rest) = (vec![low(MOST)], length - MOST);
    while rest > MOST {
        bytes.push(low(rest & MOST) | 0x80);
        rest >>= 7;
    }
    bytes.push(low(rest));
    bytes
}

/// The head of a request.
#[must_use]
pub fn request(method: &str, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let mut fields =
        vec![(":method", method), (":scheme", "https"), (":authority", "hub"), (":path", path)];
    fields.extend(more);
    block(&fields)
}

/// A whole `GET` on this stream.
#[must_use]
pub fn get(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &request("GET", path, &[]))
}

/// A connection of HTTP/2 that frames are sent over as they are.
#[derive(Debug)]
pub struct Frames(TlsStream<TcpStream>);

impl Frames {
    /// Connects, and sends the preface with these settings.
    pub async fn open(hub: &Hub, settings: &[(u16, u32)]) -> Self {
        let mut frames = Self::silent(hub).await;
        frames.send(&preface(settings)).await.expect("a new connection takes the preface");
        frames
    }

    /// Connects, and sends nothing.
    pub async fn silent(hub: &Hub) -> Self {
        let io = tls::connect(hub, &[HTTP2]).await.expect("the hub listens");
        assert_eq!(io.get_ref().1.alpn_protocol(), Some(HTTP2), "the hub speaks HTTP/2");
        Self(io)
    }

    /// Sends bytes; fails when the hub has closed.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await?;
        self.0.flush().await
    }

    /// The next frame; `None` when the hub has closed.
    pub async fn next(&mut self) -> Option<Frame> {
        let next = timeout(PATIENCE, self.read()).await;
        next.expect("the hub says nothing and does not close")
    }

    /// Says that it is there, again and again, until the hub closes.
    pub async fn ping_until_closed(&mut self) {
        const PAUSE: Duration = Duration::from_millis(20);
        let pinging = async {
            while self.send(&frame(PING, 0, 0, &[7; 8])).await.is_ok() {
                tokio::time::sleep(PAUSE).await;
            }
        };
        timeout(PATIENCE, pinging).await.expect("the hub does not close");
    }

    async fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        self.0.read_exact(&mut payload).await.ok()?;
        Some(Frame { kind, flags, stream: u32::from_be_bytes(stream), payload })
    }

    /// All further frames until the hub closes.
    pub async fn rest(&mut self) -> Vec<Frame> {
        let mut all = Vec::new();
        while let Some(frame) = self.next().await {
            all.push(frame);
        }
        all
    }

    /// Sends bytes again and again, and takes what the hub says meanwhile. Tells how many times the hub
    /// took them, at most this many, and the frames that it said.
    pub async fn flood(self, times: usize, mut bytes: impl FnMut(usize) -> Vec<u8>) -> Flooded {
        let (from_hub, mut to_hub) = tokio::io::split(self.0);
        let listening = tokio::spawn(listen(from_hub));
        let mut taken = 0;
        while taken < times && to_hub.write_all(&bytes(taken)).await.is_ok() {
            taken += 1;
        }
        let _ = to_hub.flush().await;
        Flooded { taken, listening, _to_hub: to_hub }
    }
}

/// A flood that was sent.
#[derive(Debug)]
pub struct Flooded {
    /// How many times the hub took the bytes.
    pub taken: usize,
    listening: tokio::task::JoinHandle<Vec<(u8, Vec<u8>)>>,
    // The connection is open until this is dropped.
    _to_hub: tokio::io::WriteHalf<TlsStream<TcpStream>>,
}

impl Flooded {
    /// Waits until the hub closes; gives the error code of its GOAWAY, if it sent one.
    pub async fn closed(self) -> Option<u32> {
        let said = timeout(PATIENCE, self.listening).await.expect("the hub does not close");
        let said = said.expect("listening does not panic");
        let away = said.into_iter().rev().find(|(kind, _)| *kind == GOAWAY);
        away.map(|(_, payload)| u32::from_be_bytes(payload[4..8].try_into().expect("four bytes")))
    }
}

/// The frames that the hub sends until it closes, without bodies.
async fn listen(mut io: tokio::io::ReadHalf<TlsStream<TcpStream>>) -> Vec<(u8, Vec<u8>)> {
    let mut said = Vec::new();
    loop {
        let mut head = [0; 9];
        if io.read_exact(&mut head).await.is_err() {
            return said;
        }
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        if io.read_exact(&mut payload).await.is_err() {
            return said;
        }
        if head[3] == GOAWAY {
            said.push((head[3], payload));
        }
    }
}
