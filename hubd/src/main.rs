//! The program: settings, log, run, exit code.

use std::io::Write;
use std::process::ExitCode;

use hubd::config::{Command, ConfigError, resolve};

/// Requests and statements allocate much and briefly, in several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The hub failed; the operator has to fix the system or the database.
const FAILED: u8 = 1;
/// The settings are wrong. clap exits with the same code.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let private = hubd::lifecycle::forbid_core_dumps();
    let settings = match resolve(std::env::args_os(), std::env::vars_os()) {
        Ok(settings) => settings,
        Err(ConfigError::Usage(error)) => error.exit(),
        Err(error) => return fail(USAGE, &error),
    };
    let bootstrap_key = match settings.bootstrap_key.read() {
        Ok(key) => key,
        Err(error) => return fail(USAGE, &error),
    };
    if matches!(settings.command, Command::Config) {
        let text = settings.describe(bootstrap_key.as_ref());
        let written = std::io::stdout().write_all(text.as_bytes());
        return if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) };
    }
    if let Err(error) = hubd::observe::start(&settings.log, settings.log_format) {
        return fail(USAGE, &error);
    }
    if let Err(error) = private {
        tracing::warn!(%error, "core dumps could not be turned off");
    }
    match hubd::serve::run(settings, bootstrap_key) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(FAILED, &error),
    }
}

fn fail(code: u8, error: &dyn std::fmt::Display) -> ExitCode {
    // If standard error is closed, the exit code still tells.
    let _ = writeln!(std::io::stderr(), "error: {error}");
    ExitCode::from(code)
}
