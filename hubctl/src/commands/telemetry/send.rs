//! `hubctl telemetry send`: sends a report unchanged, for the instance that a hub key belongs to.

use std::path::Path;

use hub_core::api::{Accepted, GetSelf, ReportQuery, ReportReply, SendReport};
use hub_core::exit::Exit;
use hub_core::key::HubKey;
use hub_core::name::InstanceId;
use hub_core::problem::ErrorCode;

use super::{Invocation, preview};
use crate::cli::SendArgs;
use crate::client::Call;
use crate::error::{Failure, Result};
use crate::output::{Out, write_data};
use crate::{input, output};

/// Runs it. The hub counts a report that is sent twice only once, by its id.
pub(super) async fn run(args: SendArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let key_file = invocation.settings.hub_key_file(args.hub_key_file)?;
    for path in [&key_file, &args.file] {
        output::reads(path);
    }
    let (key, report) = input::waiting(move || inputs(&key_file, &args.file)).await?;
    let instance = match args.instance {
        Some(instance) => instance,
        None => who_is(&key, invocation).await?,
    };
    let query = ReportQuery { dry_run: invocation.settings.dry_run.then_some(true) };
    let hub = invocation.hub()?;
    let sent = report.clone();
    let reply = hub.call_with_bytes::<SendReport>(instance.as_str(), &query, &key, report).await?;
    match reply {
        ReportReply::Accepted(accepted) => tell(&accepted, invocation.out),
        ReportReply::Preview(shown) => preview::tell(&shown, &sent, None, invocation.out),
    }
}

/// The hub key, and the bytes of the report.
fn inputs(key_file: &Path, file: &Path) -> Result<(HubKey, Vec<u8>)> {
    if key_file == Path::new("-") && file == Path::new("-") {
        return Err(Failure::usage("FILE and --hub-key-file cannot both be standard input"));
    }
    Ok((read_key(key_file)?, input::read_bytes(file, "the report")?))
}

/// Reads a hub key.
pub(super) fn read_key(file: &Path) -> Result<HubKey> {
    let text = input::read_secret(file, "the hub key")?;
    HubKey::parse(&text).map_err(|_| {
        Failure::of(ErrorCode::HubKeyInvalid, "the text that was given is not a hub key")
            .hint("a hub key starts with hk_; the file must hold nothing else")
    })
}

/// The instance that a hub key belongs to.
async fn who_is(key: &HubKey, invocation: &Invocation<'_>) -> Result<InstanceId> {
    let call = Call::<GetSelf> { hub_key: Some(key), ..Call::new("", &(), &()) };
    Ok(invocation.hub()?.answer(call).await?.value.instance_id)
}

fn tell(accepted: &Accepted, out: &Out) -> Result<Exit> {
    let Accepted { report_id, duplicate, redacted, reasons } = accepted;
    let why: Vec<String> = reasons.iter().map(|(reason, n)| format!("{n} {reason}")).collect();
    if out.format().is_table() {
        let stored = if *duplicate { "stored already" } else { "stored" };
        let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join(", ")) };
        let words = format!("report {report_id} {stored}   redacted {redacted}{why}\n");
        write_data(&words)?;
        return Ok(Exit::Done);
    }
    let details = [
        ("REPORT ID", report_id.clone()),
        ("DUPLICATE", duplicate.to_string()),
        ("REDACTED", redacted.to_string()),
        ("REASONS", why.join(", ")),
    ];
    out.record(accepted, report_id, &details)?;
    Ok(Exit::Done)
}
