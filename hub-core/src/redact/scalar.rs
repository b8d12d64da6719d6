//! Scalars as slices of the body: what a value is, and whether it is in bounds.

use serde_json::value::RawValue;

use super::Reason;
use crate::members::MemberName;

/// The greatest count.
pub const MOST_CALLS: u64 = 1_000_000_000;
/// The longest duration: a day.
pub const LONGEST_MS: u64 = 86_400_000;

/// Reads a text, if the value is one.
pub(super) fn text<T>(raw: &RawValue, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    let MemberName(text) = serde_json::from_str(raw.get()).ok()?;
    read(&text)
}

/// Whether the value is a text, which may still hold an escape that stands for no character.
pub(super) fn is_text(raw: &RawValue) -> bool {
    raw.get().starts_with('"')
}

/// A number in nothing but digits, as almost all are.
fn whole(raw: &RawValue) -> Option<u64> {
    raw.get().parse().ok()
}

/// A number, if the value is one. A number that is too great for the type is infinite, and so outside
/// any bound.
fn number(raw: &RawValue) -> Result<f64, Reason> {
    let text = raw.get();
    let number = text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    number.then(|| text.parse().ok()).flatten().ok_or(Reason::WrongType)
}

/// A count: an integer up to [`MOST_CALLS`].
pub(super) fn count(raw: &RawValue) -> Result<u64, Reason> {
    if let Some(n) = whole(raw) {
        return if n <= MOST_CALLS { Ok(n) } else { Err(Reason::BadNumber) };
    }
    #[expect(clippy::cast_precision_loss, reason = "small enough to be exact")]
    let range = 0.0..=MOST_CALLS as f64;
    let number = number(raw)?;
    if !range.contains(&number) || number.fract() != 0.0 {
        return Err(Reason::BadNumber);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    let whole = number as u64;
    Ok(whole)
}

/// A duration in milliseconds, up to [`LONGEST_MS`] → microseconds.
pub(super) fn duration(raw: &RawValue) -> Result<u64, Reason> {
    if let Some(ms) = whole(raw) {
        return if ms <= LONGEST_MS { Ok(ms * 1_000) } else { Err(Reason::BadNumber) };
    }
    #[expect(clippy::cast_precision_loss, reason = "small enough to be exact")]
    let range = 0.0..=LONGEST_MS as f64;
    let ms = number(raw)?;
    if !range.contains(&ms) {
        return Err(Reason::BadNumber);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    let us = (ms * 1_000.0).round() as u64;
    Ok(us)
}
