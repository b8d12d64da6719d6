//! `hubctl status`: what needs somebody today, and the state of the hub, on one screen.

mod read;
mod screen;

use std::time::Duration;

use hub_core::exit::Exit;
use hub_core::time::Timestamp;
use serde::Serialize;

use super::Invocation;
use crate::cli::StatusArgs;
use crate::error::Result;
use crate::output::{Column, Row, Times, column, write_data};
use crate::words::Format;
use read::HubState;

/// What is to be shown, and since or until when.
#[derive(Debug, Clone, Copy)]
struct Limits {
    now: Timestamp,
    within: Duration,
}

/// Why something needs somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Reason {
    /// Its license has ended, and its grace too.
    Expired,
    /// Its license has ended and still works.
    InGrace,
    /// Its license ends soon.
    Ends,
    /// It was not seen for long.
    Silent,
    /// It is suspended, or its client is.
    Suspended,
    /// An admin key ends soon, or has ended.
    AdminKeyEnds,
    /// Numbers came in under names that the catalogue does not list.
    Unlisted,
}

impl Reason {
    /// In the order of urgency.
    const ALL: [Self; 7] = [
        Self::Expired,
        Self::InGrace,
        Self::Ends,
        Self::Silent,
        Self::Suspended,
        Self::AdminKeyEnds,
        Self::Unlisted,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::InGrace => "in_grace",
            Self::Ends => "ends",
            Self::Silent => "silent",
            Self::Suspended => "suspended",
            Self::AdminKeyEnds => "admin_key_ends",
            Self::Unlisted => "unlisted",
        }
    }
}

/// One thing that needs somebody.
#[derive(Debug, Serialize)]
pub(crate) struct Item {
    reason: Reason,
    /// Its handle.
    handle: String,
    /// The client that an instance belongs to.
    client: Option<String>,
    /// Since when, or when it will be so.
    at: Option<Timestamp>,
    /// Until when an instance in grace works.
    works_until: Option<Timestamp>,
    /// More, such as the reason of a suspension.
    detail: Option<String>,
}

/// The whole of it.
#[derive(Debug, Serialize)]
struct Status {
    hub: HubState,
    items: Vec<Item>,
    /// How many there are of each reason, also of those that are not among the items.
    counts: Counts,
}

/// How many things need somebody, for each reason.
#[derive(Debug, Default, Serialize)]
struct Counts {
    expired: usize,
    in_grace: usize,
    ends: usize,
    silent: usize,
    suspended: usize,
    admin_key_ends: usize,
    unlisted: usize,
}

impl Counts {
    fn of(items: &[Item]) -> Self {
        let mut counts = Self::default();
        for item in items {
            *match item.reason {
                Reason::Expired => &mut counts.expired,
                Reason::InGrace => &mut counts.in_grace,
                Reason::Ends => &mut counts.ends,
                Reason::Silent => &mut counts.silent,
                Reason::Suspended => &mut counts.suspended,
                Reason::AdminKeyEnds => &mut counts.admin_key_ends,
                Reason::Unlisted => &mut counts.unlisted,
            } += 1;
        }
        counts
    }
}

/// Runs it.
pub(super) async fn run(args: &StatusArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let limits = Limits { now: invocation.out.times().now, within: args.within.duration() };
    let hub = invocation.hub()?;
    let state = read::hub(hub, invocation.settings).await?;
    let mut items = Box::pin(read::items(hub, args, limits)).await?;
    items.sort_by_key(|item| Reason::ALL.iter().position(|reason| *reason == item.reason));
    let counts = Counts::of(&items);
    match invocation.out.format() {
        Format::Table | Format::Wide if invocation.out.is_plain() => {
            write_data(&screen::render(&state, &items, args, invocation.out))?;
        }
        Format::Table | Format::Wide | Format::Csv | Format::Name | Format::Jsonl => {
            invocation.out.list(&items, "nothing needs anybody")?;
        }
        _ => invocation.out.record(&Status { hub: state, items, counts }, "", &[])?,
    }
    Ok(Exit::Done)
}

impl Row for Item {
    const COLUMNS: &'static [Column] = &[
        column("REASON", 0),
        column("HANDLE", 0),
        column("CLIENT", 2),
        column("AT", 0),
        column("DETAIL", 1),
    ];

    const FIELDS: &'static [&'static str] =
        &["reason", "handle", "client", "at", "works_until", "detail"];

    fn handle(&self) -> String {
        self.handle.clone()
    }

    fn cells(&self, times: &Times) -> Vec<String> {
        vec![
            self.reason.as_str().to_owned(),
            self.handle.clone(),
            self.client.clone().unwrap_or_default(),
            self.at.map(|at| times.write(at)).unwrap_or_default(),
            self.detail.clone().unwrap_or_default(),
        ]
    }
}
