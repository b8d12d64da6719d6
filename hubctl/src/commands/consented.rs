//! Changes that a person is asked about: one question, however many objects there are.

use futures_util::{StreamExt, stream};
use hub_core::exit::Exit;
use hub_core::time::Timestamp;
use serde::Serialize;

use super::targets::{Outcome, each, each_of};
use super::{AT_ONCE, Invocation, suggest};
use crate::cli::Targets;
use crate::confirm::Consent;
use crate::error::{Failure, Result};
use crate::output::counted;

/// What is found when an object is looked at before its change.
pub(super) enum Found<S, T> {
    /// It needs no change, or this is a dry run.
    Settled(Outcome<T>),
    /// It is changed without a question.
    Unasked(S),
    /// It is changed when the answer is yes.
    Asked(S),
}

/// A change that ends something for somebody.
pub(super) trait Change {
    /// An object before the change.
    type Subject;
    /// An object after the change.
    type Object: Serialize;

    /// Looks at an object, and changes nothing.
    async fn look(&self, handle: &str) -> Result<Found<Self::Subject, Self::Object>>;

    /// What is about to happen to these: `suspending acme-1`.
    fn what(&self, subjects: &[&Self::Subject]) -> String;

    /// What goes with it, from live data.
    async fn consequences(&self, subjects: &[&Self::Subject]) -> Result<String>;

    /// What a person has to type, where a yes is not enough.
    fn typed(&self, _subjects: &[&Self::Subject]) -> Option<String> {
        None
    }

    /// Changes it.
    async fn act(&self, handle: &str, subject: Self::Subject) -> Result<Outcome<Self::Object>>;
}

/// Changes each object, once there is consent.
pub(super) async fn consented<C: Change>(
    targets: Targets,
    change: &C,
    invocation: &Invocation<'_>,
) -> Result<Exit> {
    let asked = invocation.consent == Consent::Person && !invocation.settings.dry_run;
    if asked && targets.handles.len() > 1 {
        return together(targets.handles, change, invocation).await;
    }
    each(targets, true, invocation, async |handle| match change.look(handle).await? {
        Found::Settled(outcome) => Ok(outcome),
        Found::Unasked(subject) => change.act(handle, subject).await,
        Found::Asked(subject) => {
            ask(change, &[&subject], invocation).await?;
            change.act(handle, subject).await
        }
    })
    .await
}

/// Looks at all of them, asks about those that change, and changes them.
async fn together<C: Change>(
    handles: Vec<String>,
    change: &C,
    invocation: &Invocation<'_>,
) -> Result<Exit> {
    let looked = stream::iter(handles).map(async |handle| (change.look(&handle).await, handle));
    let looked: Vec<_> = looked.buffered(AT_ONCE).collect().await;
    let (mut found, mut failed) = (Vec::new(), Vec::new());
    for (look, handle) in looked {
        match look {
            Ok(look) => found.push((handle, look)),
            Err(failure) if failure.is_general() => return Err(failure),
            Err(failure) => {
                let failure = suggest::for_one_of_many(invocation, failure, failed.len()).await;
                invocation.out.item_failure(&handle, &failure);
                failed.push((handle, failure));
            }
        }
    }
    let subjects: Vec<_> = found.iter().filter_map(|(_, look)| asked(look)).collect();
    if !subjects.is_empty() {
        ask(change, &subjects, invocation).await?;
    }
    each_of(found, failed, AT_ONCE, invocation, async |handle, look| match look {
        Found::Settled(outcome) => Ok(outcome),
        Found::Unasked(subject) | Found::Asked(subject) => change.act(handle, subject).await,
    })
    .await
}

fn asked<S, T>(found: &Found<S, T>) -> Option<&S> {
    match found {
        Found::Asked(subject) => Some(subject),
        Found::Settled(_) | Found::Unasked(_) => None,
    }
}

async fn ask<C: Change>(
    change: &C,
    subjects: &[&C::Subject],
    invocation: &Invocation<'_>,
) -> Result<(), Failure> {
    let what = change.what(subjects);
    invocation.consent.needed(&what)?;
    if invocation.consent == Consent::Given {
        return Ok(());
    }
    let consequences = change.consequences(subjects).await?;
    match change.typed(subjects) {
        None => invocation.consent.ask(&what, &consequences).await,
        Some(typed) => invocation.consent.ask_for(&what, &consequences, &typed).await,
    }
}

/// How many handles a question names; the others are counted.
const NAMED: usize = 10;

/// `acme-1, acme-2 and acme-3`; where there are more than ten, how many more.
pub(super) fn named<'a>(handles: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = Vec::new();
    for handle in handles {
        if !names.contains(&handle) {
            names.push(handle);
        }
    }
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let more = (more > 0).then(|| format!("{more} more"));
    let last = more.as_deref().or_else(|| names.pop()).unwrap_or_default();
    if names.is_empty() { last.to_owned() } else { format!("{} and {last}", names.join(", ")) }
}

/// `3 instances, 2 seen in the last 24 h`.
pub(super) fn lately(
    times: impl Iterator<Item = Option<Timestamp>>,
    noun: &str,
    seen: &str,
    invocation: &Invocation<'_>,
) -> String {
    let since = invocation.out.times().now.before(std::time::Duration::from_hours(24));
    let (mut all, mut recent) = (0, 0);
    for at in times {
        all += 1;
        recent += usize::from(at.is_some_and(|at| at >= since));
    }
    format!("{}, {recent} {seen} in the last 24 h", counted(all, noun))
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn ten_are_named_each_once() {
        let of = |n: usize| (1..=n).map(|n| n.to_string()).collect::<Vec<_>>();
        let names = |n: usize| named(of(n).iter().map(String::as_str));
        assert_eq!(names(1), "1");
        assert_eq!(names(2), "1 and 2");
        assert_eq!(names(10), "1, 2, 3, 4, 5, 6, 7, 8, 9 and 10");
        assert_eq!(names(11), "1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 1 more");
        assert_eq!(named(["a", "b", "a"].into_iter()), "a and b");
    }
}
