//! What each command does, one file a noun; here is which of them is run.
//!
//! `invocation` and `local` are what commands work with, `runtime` is what they run in.

mod activate;
mod admin_key;
mod api;
mod audit;
mod certificate;
mod client;
mod completion;
mod consented;
mod context;
mod doctor;
mod fleet;
mod help;
mod hub;
mod instance;
mod invocation;
mod local;
mod login;
mod man;
mod runtime;
mod status;
mod suggest;
mod targets;
mod telemetry;
mod validate;

use hub_core::exit::Exit;
use hub_core::model::Suspension;
use hub_core::problem::ErrorCode;
use hub_core::text::ReasonCode;
use serde_json::{Value, json};

use crate::cli::{CertificateCommand, Cli, Command, TelemetryCommand};
use crate::confirm::Consent;
use crate::error::{Failure, Result};
use crate::output::{FieldChange, Out};
use crate::settings::{Env, Needs, Settings, Style};
use invocation::Invocation;
use local::Local;
use runtime::block_on;

/// How many of several things are worked on at once.
const AT_ONCE: usize = 8;

/// Runs what was typed, and tells how it ended.
pub(crate) fn run(cli: Cli, env: &Env) -> Exit {
    let style = match Style::resolve(&cli.global, env) {
        Ok(style) => style,
        Err(failure) => {
            crate::output::early_failure(&failure, false);
            return failure.exit();
        }
    };
    let out = Out::new(style.clone());
    if let Some(outcome) = offline(&cli, env, &out) {
        return ended(outcome, &out);
    }
    match Settings::load(&cli.global, env, needs(&cli.command)) {
        Err(failure) => ended(Err(failure), &out),
        Ok(settings) => {
            let out = Out::new(style.preferring(settings.preferred));
            ended(online(cli, &settings, &out), &out)
        }
    }
}

/// Runs a command that works without settings; `None` for every other command.
fn offline(cli: &Cli, env: &Env, out: &Out) -> Option<Result<Exit>> {
    let local = Local::new(&cli.global, env, out);
    Some(match &cli.command {
        // No runtime and no client.
        Command::Fingerprint => hub::fingerprint(out),
        Command::Telemetry(TelemetryCommand::Preview(args)) if args.catalogue.is_some() => {
            telemetry::preview_offline(args, out)
        }
        Command::Certificate(CertificateCommand::Verify(args)) => {
            certificate::offline(args, args.jwks.as_deref()?, out)
        }
        Command::Completion(args) => completion::run(args),
        Command::Man(args) => man::run(args, out),
        Command::Help(args) => help::run(args, out),
        Command::Context(command) => block_on(context::run(command, &local)),
        Command::Login(args) => block_on(login::run(args, &local)),
        Command::Doctor => block_on(doctor::run(&local)),
        _ => return None,
    })
}

/// Which settings a command needs.
fn needs(command: &Command) -> Needs {
    match command {
        Command::Activate(_)
        | Command::Validate(_)
        | Command::Version
        | Command::Telemetry(TelemetryCommand::Send(_)) => Needs::Hub,
        _ => Needs::Admin,
    }
}

fn ended(outcome: Result<Exit>, out: &Out) -> Exit {
    outcome.unwrap_or_else(|failure| {
        out.failure(&failure);
        failure.exit()
    })
}

fn online(cli: Cli, settings: &Settings, out: &Out) -> Result<Exit> {
    let warn = || settings.warnings.iter().for_each(|warning| out.warn(warning));
    // With JSON errors, standard error must hold nothing else.
    let json = out.format().is_json();
    if !json {
        warn();
    }
    let consent = Consent::of(&cli.global, settings.no_input);
    let invocation = Invocation::new(out, settings, consent);
    block_on(async {
        match command(cli.command, &invocation).await {
            Err(failure) => Err(suggest::another_handle(&invocation, failure).await),
            done => done,
        }
    })
    .inspect(|_| {
        if json {
            warn();
        }
    })
}

async fn command(command: Command, invocation: &Invocation<'_>) -> Result<Exit> {
    match command {
        Command::Status(args) => status::run(&args, invocation).await,
        Command::Client(command) => client::run(command, invocation).await,
        Command::Instance(command) => instance::run(command, invocation).await,
        Command::Activate(args) => activate::run(args, invocation).await,
        Command::Validate(args) => validate::run(args, invocation).await,
        Command::Certificate(command) => certificate::run(command, invocation).await,
        Command::Telemetry(command) => telemetry::run(command, invocation).await,
        Command::AdminKey(command) => admin_key::run(command, invocation).await,
        Command::Audit(command) => audit::run(command, invocation).await,
        Command::Stats => hub::stats(invocation).await,
        Command::Whoami => hub::whoami(invocation).await,
        Command::Version => hub::version(invocation).await,
        Command::Plan(args) => fleet::plan(args, invocation).await,
        Command::Apply(args) => fleet::apply(args, invocation).await,
        Command::Export(args) => fleet::export(args, invocation).await,
        Command::Api(args) => api::run(args, invocation).await,
        Command::Doctor
        | Command::Context(_)
        | Command::Login(_)
        | Command::Fingerprint
        | Command::Completion(_)
        | Command::Man(_)
        | Command::Help(_) => Err(Failure::new(Exit::Bug, "bug", "this needs no settings")),
    }
}

/// An object as JSON, to compare fields with.
fn document(object: &impl serde::Serialize) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}

/// What suspending does to the fields of an object: one that is suspended already gets another reason.
fn suspension(
    status: impl serde::Serialize,
    present: Option<&Suspension>,
    reason: Option<&ReasonCode>,
) -> Vec<FieldChange> {
    let before = json!({"status": status, "reason": reason_of(present)});
    let reason = reason.or(reason_of(present));
    FieldChange::all(&json!({"status": "suspended", "reason": reason}), Some(&before))
}

/// What reactivating does to the fields of an object.
fn reactivation(status: impl serde::Serialize, present: Option<&Suspension>) -> Vec<FieldChange> {
    let before = json!({"status": "suspended", "reason": reason_of(present)});
    FieldChange::all(&json!({"status": status, "reason": null}), Some(&before))
}

fn reason_of(suspension: Option<&Suspension>) -> Option<&ReasonCode> {
    suspension.and_then(|suspension| suspension.reason.as_ref())
}

/// Adds what exists already to a failure that says so.
fn exists(code: ErrorCode, message: String, object: &impl serde::Serialize) -> Failure {
    Failure::of(code, message).existing(object).with(|parts| {
        parts.hint = Some("--if-not-exists accepts it unchanged".to_owned());
    })
}
