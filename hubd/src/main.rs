//! The program: settings, log, run, exit code.

use std::io::Write;
use std::process::ExitCode;

use hubd::config::{Command, Settings};

/// For the operator to mend: settings, files, the database.
const FAILED: u8 = 1;
/// As clap exits.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let settings = match Settings::read(std::env::args_os(), std::env::vars_os()) {
        Ok(settings) => settings,
        Err(error) => return fail(USAGE, &error),
    };
    if settings.command == Command::Config {
        let written = std::io::stdout().write_all(settings.describe().as_bytes());
        return if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) };
    }
    if let Err(error) = hubd::observe::start(&settings.config.log) {
        return fail(USAGE, &error);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(FAILED, &error),
    };
    let outcome = runtime.block_on(async {
        match settings.command {
            Command::Serve | Command::Config => hubd::serve::serve(settings).await,
            Command::Migrate => hubd::serve::migrate(&settings).await,
            Command::Check => hubd::serve::check(&settings).await,
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(FAILED, &error),
    }
}

fn fail(code: u8, error: &dyn std::fmt::Display) -> ExitCode {
    // With nowhere to say it, the exit code has to do.
    let _ = writeln!(std::io::stderr(), "error: {error}");
    ExitCode::from(code)
}
