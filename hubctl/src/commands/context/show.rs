//! `hubctl context show`

use std::path::Path;

use hub_core::exit::Exit;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::cli::Global;
use crate::commands::local::Local;
use crate::error::Result;
use crate::output::{Column, Row, Times, column};
use crate::settings::{KeySource, Needs, Settings, written};
use crate::words::Format;

/// Shows the settings in effect, and where each comes from.
pub(super) fn run(name: Option<&str>, local: &Local<'_>) -> Result<Exit> {
    let name = name.map(str::to_owned).or_else(|| local.global.context.clone());
    let global = Global { context: name, ..local.global.clone() };
    let settings = Settings::load(&global, local.env, Needs::All)?;
    let held = held(&settings);
    match local.out.format() {
        Format::Table | Format::Wide | Format::Csv | Format::Name => local.out.list(&held, "")?,
        _ => local.out.record(&document(&held), "", &[])?,
    }
    for warning in &settings.warnings {
        local.out.warn(warning);
    }
    Ok(Exit::Done)
}

/// A setting, its value and where it comes from.
#[derive(Debug, Serialize)]
pub(crate) struct SettingRow {
    name: &'static str,
    value: Option<String>,
    origin: String,
}

fn document(held: &[SettingRow]) -> Value {
    let member = |held: &SettingRow| {
        (held.name.to_owned(), json!({"value": held.value, "origin": held.origin}))
    };
    Value::Object(held.iter().map(member).collect::<Map<_, _>>())
}

fn held(settings: &Settings) -> Vec<SettingRow> {
    let origins = &settings.origins;
    let chosen = settings.context.as_ref();
    let chosen_by = chosen.map_or_else(|| "default".to_owned(), |c| c.origin.to_string());
    let path = |path: &Path| path.display().to_string();
    let held = |name, value: Option<String>, origin: &dyn std::fmt::Display| SettingRow {
        name,
        value,
        origin: origin.to_string(),
    };
    let key_file = match settings.key_source() {
        Some(KeySource::File(file)) => Some(path(file)),
        _ => None,
    };
    let timeout = humantime::format_duration(settings.timeout).to_string();
    let proxy =
        settings.proxy.map_or_else(|| "default".to_owned(), |v| format!("env {}", v.name()));
    vec![
        held("context", chosen.map(|chosen| chosen.value.clone()), &chosen_by),
        held("url", Some(written(&settings.url).to_owned()), &origins.url),
        held("admin_key", key(settings), &origins.admin_key),
        held("admin_key_file", key_file, &origins.admin_key),
        held("output", Some(origins.output.value.name()), &origins.output.origin),
        held("timeout", Some(timeout), &origins.timeout),
        held("retries", Some(settings.retries.to_string()), &origins.retries),
        held("cacert", settings.cacert.as_deref().map(path), &origins.cacert),
        held("no_input", Some(settings.no_input.to_string()), &origins.no_input),
        held(
            "hub_key_file",
            settings.hub_key_file(None).ok().as_deref().map(path),
            &origins.hub_key_file,
        ),
        held(
            "allow_plain_http",
            Some(settings.plain_http_is_allowed().to_string()),
            &origins.allow_plain_http,
        ),
        // Its URL may hold a password.
        held("proxy", settings.proxy.map(|_| "set".to_owned()), &proxy),
    ]
}

/// The admin key's fingerprint, or why it cannot be read.
fn key(settings: &Settings) -> Option<String> {
    settings.key_source()?;
    if settings.key_from_stdin() {
        return Some("from standard input".to_owned());
    }
    Some(match settings.admin_key() {
        Ok(key) => key.hash().fingerprint().to_string(),
        Err(failure) => format!("unusable: {}", failure.parts().message),
    })
}

impl Row for SettingRow {
    const COLUMNS: &'static [Column] =
        &[column("NAME", 0), column("VALUE", 0), column("ORIGIN", 0)];

    fn handle(&self) -> String {
        self.name.to_owned()
    }

    fn cells(&self, _: &Times) -> Vec<String> {
        vec![self.name.to_owned(), self.value.clone().unwrap_or_default(), self.origin.clone()]
    }
}
