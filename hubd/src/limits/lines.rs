//! Log lines that callers can cause: the first of a kind is written, the others of that minute are
//! counted and summed up. So nobody fills the log.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hub_core::api::Route;
use hub_core::problem::ErrorCode;
use tokio_util::sync::CancellationToken;

/// A kind of line: where it was caused, and what it says.
type Kind = (&'static str, &'static str);

/// How often lines are summed up.
const EVERY: Duration = Duration::from_mins(1);

/// The lines of this minute that were not written, by kind.
#[derive(Debug, Default)]
pub(crate) struct Lines(Mutex<BTreeMap<Kind, u64>>);

impl Lines {
    /// Whether to write a line: true for the first of its kind in a minute. The others are counted.
    pub(crate) fn is_first(&self, place: &'static str, what: &'static str) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut first = false;
        let more = counts.entry((place, what)).or_insert_with(|| {
            first = true;
            0
        });
        *more += u64::from(!first);
        first
    }

    /// Warns of a wrong key, and of a caller beyond its share.
    pub(crate) fn warn_of(&self, route: Route, code: ErrorCode, request_id: &str) {
        let is_wrong_key = matches!(
            code,
            ErrorCode::AdminKeyInvalid | ErrorCode::HubKeyInvalid | ErrorCode::LicenseInvalid
        );
        let (route, what) = (route.path(), code.as_str());
        if (is_wrong_key || code == ErrorCode::RateLimited) && self.is_first(route, what) {
            tracing::warn!(route, code = what, request_id, "refused");
        }
    }

    /// Sums up once a minute, and at the end.
    pub(crate) async fn sum_up(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
            for ((place, what), more) in self.take() {
                tracing::warn!(place, what, more, "the same again");
            }
        }
    }

    /// The kinds of which there were more, and how many more. The next of each kind is a first one.
    fn take(&self) -> Vec<(Kind, u64)> {
        let counts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        counts.into_iter().filter(|(_, more)| *more > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_of_a_kind_is_written_and_the_others_are_counted() {
        let lines = Lines::default();
        assert!(lines.is_first("/a", "failed"));
        assert!(lines.is_first("/b", "failed"));
        assert!(!lines.is_first("/a", "failed") && !lines.is_first("/a", "failed"));
        assert_eq!(lines.take(), [(("/a", "failed"), 2)]);
        assert!(lines.is_first("/a", "failed"));
        assert_eq!(lines.take(), []);
    }
}
