//! Frames, whole and in pieces.

use super::*;

const PING: u8 = 0x6;
const SETTINGS: u8 = 0x4;

fn frame(kind: u8, flags: u8, payload: usize) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(payload).unwrap().to_be_bytes();
    let mut frame = vec![a, b, c, kind, flags, 0, 0, 0, 1];
    frame.resize(HEAD + payload, 0);
    frame
}

/// A client that has sent its preface.
fn client() -> Frames {
    let mut frames = Frames::of_client();
    let _ = frames.follow(&[b'x'; PREFACE]);
    frames
}

#[test]
fn bytes_mean_the_same_in_any_pieces() {
    let all = [
        vec![b'x'; PREFACE],
        frame(SETTINGS, 0, 18),
        frame(HEADERS, 0, 40),
        frame(CONTINUATION, END_HEADERS, 300),
        frame(DATA, 0, 5_000),
        frame(PING, 0, 8),
        frame(DATA, 1, 0),
    ]
    .concat();
    for size in [1, 5, 9, 10, 100, all.len()] {
        let mut frames = Frames::of_client();
        let seen = all.chunks(size).map(|piece| frames.follow(piece).frames).sum::<u32>();
        assert_eq!(seen, 3, "pieces of {size}");
        assert!(frames.has_begun() && !frames.is_in_head());
        assert_eq!(
            frames.credit,
            Some(CREDIT - 2),
            "what comes before all content is paid for by it"
        );
    }
}

#[test]
fn a_head_lasts_until_its_block_ends() {
    let mut frames = Frames::of_client();
    assert!(!frames.is_in_head());
    let _ = frames.follow(b"PRI");
    assert!(frames.is_in_head() && !frames.has_begun(), "a preface in part");
    let _ = frames.follow(&[b'x'; PREFACE - 3]);
    assert!(!frames.is_in_head());
    let _ = frames.follow(&frame(SETTINGS, 0, 0)[..4]);
    assert!(frames.is_in_head(), "the head of a frame in part");
    let _ = frames.follow(&frame(SETTINGS, 0, 0)[4..]);
    assert!(!frames.is_in_head() && !frames.has_begun());
    let _ = frames.follow(&frame(HEADERS, 0, 10));
    assert!(frames.is_in_head() && frames.has_begun());
    let _ = frames.follow(&frame(CONTINUATION, 0, 10));
    assert!(frames.is_in_head());
    let _ = frames.follow(&frame(CONTINUATION, END_HEADERS, 10));
    assert!(!frames.is_in_head());
    let _ = frames.follow(&frame(DATA, 0, 10)[..12]);
    assert!(!frames.is_in_head(), "a body has a deadline of its own");
}

#[test]
fn only_requests_and_answers_are_content() {
    let mut frames = client();
    for kind in (0x2..=0x8).chain([0xa, 0xff]) {
        let resets = u32::from(kind == RST_STREAM);
        let seen = frames.follow(&frame(kind, 0, 8));
        assert_eq!(seen, Content { resets, ..Content::default() }, "{kind}");
    }
    assert_eq!(frames.follow(&frame(DATA, 0, 0)), Content::default(), "an empty frame");
    for kind in [DATA, HEADERS, CONTINUATION] {
        let seen = frames.follow(&frame(kind, 0, 1));
        assert_eq!(seen, Content { any: true, frames: 1, resets: 0 });
    }
}

#[test]
fn frames_without_content_are_limited() {
    for kind in [PING, SETTINGS, CONTINUATION, DATA, 0xff] {
        let mut frames = client();
        let one = frame(kind, 0, 0);
        let _ = frames.follow(&one.repeat(CREDIT as usize));
        assert!(!frames.is_flood());
        let _ = frames.follow(&one);
        assert!(frames.is_flood(), "{kind}");
        frames.settle(Content { any: true, frames: 1, resets: 0 });
        assert!(frames.is_flood(), "it stays one");
    }
}

#[test]
fn content_allows_more_in_either_direction() {
    let mut frames = client();
    let busy = [frame(DATA, 0, 1), frame(PING, 0, 8).repeat(EARNED as usize)].concat();
    let _ = frames.follow(&busy.repeat(10 * CREDIT as usize));
    assert!(!frames.is_flood());
    for _ in 0..10 * CREDIT {
        frames.settle(Content { any: true, frames: 1, resets: 0 });
        let _ = frames.follow(&frame(0x8, 0, 4).repeat(2));
    }
    assert!(!frames.is_flood());
}

#[test]
fn who_cancels_every_other_request_may_go_on_and_who_cancels_all_may_not() {
    let (request, reset) = (frame(HEADERS, END_HEADERS, 20), frame(RST_STREAM, 0, 4));
    let mut frames = client();
    let fair = [&request[..], &request, &reset].concat();
    let _ = frames.follow(&fair.repeat(10_000));
    assert!(!frames.is_flood());
    let rapid = [request, reset].concat();
    let _ = frames.follow(&rapid.repeat(500));
    assert!(!frames.is_flood());
    let _ = frames.follow(&rapid.repeat(20));
    assert!(frames.is_flood());
}

#[test]
fn who_has_all_its_requests_refused_may_not_go_on() {
    let mut frames = client();
    let refused = Content { any: false, frames: 0, resets: 1 };
    for n in 0..512 {
        assert!(!frames.is_flood(), "{n}");
        let _ = frames.follow(&frame(HEADERS, END_HEADERS, 20));
        frames.settle(refused);
    }
    let _ = frames.follow(&frame(HEADERS, END_HEADERS, 20));
    frames.settle(refused);
    assert!(frames.is_flood());
}
