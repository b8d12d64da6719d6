//! The same done to one that was named, or to many that are read from standard input.

use futures_util::StreamExt;
use futures_util::stream;
use hub_core::exit::Exit;
use serde::Serialize;

use super::{AT_ONCE, Context};
use crate::cli::Targets;
use crate::error::{Failure, Result};
use crate::input;
use crate::output::{Done, Progress};

/// What was done to one.
#[derive(Debug)]
pub(super) struct Outcome<T> {
    /// The object, as it is now.
    pub(super) object: T,
    /// Its handle.
    pub(super) handle: String,
    /// Whether anything was changed.
    pub(super) changed: bool,
    /// That, for a person.
    pub(super) words: String,
    /// Nothing was done, this is what would be.
    pub(super) dry_run: bool,
}

impl<T> Outcome<T> {
    /// It was changed, or it was so already: `did` is a verb such as `suspended`, `what` names the object.
    pub(super) fn new(object: T, handle: &str, what: &str, changed: bool, did: &str) -> Self {
        let words = if changed { format!("{did} {what}") } else { format!("{what} is already so") };
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

    /// As it is written.
    pub(super) fn done(&self) -> Done<'_, T> {
        let done = Done::new(&self.object, &self.handle, self.changed, self.words.as_str());
        if self.dry_run { done.dry_run() } else { done }
    }
}

impl<T: Serialize> Outcome<T> {
    /// Tells it.
    pub(super) fn tell(&self, context: &Context<'_>) -> Result<Exit> {
        context.out.done(&self.done())?;
        Ok(Exit::Done)
    }
}

/// Does it. `asks` says that a person would be asked first: nobody can answer while standard input is
/// a list.
pub(super) async fn each<T: Serialize>(
    targets: Targets,
    asks: bool,
    context: &Context<'_>,
    act: impl AsyncFn(&str) -> Result<Outcome<T>>,
) -> Result<Exit> {
    if let Some(handle) = targets.handle {
        return act(&handle).await?.tell(context);
    }
    if asks && !context.settings.dry_run {
        context.consent.must_be_given("--stdin")?;
    }
    context.stdin_is_free("-".as_ref(), "--stdin")?;
    let handles = input::waiting(input::read_handles).await?;
    let progress = Progress::new(context.out, handles.len());
    let acted = stream::iter(&handles).map(async |handle| (handle, act(handle).await));
    let mut acted = std::pin::pin!(acted.buffered(AT_ONCE));
    let (mut told, mut failed) = (Vec::new(), Vec::new());
    while let Some((handle, outcome)) = acted.next().await {
        match outcome {
            Ok(outcome) => {
                progress.aside(|| context.out.one_of_many(&outcome.done()))?;
                told.push(outcome);
            }
            // What stands between hubctl and the hub stands there for the rest too.
            Err(failure) if told.is_empty() && failed.is_empty() && failure.is_general() => {
                return Err(failure);
            }
            Err(failure) => {
                progress.aside(|| context.out.item_failure(handle, &failure));
                failed.push((handle.clone(), failure));
            }
        }
        progress.step();
    }
    drop(progress);
    context.out.many(&told.iter().map(Outcome::done).collect::<Vec<_>>())?;
    if failed.is_empty() { Ok(Exit::Done) } else { Err(Failure::partial(failed, handles.len())) }
}
