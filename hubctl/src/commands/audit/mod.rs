//! `hubctl audit`

mod heads;

use hub_core::api::{AuditQuery, ListAudit, VerifyAudit};
use hub_core::exit::Exit;

use super::Invocation;
use crate::cli::{AuditCommand, AuditListArgs};
use crate::error::{Failure, Result};
use heads::{Head, Heads};

/// Runs one of them.
pub(super) async fn run(command: AuditCommand, invocation: &Invocation<'_>) -> Result<Exit> {
    match command {
        AuditCommand::List(args) => list(args, invocation).await,
        AuditCommand::Verify => verify(invocation).await,
    }
}

async fn list(args: AuditListArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let query = |cursor, limit| AuditQuery {
        since: args.since,
        until: args.until,
        actor: args.actor.clone(),
        action: args.action,
        target: args.target.clone(),
        limit: Some(limit),
        cursor,
    };
    invocation.list::<ListAudit, _>("", args.limit, query, "no audit events").await
}

/// Keeps the newest event for the next time. Where nothing can be kept, the log is verified all the same.
async fn keep(heads: Option<Heads>, invocation: &Invocation<'_>) -> Result<()> {
    if invocation.settings.dry_run {
        return Ok(());
    }
    let (Some(heads), Some(head)) = (heads, heads::newest(invocation).await?) else {
        return Ok(());
    };
    if let Err(error) = heads.keep(head, invocation)
        && !invocation.out.format().is_json()
    {
        invocation.out.warn(&format!("the head of the log cannot be kept here: {error}"));
    }
    Ok(())
}

async fn verify(invocation: &Invocation<'_>) -> Result<Exit> {
    let verdict = invocation.hub()?.call::<VerifyAudit>("", &(), &()).await?;
    let broken = verdict.first_broken.map_or_else(|| "none".to_owned(), |seq| seq.to_string());
    let details = [
        ("OK", verdict.ok.to_string()),
        ("EVENTS", verdict.events.to_string()),
        ("HEAD", verdict.head.clone().unwrap_or_default()),
        ("FIRST BROKEN", broken.clone()),
    ];
    let heads = Heads::read();
    let before = heads.as_ref().and_then(|heads| heads.of(invocation)).cloned();
    let kept = match &before {
        Some(head) if verdict.ok => heads::contains(head, invocation).await?,
        _ => true,
    };
    invocation.out.record(&verdict, &verdict.ok.to_string(), &details)?;
    if !kept
        && let Some(heads) = &heads
        && let Some(Head { seq, hash, at }) = before
    {
        let hash = &hash[..hash.len().min(12)];
        let message =
            format!("the log does not contain event {seq} ({hash}…) of {at}, which was its newest");
        return Err(Failure::new(Exit::Conflict, "audit_rewritten", message).hint(heads.way_on()));
    }
    if verdict.ok {
        keep(heads, invocation).await?;
        return Ok(Exit::Done);
    }
    Err(Failure::new(Exit::Conflict, "audit_broken", format!("the chain breaks at event {broken}"))
        .hint("somebody changed, removed or inserted events in the database"))
}
