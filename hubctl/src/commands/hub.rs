//! `stats`, `whoami`, `version` and `fingerprint`.

use std::path::Path;

use hub_core::api::{GetStats, GetVersion, Version, Whoami};
use hub_core::exit::Exit;
use hub_core::key::{AdminKey, Fingerprint, HubKey, LicenseKey};
use serde::Serialize;

use super::Invocation;
use crate::error::{Failure, Result};
use crate::output::{Out, write_data};
use crate::words::Format;
use crate::{input, output};

/// `hubctl stats`
pub(super) async fn stats(invocation: &Invocation<'_>) -> Result<Exit> {
    let stats = invocation.hub()?.call::<GetStats>("", &(), &()).await?;
    let counts = stats.instances;
    let details = [
        ("CLIENTS", stats.clients.to_string()),
        ("INSTANCES", counts.total.to_string()),
        ("PENDING", counts.pending.to_string()),
        ("ACTIVE", counts.active.to_string()),
        ("SUSPENDED", counts.suspended.to_string()),
        ("ADMIN KEYS", stats.admin_keys.to_string()),
        ("REPORTS 24H", stats.reports_24h.to_string()),
        ("AUDIT EVENTS", stats.audit_events.to_string()),
        ("STORE BYTES", stats.store_bytes.to_string()),
        ("DATABASE", stats.database.clone()),
    ];
    invocation.out.record(&stats, &stats.clients.to_string(), &details)?;
    Ok(Exit::Done)
}

/// `hubctl whoami`
pub(super) async fn whoami(invocation: &Invocation<'_>) -> Result<Exit> {
    let identity = invocation.hub()?.call::<Whoami>("", &(), &()).await?;
    let details = [
        ("NAME", identity.name.to_string()),
        ("ROLE", identity.role.to_string()),
        ("FINGERPRINT", identity.fingerprint.to_string()),
        ("HUB", invocation.settings.url.as_str().trim_end_matches('/').to_owned()),
    ];
    invocation.out.record(&identity, identity.name.as_str(), &details)?;
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Versions<'a> {
    hubctl: &'static str,
    url: &'a str,
    hub: Option<&'a Version>,
}

/// `hubctl version`: shows its own version also when the hub cannot be reached.
pub(super) async fn version(invocation: &Invocation<'_>) -> Result<Exit> {
    let own = env!("CARGO_PKG_VERSION");
    let url = invocation.settings.url.as_str().trim_end_matches('/');
    let answer = invocation.hub()?.call::<GetVersion>("", &(), &()).await;
    let hub = answer.as_ref().ok();
    let mut details = vec![("HUBCTL", own.to_owned()), ("URL", url.to_owned())];
    if let Some(hub) = hub {
        details.push(("HUB", format!("{} {}", hub.name, hub.version)));
        details.push(("SCHEMA", hub.schema.to_string()));
    }
    invocation.out.record(&Versions { hubctl: own, url, hub }, own, &details)?;
    answer.map(|_| Exit::Done)
}

#[derive(Serialize)]
struct Fingerprinted {
    fingerprint: Fingerprint,
    kind: &'static str,
}

/// `hubctl fingerprint`
pub(super) fn fingerprint(out: &Out) -> Result<Exit> {
    output::reads(Path::new("-"));
    let text = input::read_secret(Path::new("-"), "the key")?;
    let license = LicenseKey::parse(&text).map(|key| ("license", key.hash()));
    let hub = || HubKey::parse(&text).map(|key| ("hub", key.hash()));
    let admin = || AdminKey::parse(&text).map(|key| ("admin", key.hash()));
    let (kind, hash) = license.or_else(|_| hub()).or_else(|_| admin()).map_err(|_| {
        Failure::usage("standard input holds no key")
            .hint("a key starts with lb_inst_, hk_ or lb_admin_")
    })?;
    let fingerprint = hash.fingerprint();
    match out.format() {
        Format::Table | Format::Wide | Format::Name => write_data(&format!("{fingerprint}\n"))?,
        _ => {
            let handle = fingerprint.to_string();
            let details = [("FINGERPRINT", handle.clone()), ("KIND", kind.to_owned())];
            out.record(&Fingerprinted { fingerprint, kind }, &handle, &details)?;
        }
    }
    Ok(Exit::Done)
}
