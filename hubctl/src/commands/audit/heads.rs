//! The heads of audit logs that were seen here: a log that was rewritten as a whole is sound in itself, but
//! no longer contains them.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::time::Duration;

use hub_core::api::{AuditEvent, AuditQuery, Limit, ListAudit};
use hub_core::time::{Moment, Timestamp};
use serde::{Deserialize, Serialize};

use super::Invocation;
use crate::error::Result;
use crate::settings::{state_folder, written};
use crate::{folder, private_file};

/// The newest event of a log when it was last verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) seq: i64,
    pub(super) hash: String,
    pub(super) at: Timestamp,
}

/// The heads of all hubs, by URL.
pub(super) struct Heads {
    path: PathBuf,
    known: BTreeMap<String, Head>,
}

impl Heads {
    /// Those that were kept; none where they cannot be read.
    pub(super) fn read() -> Option<Self> {
        let path = state_folder()?.join("audit-heads.json");
        let known = std::fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        Some(Self { path, known: known.unwrap_or_default() })
    }

    /// How to go on with a log that does not contain the head.
    pub(super) fn way_on(&self) -> String {
        format!(
            "the log was rewritten or restored from an older backup since it was verified here; if that was \
             meant, or this is a new hub, remove its URL from {} and verify again",
            self.path.display()
        )
    }

    /// The head of this hub's log.
    pub(super) fn of(&self, invocation: &Invocation<'_>) -> Option<&Head> {
        self.known.get(written(&invocation.settings.url))
    }

    /// Keeps the head of this hub's log.
    pub(super) fn keep(mut self, head: Head, invocation: &Invocation<'_>) -> std::io::Result<()> {
        self.known.insert(written(&invocation.settings.url).to_owned(), head);
        let text = serde_json::to_vec_pretty(&self.known).map_err(std::io::Error::other)?;
        DirBuilder::new().recursive(true).mode(0o700).create(folder::of(&self.path))?;
        private_file::replace(&self.path, &[&text])
    }
}

/// The newest event.
pub(super) async fn newest(invocation: &Invocation<'_>) -> Result<Option<Head>> {
    let query = AuditQuery {
        since: Some(Moment::At(Timestamp::UNIX_EPOCH)),
        limit: Limit::try_from(1).ok(),
        ..AuditQuery::default()
    };
    let page = invocation.hub()?.call::<ListAudit>("", &query, &()).await?;
    let head = |event: AuditEvent| Head { seq: event.seq, hash: event.hash, at: event.at };
    Ok(page.items.into_iter().next().map(head))
}

/// Whether the log has this event.
pub(super) async fn contains(head: &Head, invocation: &Invocation<'_>) -> Result<bool> {
    // The event is found by its time; what else happened in that moment is little.
    let query = |cursor, limit| AuditQuery {
        since: Some(Moment::At(head.at)),
        until: Some(Moment::At(head.at.after(Duration::from_millis(1)))),
        limit: Some(limit),
        cursor,
        ..AuditQuery::default()
    };
    let events: Vec<AuditEvent> = invocation.hub()?.all::<ListAudit, _>("", None, query).await?;
    Ok(events.iter().any(|event| event.seq == head.seq && event.hash == head.hash))
}
