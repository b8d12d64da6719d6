//! The commands that work without settings: they are offline, or settings are what they are about.

use hub_core::exit::Exit;

use super::{block_on, completion, context, doctor, help, hub, login, man, telemetry};
use crate::cli::{Cli, Command, Global, TelemetryCommand};
use crate::confirm::Consent;
use crate::error::Result;
use crate::output::Out;
use crate::settings::{Env, Variable};

/// What such a command works with.
pub(super) struct Local<'a> {
    /// The options of every command.
    pub(super) global: &'a Global,
    /// The environment.
    pub(super) env: &'a Env,
    /// Where output goes.
    pub(super) out: &'a Out,
    /// Who answers questions.
    pub(super) consent: Consent,
    /// Never ask.
    pub(super) no_input: bool,
}

/// Runs one of them; of any other command, nothing.
pub(super) fn run(cli: &Cli, env: &Env, out: &Out) -> Option<Result<Exit>> {
    let global = &cli.global;
    let no_input = global.no_input || env.is_on(Variable::NoInput);
    let consent = Consent::of(global, no_input);
    let local = Local { global, env, out, consent, no_input };
    Some(match &cli.command {
        // No runtime and no client.
        Command::Fingerprint => hub::fingerprint(out),
        Command::Telemetry(TelemetryCommand::Preview(args)) => telemetry::preview(args, out),
        Command::Completion(args) => completion::run(args),
        Command::Man(args) => man::run(args, out),
        Command::Help(args) => help::run(args, out),
        Command::Context(command) => block_on(context::run(command, &local)),
        Command::Login(args) => block_on(login::run(args, &local)),
        Command::Doctor => block_on(doctor::run(&local)),
        _ => return None,
    })
}
