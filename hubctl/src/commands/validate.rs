//! `hubctl validate`

use hub_core::api::{Validate, ValidateRequest, Validated, Verdict};
use hub_core::exit::Exit;
use hub_core::key::Presented;
use hub_core::problem::ErrorCode;

use super::Invocation;
use crate::cli::ValidateArgs;
use crate::error::Result;
use crate::output::write_data;
use crate::words::Format;

/// Asks the hub, and ends with the exit code with which an activation would be refused.
pub(super) async fn run(args: ValidateArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let verdict = match invocation.license(&args.license_file).await? {
        Some(key) => {
            let body = ValidateRequest { license_key: Presented(Ok(key)) };
            invocation.hub()?.call::<Validate>("", &(), &body).await?
        }
        // Text without the form of a key is no key: the hub need not be asked.
        None => Validated {
            valid: false,
            code: Verdict::Refused(ErrorCode::LicenseInvalid),
            instance_id: None,
            license: None,
        },
    };
    write(&verdict, invocation)?;
    Ok(match verdict.code {
        Verdict::Valid(_) => Exit::Done,
        Verdict::Refused(code) => code.exit(),
    })
}

fn write(verdict: &Validated, invocation: &Invocation<'_>) -> Result<()> {
    let handle = verdict.instance_id.as_ref().map_or("", |id| id.as_str());
    match invocation.out.format() {
        Format::Json | Format::Jsonl | Format::Yaml | Format::Env => {
            invocation.out.document(verdict)
        }
        Format::Name if handle.is_empty() => Ok(()),
        Format::Name => write_data(&format!("{handle}\n")),
        Format::Csv | Format::Markdown => {
            invocation.out.record(verdict, handle, &details(verdict, invocation))
        }
        Format::Table | Format::Wide => {
            let mut words = verdict.code.as_str().to_owned();
            if !handle.is_empty() {
                words = format!("{words}   {handle}");
            }
            if let Some(license) = &verdict.license {
                let until = invocation.out.times().or_never(license.expires_at);
                let grace = if license.in_grace { ", in grace" } else { "" };
                words =
                    format!("{words}   license {}   expires {until}{grace}", license.fingerprint);
            }
            write_data(&format!("{words}\n"))
        }
    }
}

fn details(verdict: &Validated, invocation: &Invocation<'_>) -> Vec<(&'static str, String)> {
    let license = verdict.license.as_ref();
    let fingerprint = license.map(|license| license.fingerprint.to_string());
    let expires = license.map(|license| invocation.out.times().or_never(license.expires_at));
    let in_grace = license.map(|license| license.in_grace.to_string());
    let instance = verdict.instance_id.as_ref().map(ToString::to_string);
    vec![
        ("VALID", verdict.valid.to_string()),
        ("CODE", verdict.code.as_str().to_owned()),
        ("INSTANCE", instance.unwrap_or_default()),
        ("LICENSE", fingerprint.unwrap_or_default()),
        ("EXPIRES", expires.unwrap_or_default()),
        ("IN GRACE", in_grace.unwrap_or_default()),
    ]
}
