//! The status as a person sees it.

use std::fmt::Write as _;
use std::time::Duration;

use super::read::HubState;
use super::{Item, Reason};
use crate::cli::StatusArgs;
use crate::output::{Hue, Out, bytes, counted, fitted};

/// How many things of one kind are shown.
const SHOWN: usize = 5;
/// A nightly backup was left out twice when the newest is older.
const STALE: Duration = Duration::from_hours(48);

/// The whole screen.
pub(super) fn render(state: &HubState, items: &[Item], args: &StatusArgs, out: &Out) -> String {
    let mut screen = String::new();
    let HubState { url, ready, doubted_clock, version, stats, .. } = state;
    let is = if *ready { out.hued(Hue::Good, "ready") } else { out.hued(Hue::Bad, "not ready") };
    let size = bytes(stats.store_bytes);
    let (name, version, schema) = (&version.name, &version.version, version.schema);
    let counts = stats.instances;
    line(&mut screen, out, "hub", &format!("{is}  {url}"));
    let database = &stats.database;
    let what = format!("{name} {version}, schema {schema}, {database}, {size}");
    line(&mut screen, out, "", &what);
    if let Some(doubted) = doubted_clock {
        let what = format!("the hub's clock says {}, which is doubted", doubted.says);
        line(&mut screen, out, &out.hued(Hue::Bad, "clock"), &what);
    }
    if let Some((hue, what)) = backup(state, out) {
        line(&mut screen, out, &out.hued(hue, "backup"), &what);
    }
    let fleet = format!(
        "{}, {}: {} active, {} pending, {} suspended",
        counted(stats.clients, "client"),
        counted(counts.total, "instance"),
        counts.active,
        counts.pending,
        counts.suspended
    );
    line(&mut screen, out, "fleet", &fleet);
    let reports = format!("{} in the last 24 h", counted(stats.reports_24h, "report"));
    line(&mut screen, out, "", &reports);
    screen.push('\n');
    for reason in Reason::ALL {
        let of: Vec<&Item> = items.iter().filter(|item| item.reason == reason).collect();
        for (at, item) in of.iter().take(SHOWN).enumerate() {
            let word = if at == 0 { title(reason) } else { "" };
            let hue = hue(reason);
            line(&mut screen, out, &out.hued(hue, word), &told(item, out));
        }
        if of.len() > SHOWN {
            let more = format!("and {} more: {}", of.len() - SHOWN, list(reason, args));
            line(&mut screen, out, "", &more);
        }
    }
    if items.is_empty() {
        let _ = writeln!(screen, "{}", out.hued(Hue::Good, "Nothing needs attention."));
    }
    screen
}

/// How old the newest backup is. PostgreSQL has backups of its own, of which the hub knows nothing.
fn backup(state: &HubState, out: &Out) -> Option<(Hue, String)> {
    if !state.ready || state.stats.database != "sqlite" {
        return None;
    }
    let Some(at) = state.last_backup else {
        return Some((Hue::Warn, "none: hubd backup makes one".to_owned()));
    };
    let times = out.times();
    let hue = if at < times.now.before(STALE) { Hue::Warn } else { Hue::Plain };
    Some((hue, format!("verified {}", times.write(at))))
}

/// A word in the margin, and what there is to say, wrapped between words.
fn line(screen: &mut String, out: &Out, word: &str, text: &str) {
    screen.push_str(&fitted(word, 11, text, out.columns()));
}

fn title(reason: Reason) -> &'static str {
    match reason {
        Reason::Expired => "expired",
        Reason::InGrace => "in grace",
        Reason::Ends => "ends",
        Reason::Silent => "silent",
        Reason::Suspended => "suspended",
        Reason::AdminKeyEnds => "admin key",
        Reason::Unlisted => "unlisted",
    }
}

fn hue(reason: Reason) -> Hue {
    match reason {
        Reason::Expired | Reason::Suspended => Hue::Bad,
        Reason::InGrace | Reason::Ends | Reason::Silent | Reason::AdminKeyEnds => Hue::Warn,
        Reason::Unlisted => Hue::Plain,
    }
}

fn told(item: &Item, out: &Out) -> String {
    let times = out.times();
    let handle = &item.handle;
    let at = item.at.map(|at| times.write(at)).unwrap_or_default();
    let detail = item.detail.as_deref().unwrap_or("no reason given");
    match item.reason {
        Reason::Expired => format!("{handle}  stopped working {at}"),
        Reason::InGrace => {
            let until = item.works_until.map(|until| times.write(until)).unwrap_or_default();
            format!("{handle}  ended {at}, stops working {until}")
        }
        Reason::Ends => format!("{handle}  {at}"),
        Reason::Silent if at.is_empty() => format!("{handle}  never seen"),
        Reason::Silent => format!("{handle}  last seen {at}"),
        Reason::Suspended => {
            let what = if item.client.is_none() { "client " } else { "" };
            format!("{what}{handle}  {detail}, since {at}")
        }
        Reason::AdminKeyEnds => format!("{handle}  ({detail}) ends {at}"),
        Reason::Unlisted => {
            format!("{detail} in 7 days under names that are not in the catalogue")
        }
    }
}

/// The command that shows all of them.
fn list(reason: Reason, args: &StatusArgs) -> String {
    match reason {
        Reason::Expired => "hubctl instance list --status expired".to_owned(),
        Reason::InGrace | Reason::Ends => {
            format!("hubctl instance list --expires-within {} --sort expires_at", args.within)
        }
        Reason::Silent => {
            format!("hubctl instance list --silent-for {} --sort last_seen_at", args.silent_for)
        }
        Reason::Suspended => "hubctl instance list --status suspended".to_owned(),
        Reason::AdminKeyEnds => "hubctl admin-key list".to_owned(),
        Reason::Unlisted => "hubctl telemetry catalogue get".to_owned(),
    }
}
