//! `hubctl instance wait`: asks again and again until the instance has the state, or time is up.

use std::time::Duration;

use hub_core::api::{EffectiveStatus, GetInstance, Instance, InstanceStatus};
use hub_core::exit::Exit;
use tokio::time::{Instant, sleep, timeout_at};

use super::Invocation;
use super::lifecycle::Subject;
use crate::cli::{Awaited, InstanceWaitArgs};
use crate::commands::targets::{Outcome, all_at_once};
use crate::error::{Failure, Result};

/// The first pause; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Runs it.
pub(super) async fn run(args: InstanceWaitArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let awaited = args.awaited;
    let several = args.targets.stdin || args.targets.handles.len() > 1;
    let deadline = Instant::now() + invocation.settings.timeout;
    all_at_once(args.targets, invocation, async |handle| {
        let reached = reached(handle, awaited, deadline, invocation);
        if several {
            return Ok(outcome(handle, awaited, reached.await?));
        }
        let what = || format!("waiting for {handle} to be {}", state(awaited));
        Ok(outcome(handle, awaited, invocation.out.waiting(what, reached).await?))
    })
    .await
}

/// Asks until the instance has the state; gives it as it is then.
async fn reached(
    handle: &str,
    awaited: Awaited,
    deadline: Instant,
    invocation: &Invocation<'_>,
) -> Result<Option<Instance>> {
    let mut pause = FIRST_PAUSE;
    // Until the hub has answered, nothing is known of the instance.
    let (mut seen, mut unreachable) = (None, Some(no_answer(invocation)));
    loop {
        match timeout_at(deadline, invocation.hub()?.find::<GetInstance>(handle)).await {
            Err(_) => break,
            Ok(Ok(found)) => {
                let found = found.map(|answer| answer.value);
                match distance(awaited, found.as_ref(), seen.is_some()) {
                    Distance::Reached => return Ok(found),
                    Distance::Never => return Err(never_existed(handle)),
                    Distance::NotYet => {}
                }
                seen = found.or(seen);
                unreachable = None;
            }
            // The hub may be starting.
            Ok(Err(failure)) if failure.retryable() => unreachable = Some(failure),
            Ok(Err(failure)) => return Err(failure),
        }
        if Instant::now() + pause >= deadline {
            break;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    let after = invocation.settings.timeout;
    Err(unreachable.unwrap_or_else(|| timed_out(handle, awaited, seen.as_ref(), after)))
}

/// How far an instance is from the awaited state.
enum Distance {
    Reached,
    NotYet,
    /// It cannot be reached: an instance that never existed cannot be deleted.
    Never,
}

/// Compares an instance, or its absence, with the awaited state; `existed` is true if it was found before.
fn distance(awaited: Awaited, found: Option<&Instance>, existed: bool) -> Distance {
    let reached = match (awaited, found) {
        (Awaited::Deleted, None) if !existed => return Distance::Never,
        (Awaited::Deleted, found) => found.is_none(),
        (_, None) => false,
        (Awaited::Active, Some(found)) => found.effective_status == EffectiveStatus::Active,
        (Awaited::Seen, Some(found)) => found.last_seen_at.is_some(),
        (Awaited::Suspended, Some(found)) => found.status == InstanceStatus::Suspended,
    };
    if reached { Distance::Reached } else { Distance::NotYet }
}

fn state(awaited: Awaited) -> &'static str {
    match awaited {
        Awaited::Active => "active",
        Awaited::Seen => "seen",
        Awaited::Suspended => "suspended",
        Awaited::Deleted => "deleted",
    }
}

fn outcome(handle: &str, awaited: Awaited, found: Option<Instance>) -> Outcome<Subject> {
    let absent = || Subject::Absent { instance_id: handle.to_owned() };
    Outcome {
        object: found.map_or_else(absent, Subject::from),
        handle: handle.to_owned(),
        changed: false,
        words: format!("{handle} is {}", state(awaited)),
        dry_run: false,
        changes: Vec::new(),
    }
}

fn never_existed(handle: &str) -> Failure {
    let message = format!("no instance {handle}");
    Failure::of(hub_core::problem::ErrorCode::InstanceNotFound, message)
        .with(|parts| parts.about = Some(handle.to_owned()))
}

fn no_answer(invocation: &Invocation<'_>) -> Failure {
    let base = invocation.settings.url.as_str().trim_end_matches('/');
    Failure::new(Exit::Unreachable, "timeout", format!("no answer from {base}"))
        .hint("run it again, or give it more time with --timeout")
}

fn timed_out(handle: &str, awaited: Awaited, seen: Option<&Instance>, after: Duration) -> Failure {
    let is = match seen {
        None => "does not exist".to_owned(),
        Some(instance) => format!("is {}", instance.effective_status.as_str()),
    };
    let (awaited, after) = (state(awaited), humantime::format_duration(after));
    let message = format!("{handle} is not {awaited} after {after}: it {is}");
    Failure::new(Exit::WaitTimedOut, "wait_timed_out", message)
        .hint("run it again, or give it more time with --timeout")
}
