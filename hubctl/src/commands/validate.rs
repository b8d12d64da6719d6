//! `hubctl validate`

use hub_core::api::{LicenseSummary, Validate, ValidateRequest, Validated, Verdict};
use hub_core::exit::Exit;
use hub_core::key::Presented;
use hub_core::name::InstanceId;
use hub_core::problem::ErrorCode;
use serde::Serialize;

use super::Invocation;
use crate::cli::ValidateArgs;
use crate::error::Result;
use crate::output::{Column, Row, Times, column, write_data};
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
    let out = invocation.out;
    let whole = Whole::of(verdict);
    match out.format() {
        Format::Json | Format::Jsonl | Format::Yaml | Format::Env if out.is_plain() => {
            out.document(verdict)
        }
        Format::Name if verdict.instance_id.is_none() => Ok(()),
        Format::Table | Format::Wide if out.is_plain() => {
            write_data(&format!("{}\n", words(verdict, invocation)))
        }
        _ => out.one(&whole),
    }
}

fn words(verdict: &Validated, invocation: &Invocation<'_>) -> String {
    let mut words = verdict.code.as_str().to_owned();
    if let Some(instance) = &verdict.instance_id {
        words = format!("{words}   {instance}");
    }
    if let Some(license) = &verdict.license {
        let until = invocation.out.times().or_never(license.expires_at);
        let grace = if license.in_grace { ", in grace" } else { "" };
        words = format!("{words}   license {}   expires {until}{grace}", license.fingerprint);
    }
    words
}

/// A verdict with all its members, empty where the hub says nothing: who reads columns by their names
/// finds the same ones whatever the verdict is.
#[derive(Serialize)]
struct Whole<'a> {
    valid: bool,
    code: Verdict,
    instance_id: Option<&'a InstanceId>,
    license: Option<&'a LicenseSummary>,
}

impl<'a> Whole<'a> {
    fn of(verdict: &'a Validated) -> Self {
        Self {
            valid: verdict.valid,
            code: verdict.code,
            instance_id: verdict.instance_id.as_ref(),
            license: verdict.license.as_ref(),
        }
    }
}

impl Row for Whole<'_> {
    const COLUMNS: &'static [Column] = &[
        column("VALID", 0),
        column("CODE", 0),
        column("INSTANCE", 0),
        column("LICENSE", 0),
        column("EXPIRES", 0),
        column("IN GRACE", 0),
    ];

    const FIELDS: &'static [&'static str] = &[
        "valid",
        "code",
        "instance_id",
        "license.fingerprint",
        "license.expires_at",
        "license.in_grace",
        "license.entitlements",
    ];

    fn handle(&self) -> String {
        self.instance_id.map(ToString::to_string).unwrap_or_default()
    }

    fn cells(&self, times: &Times) -> Vec<String> {
        let fingerprint = self.license.map(|license| license.fingerprint.to_string());
        let expires = self.license.map(|license| times.or_never(license.expires_at));
        let in_grace = self.license.map(|license| license.in_grace.to_string());
        vec![
            self.valid.to_string(),
            self.code.as_str().to_owned(),
            self.handle(),
            fingerprint.unwrap_or_default(),
            expires.unwrap_or_default(),
            in_grace.unwrap_or_default(),
        ]
    }
}
