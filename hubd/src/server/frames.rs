//! Follows the frames of HTTP/2 in one direction of a connection, without a socket or a clock.
//!
//! hyper and h2 know neither how long a header block takes to arrive nor how many frames come that carry
//! nothing: h2 answers each PING and SETTINGS and skips PRIORITY and frames of unknown types, as many as
//! there are. So the hub counts them itself, in front of h2, which still checks every frame.

/// The length of the preface that a client begins with (RFC 9113 §3.4).
const PREFACE: usize = 24;
/// The length of a frame's head (RFC 9113 §4.1).
const HEAD: usize = 9;

// The types of frames that matter here (RFC 9113 §6).
const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const RST_STREAM: u8 = 0x3;
const CONTINUATION: u8 = 0x9;
/// The flag of HEADERS and CONTINUATION that ends a header block.
const END_HEADERS: u8 = 0x4;

/// Frames without content that a peer may send before any with content (CVE-2019-9512 with PING,
/// CVE-2019-9515 with SETTINGS, CVE-2019-9518 with empty DATA).
const CREDIT: u32 = 4096;
/// How many frames without content a frame with content allows, in either direction. Of each DATA frame
/// that it gets, a client answers with two `WINDOW_UPDATE` at most, and some with a PING.
const EARNED: u32 = 8;
/// What a reset stream costs, whoever resets it: what its HEADERS earned and as much again. So a client may
/// cancel every other request for ever, or 512 in a row (CVE-2023-44487).
const RESET: u32 = 2 * EARNED;

/// Follows the bytes of one direction.
#[derive(Debug)]
pub(super) struct Frames {
    spot: Spot,
    /// A header block has begun and has not ended.
    in_block: bool,
    /// A header block has begun some time.
    begun: bool,
    /// How many more frames without content may come; `None` when there were too many.
    credit: Option<u32>,
}

/// Where the bytes that have arrived end.
#[derive(Debug, Clone, Copy)]
enum Spot {
    /// This many bytes of the preface are missing.
    Preface(usize),
    /// This many bytes of a frame's head have arrived.
    Head([u8; HEAD], usize),
    /// This many bytes of a frame of this type are missing.
    Payload(u8, usize),
}

/// What some bytes were.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Content {
    /// Whether some of them belong to requests or answers.
    pub(super) any: bool,
    /// How many frames of requests or answers have begun.
    pub(super) frames: u32,
    /// How many streams were reset.
    pub(super) resets: u32,
}

impl Frames {
    /// The frames that a client sends.
    pub(super) fn of_client() -> Self {
        Self::at(Spot::Preface(PREFACE))
    }

    /// The frames that the hub sends.
    pub(super) fn of_hub() -> Self {
        Self::at(Spot::Head([0; HEAD], 0))
    }

    fn at(spot: Spot) -> Self {
        Self { spot, in_block: false, begun: false, credit: Some(CREDIT) }
    }

    /// Follows the next bytes.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) -> Content {
        let mut content = Content::default();
        while !bytes.is_empty() {
            let taken = match &mut self.spot {
                Spot::Preface(missing) => {
                    let taken = bytes.len().min(*missing);
                    *missing -= taken;
                    taken
                }
                Spot::Head(head, have) => {
                    let taken = bytes.len().min(HEAD - *have);
                    head[*have..*have + taken].copy_from_slice(&bytes[..taken]);
                    *have += taken;
                    taken
                }
                Spot::Payload(kind, missing) => {
                    let taken = bytes.len().min(*missing);
                    *missing -= taken;
                    content.any |= is_content(*kind);
                    taken
                }
            };
            bytes = &bytes[taken..];
            self.step(&mut content);
        }
        content
    }

    /// Goes on to the next spot when this one is complete.
    fn step(&mut self, content: &mut Content) {
        match self.spot {
            Spot::Head(head, HEAD) => {
                let [a, b, c, kind, flags, ..] = head;
                let length = u32::from_be_bytes([0, a, b, c]);
                self.begin(kind, flags, length, content);
                // No frame of 2^24 bytes is too long for a `usize`.
                self.spot = Spot::Payload(kind, usize::try_from(length).unwrap_or(usize::MAX));
                self.step(content);
            }
            Spot::Preface(0) | Spot::Payload(_, 0) => self.spot = Spot::Head([0; HEAD], 0),
            Spot::Preface(_) | Spot::Head(..) | Spot::Payload(..) => {}
        }
    }

    fn begin(&mut self, kind: u8, flags: u8, length: u32, content: &mut Content) {
        if matches!(kind, HEADERS | CONTINUATION) {
            self.begun = true;
            self.in_block = flags & END_HEADERS == 0;
        }
        if is_content(kind) && length > 0 {
            content.any = true;
            content.frames = content.frames.saturating_add(1);
            self.earn(1);
        } else if kind == RST_STREAM {
            content.resets = content.resets.saturating_add(1);
            self.spend(RESET);
        } else {
            self.spend(1);
        }
    }

    /// Counts what the other side sends: its frames allow more, and it resets what should not have come
    /// (CVE-2025-8671).
    pub(super) fn settle(&mut self, other: Content) {
        self.earn(other.frames);
        self.spend(other.resets.saturating_mul(RESET));
    }

    fn earn(&mut self, frames: u32) {
        let more = frames.saturating_mul(EARNED);
        self.credit = self.credit.map(|credit| credit.saturating_add(more).min(CREDIT));
    }

    fn spend(&mut self, cost: u32) {
        self.credit = self.credit.and_then(|credit| credit.checked_sub(cost));
    }

    /// Whether a request has begun to arrive, whole or in part.
    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    /// Whether the bytes end within a header block, or within a frame that is not of a body.
    pub(super) fn is_in_head(&self) -> bool {
        match self.spot {
            Spot::Preface(missing) => missing < PREFACE,
            Spot::Head(_, have) => have > 0 || self.in_block,
            Spot::Payload(kind, _) => kind != DATA || self.in_block,
        }
    }

    /// Whether more frames without content have come than may.
    pub(super) fn is_flood(&self) -> bool {
        self.credit.is_none()
    }
}

/// Whether frames of this type carry requests and answers.
fn is_content(kind: u8) -> bool {
    matches!(kind, DATA | HEADERS | CONTINUATION)
}

#[cfg(test)]
mod tests;
