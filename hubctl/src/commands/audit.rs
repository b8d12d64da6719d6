//! `hubctl audit`

use hub_core::api::{AuditQuery, ListAudit, VerifyAudit};
use hub_core::exit::Exit;

use super::Invocation;
use crate::cli::{AuditCommand, AuditListArgs};
use crate::error::{Failure, Result};

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

async fn verify(invocation: &Invocation<'_>) -> Result<Exit> {
    let verdict = invocation.hub()?.call::<VerifyAudit>("", &(), &()).await?;
    let broken = verdict.first_broken.map_or_else(|| "none".to_owned(), |seq| seq.to_string());
    let details = [
        ("OK", verdict.ok.to_string()),
        ("EVENTS", verdict.events.to_string()),
        ("HEAD", verdict.head.clone().unwrap_or_default()),
        ("FIRST BROKEN", broken.clone()),
    ];
    invocation.out.record(&verdict, &verdict.ok.to_string(), &details)?;
    if verdict.ok {
        return Ok(Exit::Done);
    }
    Err(Failure::new(Exit::Conflict, "audit_broken", format!("the chain breaks at event {broken}"))
        .hint("somebody changed, removed or inserted events in the database"))
}
