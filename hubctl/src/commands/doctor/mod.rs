//! `hubctl doctor`: checks everything that a command needs, in the order in which it needs it.

mod key;
mod network;
mod report;

use std::path::Path;

use hub_core::exit::Exit;

use super::local::Local;
use crate::client::Hub;
use crate::error::Result;
use crate::folder::Folder;
use crate::settings::{ContextFile, Needs, Settings, written};
use report::Report;

/// Runs the checks, and says what to do. A check that depends on a failed one is skipped.
pub(super) async fn run(local: &Local<'_>) -> Result<Exit> {
    let mut report = Report::default();
    contexts(&mut report);
    match Settings::load(local.global, local.env, Needs::All) {
        Err(failure) if report.is_well() => report.fail("settings", &failure),
        Err(_) => {}
        Ok(settings) => {
            told(&settings, &mut report);
            sinks(&mut report);
            hub(&settings, local, &mut report).await;
        }
    }
    report.tell(local.out)
}

async fn hub(settings: &Settings, local: &Local<'_>, report: &mut Report) {
    let hub = match Hub::new(settings, local.out) {
        Ok(hub) => hub,
        Err(failure) => return report.fail("client", &failure),
    };
    if network::is_reached(settings, &hub, report).await {
        network::is_ready(&hub, report).await;
        network::fits(&hub, report).await;
        if key::is_accepted(settings, &hub, local.out, report).await {
            network::keeps_time(&hub, local.out, report).await;
        }
    }
}

/// The file of contexts.
fn contexts(report: &mut Report) {
    let read = ContextFile::own().and_then(|file| Ok((file.read()?, file)));
    match read {
        Err(failure) => report.fail("contexts", &failure),
        Ok((contexts, file)) => {
            let count = contexts.entries.len();
            report.ok("contexts", format!("{count} in {}", file.path().display()));
        }
    }
}

/// Which hub is used, with which key, and through which proxy.
fn told(settings: &Settings, report: &mut Report) {
    let url = written(&settings.url);
    let context = settings.context.as_ref();
    let context = context.map(|context| format!(", context {}", context.value)).unwrap_or_default();
    report.ok("settings", format!("{url} (from {}){context}", settings.origins.url));
    for warning in &settings.warnings {
        report.warn("settings", warning.clone(), "unset the variable, or leave --context out");
    }
    match settings.secrets_may_travel() {
        Err(failure) => report.fail("settings", &failure),
        Ok(()) if settings.plain_http_is_allowed() => {
            report.warn("settings", "keys may travel unencrypted".to_owned(), "use an https URL");
        }
        Ok(()) => {}
    }
    if let Some(variable) = settings.proxy {
        let name = variable.name();
        report.ok("proxy", format!("{name} is set; NO_PROXY lists the exceptions"));
    }
}

/// Whether keys can be put into files here.
fn sinks(report: &mut Report) {
    let fault = Folder::around(Path::new("x")).ok().and_then(|folder| folder.fault());
    match fault {
        Some(fault) => report.warn(
            "folder",
            format!("{}: --sink file: refuses it", fault.replace("its folder", "this folder")),
            "chmod go-w the folder, or put keys elsewhere",
        ),
        None => report.ok("folder", "keys can be put into files here".to_owned()),
    }
}
