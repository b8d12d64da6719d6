//! One action for the object that was named, or for many that are read from standard input.

use futures_util::StreamExt;
use futures_util::stream;
use hub_core::exit::Exit;
use serde::Serialize;

use super::{AT_ONCE, Invocation};
use crate::cli::Targets;
use crate::error::{Failure, Result};
use crate::input;
use crate::output::{Done, Progress};

/// The result of the action for one object.
#[derive(Debug)]
pub(super) struct Outcome<T> {
    /// The object, as it is now.
    pub(super) object: T,
    /// Its handle.
    pub(super) handle: String,
    /// Whether anything was changed.
    pub(super) changed: bool,
    /// The result in words.
    pub(super) words: String,
    /// It was a dry run: nothing was changed.
    pub(super) dry_run: bool,
}

impl<T> Outcome<T> {
    /// It was changed, or needed no change: `did` is a verb such as `suspended`, `what` the object.
    pub(super) fn new(object: T, handle: &str, what: &str, changed: bool, did: &str) -> Self {
        let words = if changed { format!("{did} {what}") } else { format!("{what} is unchanged") };
        Self { object, handle: handle.to_owned(), changed, words, dry_run: false }
    }

    /// It would be changed: `act` is a verb such as `suspend`.
    pub(super) fn would(object: T, handle: &str, what: &str, act: &str) -> Self {
        let words = format!("would {act} {what}");
        Self { object, handle: handle.to_owned(), changed: true, words, dry_run: true }
    }

    /// With another object in its place.
    pub(super) fn map<U>(self, other: impl FnOnce(T) -> U) -> Outcome<U> {
        let Self { object, handle, changed, words, dry_run } = self;
        Outcome { object: other(object), handle, changed, words, dry_run }
    }

    /// As a result to be written.
    pub(super) fn done(&self) -> Done<'_, T> {
        let done = Done::new(&self.object, &self.handle, self.changed, self.words.as_str());
        if self.dry_run { done.dry_run() } else { done }
    }
}

impl<T: Serialize> Outcome<T> {
    /// Writes it.
    pub(super) fn tell(&self, invocation: &Invocation<'_>) -> Result<Exit> {
        invocation.out.done(&self.done())?;
        Ok(Exit::Done)
    }
}

/// Acts on each object. With `asks`, a person would be asked first, and nobody can answer while standard
/// input is a list.
pub(super) async fn each<T: Serialize>(
    targets: Targets,
    asks: bool,
    invocation: &Invocation<'_>,
    act: impl AsyncFn(&str) -> Result<Outcome<T>>,
) -> Result<Exit> {
    if let Some(handle) = targets.handle {
        return act(&handle).await?.tell(invocation);
    }
    if asks && !invocation.settings.dry_run {
        invocation.consent.must_be_given("--stdin")?;
    }
    invocation.stdin_is_free("-".as_ref(), "--stdin")?;
    let handles = input::waiting(input::read_handles).await?;
    let progress = Progress::new(invocation.out, handles.len());
    let acted = stream::iter(&handles).map(async |handle| (handle, act(handle).await));
    let mut acted = std::pin::pin!(acted.buffered(AT_ONCE));
    let (mut told, mut failed) = (Vec::new(), Vec::new());
    while let Some((handle, outcome)) = acted.next().await {
        match outcome {
            Ok(outcome) => {
                progress.aside(|| invocation.out.one_of_many(&outcome.done()))?;
                told.push(outcome);
            }
            // A failure to reach the hub would meet all the others too.
            Err(failure) if told.is_empty() && failed.is_empty() && failure.is_general() => {
                return Err(failure);
            }
            Err(failure) => {
                progress.aside(|| invocation.out.item_failure(handle, &failure));
                failed.push((handle.clone(), failure));
            }
        }
        progress.step();
    }
    drop(progress);
    invocation.out.many(&told.iter().map(Outcome::done).collect::<Vec<_>>())?;
    if failed.is_empty() { Ok(Exit::Done) } else { Err(Failure::partial(failed, handles.len())) }
}
