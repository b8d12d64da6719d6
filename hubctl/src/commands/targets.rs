//! One action for the object that was named, or for many that are read from standard input.

use futures_util::StreamExt;
use futures_util::stream;
use hub_core::api::Endpoint;
use hub_core::exit::Exit;
use serde::Serialize;

use super::{AT_ONCE, Invocation, suggest};
use crate::cli::Targets;
use crate::error::{Failure, Result};
use crate::input;
use crate::output::{Done, FieldChange, Progress, Row};

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
    /// The fields that would be changed.
    pub(super) changes: Vec<FieldChange>,
}

impl<T> Outcome<T> {
    /// It was changed, or needed no change: `did` is a verb such as `suspended`, `what` the object.
    pub(super) fn new(object: T, handle: &str, what: &str, changed: bool, did: &str) -> Self {
        let words = if changed { format!("{did} {what}") } else { format!("{what} is unchanged") };
        let handle = handle.to_owned();
        Self { object, handle, changed, words, dry_run: false, changes: Vec::new() }
    }

    /// It would be changed: `act` is a verb such as `suspend`.
    pub(super) fn would(object: T, handle: &str, what: &str, act: &str) -> Self {
        let words = format!("would {act} {what}");
        let handle = handle.to_owned();
        Self { object, handle, changed: true, words, dry_run: true, changes: Vec::new() }
    }

    /// There is no such object, which is as good as deleted: `noun` is a word such as `client`.
    pub(super) fn absent(object: T, handle: &str, noun: &str) -> Self {
        let words = format!("there is no {noun} {handle}");
        let handle = handle.to_owned();
        Self { object, handle, changed: false, words, dry_run: false, changes: Vec::new() }
    }

    /// With the fields that would be changed.
    pub(super) fn changing(self, changes: Vec<FieldChange>) -> Self {
        Self { changes, ..self }
    }

    /// With another object in its place.
    pub(super) fn map<U>(self, other: impl FnOnce(T) -> U) -> Outcome<U> {
        let Self { object, handle, changed, words, dry_run, changes } = self;
        Outcome { object: other(object), handle, changed, words, dry_run, changes }
    }

    /// As a result to be written.
    pub(super) fn done(&self) -> Done<'_, T> {
        let done = Done::new(&self.object, &self.handle, self.changed, self.words.as_str());
        if self.dry_run { done.dry_run(&self.changes) } else { done }
    }
}

impl<T: Serialize> Outcome<T> {
    /// Writes it.
    pub(super) fn tell(&self, invocation: &Invocation<'_>) -> Result<Exit> {
        invocation.out.done(&self.done())?;
        Ok(Exit::Done)
    }
}

/// Shows each object: one with all there is, several as a list.
pub(super) async fn show<E>(targets: Targets, invocation: &Invocation<'_>) -> Result<Exit>
where
    E: Endpoint<Query = (), Body = (), Reply: Row>,
{
    let hub = invocation.hub()?;
    if let [handle] = targets.handles.as_slice() {
        invocation.out.one(&hub.call::<E>(handle, &(), &()).await?)?;
        return Ok(Exit::Done);
    }
    let handles = if targets.stdin {
        invocation.stdin_is_free("-".as_ref(), "--stdin")?;
        input::waiting(input::read_handles).await?
    } else {
        targets.handles
    };
    let found = stream::iter(&handles)
        .map(async |handle| (handle, hub.call::<E>(handle, &(), &()).await))
        .buffered(AT_ONCE);
    let mut found = std::pin::pin!(found);
    let (mut rows, mut failed) = (Vec::new(), Vec::new());
    while let Some((handle, found)) = found.next().await {
        match found {
            Ok(row) => rows.push(row),
            Err(failure) if failure.is_general() => return Err(failure),
            Err(failure) => {
                let failure = suggest::for_one_of_many(invocation, failure, failed.len()).await;
                invocation.out.item_failure(handle, &failure);
                failed.push((handle.clone(), failure));
            }
        }
    }
    invocation.out.list(&rows, "none of them was found")?;
    if failed.is_empty() { Ok(Exit::Done) } else { Err(Failure::partial(failed, handles.len())) }
}

/// Acts on each object. With `asks` there must be consent, and nobody can answer while standard input is
/// a list.
pub(super) async fn each<T: Serialize>(
    targets: Targets,
    asks: bool,
    invocation: &Invocation<'_>,
    act: impl AsyncFn(&str) -> Result<Outcome<T>>,
) -> Result<Exit> {
    some(targets, asks, AT_ONCE, invocation, act).await
}

/// The same for all of them at once: what one of them waits for may take as long as there is time.
pub(super) async fn all_at_once<T: Serialize>(
    targets: Targets,
    invocation: &Invocation<'_>,
    act: impl AsyncFn(&str) -> Result<Outcome<T>>,
) -> Result<Exit> {
    some(targets, false, usize::MAX, invocation, act).await
}

async fn some<T: Serialize>(
    targets: Targets,
    asks: bool,
    at_once: usize,
    invocation: &Invocation<'_>,
    act: impl AsyncFn(&str) -> Result<Outcome<T>>,
) -> Result<Exit> {
    if let [handle] = targets.handles.as_slice() {
        return act(handle).await?.tell(invocation);
    }
    let asks = asks && !invocation.settings.dry_run;
    let handles = if targets.stdin {
        if asks {
            invocation.consent.must_be_given("--stdin")?;
        }
        invocation.stdin_is_free("-".as_ref(), "--stdin")?;
        input::waiting(input::read_handles).await?
    } else {
        if asks {
            invocation.consent.needed_for(targets.handles.len())?;
        }
        targets.handles
    };
    let items = handles.into_iter().map(|handle| (handle, ())).collect();
    each_of(items, Vec::new(), at_once, invocation, async |handle, ()| act(handle).await).await
}

/// Acts on each of these objects, about which something is known already. Those in `failed` have failed
/// before, and were told.
pub(super) async fn each_of<I, T: Serialize>(
    items: Vec<(String, I)>,
    mut failed: Vec<(String, Failure)>,
    at_once: usize,
    invocation: &Invocation<'_>,
    act: impl AsyncFn(&str, I) -> Result<Outcome<T>>,
) -> Result<Exit> {
    let all = items.len() + failed.len();
    let progress = Progress::new(invocation.out, items.len());
    let at_once = at_once.min(items.len()).max(1);
    let acted = stream::iter(items).map(async |(handle, item)| (act(&handle, item).await, handle));
    let mut acted = std::pin::pin!(acted.buffered(at_once));
    let mut told = Vec::new();
    while let Some((outcome, handle)) = acted.next().await {
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
                let failure = suggest::for_one_of_many(invocation, failure, failed.len()).await;
                progress.aside(|| invocation.out.item_failure(&handle, &failure));
                failed.push((handle, failure));
            }
        }
        progress.step();
    }
    drop(progress);
    invocation.out.many(&told.iter().map(Outcome::done).collect::<Vec<_>>())?;
    if failed.is_empty() { Ok(Exit::Done) } else { Err(Failure::partial(failed, all)) }
}
