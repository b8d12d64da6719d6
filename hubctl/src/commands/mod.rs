//! What each command does, one file a noun; here is what they share, and which is run.

mod activate;
mod admin_key;
mod api;
mod audit;
mod client;
mod completion;
mod context;
mod doctor;
mod fleet;
mod help;
mod hub;
mod instance;
mod local;
mod login;
mod man;
mod suggest;
mod targets;
mod telemetry;
mod validate;

pub(crate) use instance::terms;

use std::cell::OnceCell;
use std::path::Path;

use hub_core::api::{Cursor, Endpoint, Limit, Page};
use hub_core::exit::Exit;
use hub_core::key::LicenseKey;
use hub_core::problem::ErrorCode;
use tokio::signal::unix::{Signal, SignalKind, signal};
use zeroize::Zeroizing;

use crate::cli::{Cli, Command};
use crate::client::Hub;
use crate::confirm::Consent;
use crate::error::{Failure, Result};
use crate::input;
use crate::output::{Out, Row};
use crate::settings::{Env, Settings, Style};
use crate::words::Format;

/// How many of several things are worked on at once.
const AT_ONCE: usize = 8;

/// What a command works with.
pub(crate) struct Context<'a> {
    out: &'a Out,
    settings: &'a Settings,
    consent: Consent,
    hub: OnceCell<Hub<'a>>,
}

impl<'a> Context<'a> {
    /// The hub; its client is built when the first command asks for it.
    fn hub(&self) -> Result<&Hub<'a>> {
        if self.hub.get().is_none() {
            let _ = self.hub.set(Hub::new(self.settings, self.out)?);
        }
        self.hub.get().ok_or_else(|| Failure::new(Exit::Bug, "bug", "there is no client"))
    }

    /// Writes a list, all its pages. One object a line is written while the next page is read.
    async fn list<E, T>(
        &self,
        handle: &str,
        most: Option<usize>,
        query: impl Fn(Option<Cursor>, Limit) -> E::Query,
        none: &str,
    ) -> Result<Exit>
    where
        E: Endpoint<Body = (), Reply = Page<T>>,
        T: Row,
    {
        let hub = self.hub()?;
        if self.out.format() == Format::Jsonl {
            hub.pages::<E, T>(handle, most, query, |page| self.out.list(&page, none)).await?;
        } else {
            let rows = hub.all::<E, T>(handle, most, query).await?;
            self.out.list(&rows, none)?;
        }
        Ok(Exit::Done)
    }

    /// Refuses to read two things from standard input.
    fn stdin_is_free(&self, path: &Path, option: &str) -> Result<()> {
        if path == Path::new("-") && self.settings.key_from_stdin() {
            return Err(Failure::usage(format!(
                "--admin-key-file and {option} cannot both be standard input"
            )));
        }
        Ok(())
    }

    /// Reads a license key; a malformed one is `None`.
    async fn license(&self, path: &Path) -> Result<Option<LicenseKey>> {
        let path = path.to_owned();
        let text: Zeroizing<String> =
            input::waiting(move || input::read_secret(&path, "the license")).await?;
        Ok(LicenseKey::parse(&text).ok())
    }
}

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
    if let Some(outcome) = local::run(&cli, env, &out) {
        return ended(outcome, &out);
    }
    match Settings::load(&cli.global, env) {
        Err(failure) => ended(Err(failure), &out),
        Ok(settings) => {
            let out = Out::new(style.preferring(settings.preferred));
            ended(online(cli, &settings, &out), &out)
        }
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
    // An error in JSON is all that standard error holds.
    let json = out.format().is_json();
    if !json {
        warn();
    }
    let consent = Consent::of(&cli.global, settings.no_input);
    let context = Context { out, settings, consent, hub: OnceCell::new() };
    block_on(async {
        match command(cli.command, &context).await {
            Err(failure) => Err(suggest::another_handle(&context, failure).await),
            done => done,
        }
    })
    .inspect(|_| {
        if json {
            warn();
        }
    })
}

/// Runs it to its end, or until a signal comes.
fn block_on(command: impl Future<Output = Result<Exit>>) -> Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Bug, "no_runtime", error.to_string()))?;
    let outcome = runtime.block_on(async {
        // Before anything is begun that a signal must not leave half done.
        let mut signals = Signals::catch()?;
        tokio::select! {
            outcome = command => outcome,
            failure = signals.any() => Err(failure),
        }
    });
    // A question that nobody answered still waits in its thread: do not wait for it.
    runtime.shutdown_background();
    outcome
}

async fn command(command: Command, context: &Context<'_>) -> Result<Exit> {
    match command {
        Command::Client(command) => client::run(command, context).await,
        Command::Instance(command) => instance::run(command, context).await,
        Command::Activate(args) => activate::run(args, context).await,
        Command::Validate(args) => validate::run(args, context).await,
        Command::Telemetry(command) => telemetry::run(command, context).await,
        Command::AdminKey(command) => admin_key::run(command, context).await,
        Command::Audit(command) => audit::run(command, context).await,
        Command::Stats => hub::stats(context).await,
        Command::Whoami => hub::whoami(context).await,
        Command::Version => hub::version(context).await,
        Command::Plan(args) => fleet::plan(args, context).await,
        Command::Apply(args) => fleet::apply(args, context).await,
        Command::Export(args) => fleet::export(args, context).await,
        Command::Api(args) => api::run(args, context).await,
        Command::Doctor
        | Command::Context(_)
        | Command::Login(_)
        | Command::Fingerprint
        | Command::Completion(_)
        | Command::Man(_)
        | Command::Help(_) => Err(Failure::new(Exit::Bug, "bug", "this needs no settings")),
    }
}

/// The signals that end a command. What was begun is dropped, and with it every temporary file.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn catch() -> Result<Self> {
        let failed =
            |error: std::io::Error| Failure::new(Exit::Bug, "no_signals", error.to_string());
        let interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let terminate = signal(SignalKind::terminate()).map_err(failed)?;
        Ok(Self { interrupt, terminate })
    }

    async fn any(&mut self) -> Failure {
        let exit = tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
        };
        Failure::new(exit, "interrupted", "interrupted; run the same command again")
    }
}

/// Adds what exists already to a failure that says so.
fn exists(code: ErrorCode, message: String, object: &impl serde::Serialize) -> Failure {
    Failure::of(code, message).existing(object).with(|parts| {
        parts.hint = Some("--if-not-exists takes it as it is".to_owned());
    })
}
