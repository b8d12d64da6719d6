//! Scalars as slices of the body: what one is, and whether it is in bounds.

use serde_json::value::RawValue;

use crate::members::MemberName;

/// The greatest count.
pub const MOST_CALLS: u64 = 1_000_000_000;
/// The longest duration: a day.
pub const LONGEST_MS: u64 = 86_400_000;

/// A text, if the value is one.
pub(super) fn text<T>(raw: &RawValue, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    let MemberName(text) = serde_json::from_str(raw.get()).ok()?;
    read(&text)
}

/// A number, if the value is one. One that is too great for the type is infinite, and so outside
/// whatever bound.
fn number(raw: &RawValue) -> Option<f64> {
    let text = raw.get();
    text.starts_with(|c: char| c == '-' || c.is_ascii_digit()).then(|| text.parse().ok())?
}

/// A count: an integer up to [`MOST_CALLS`].
pub(super) fn count(raw: &RawValue) -> Option<u64> {
    #[expect(clippy::cast_precision_loss, reason = "small enough to be exact")]
    let range = 0.0..=MOST_CALLS as f64;
    let number = number(raw).filter(|n| range.contains(n) && n.fract() == 0.0)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    let whole = number as u64;
    Some(whole)
}

/// A duration in milliseconds, up to [`LONGEST_MS`] → microseconds.
pub(super) fn duration(raw: &RawValue) -> Option<u64> {
    #[expect(clippy::cast_precision_loss, reason = "small enough to be exact")]
    let range = 0.0..=LONGEST_MS as f64;
    let ms = number(raw).filter(|n| range.contains(n))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    let us = (ms * 1_000.0).round() as u64;
    Some(us)
}
