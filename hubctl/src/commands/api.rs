//! `hubctl api METHOD PATH`: any path, authenticated.

use hub_core::exit::Exit;

use serde_json::json;

use super::Invocation;
use super::targets::Outcome;
use crate::cli::ApiArgs;
use crate::error::Result;
use crate::input;
use crate::output::write_data;

/// Sends the request and writes the answer's body as it is.
pub(super) async fn run(args: ApiArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let body = match args.input {
        None => None,
        Some(path) => {
            invocation.stdin_is_free(&path, "--input")?;
            Some(input::waiting(move || input::read_bytes(&path, "the body")).await?)
        }
    };
    if invocation.settings.dry_run && args.method != http::Method::GET {
        let object = json!({"method": args.method.as_str(), "path": args.path});
        let what = format!("{} {}", args.method, args.path);
        return Outcome::would(&object, &args.path, &what, "send").tell(invocation);
    }
    let answer = invocation.hub()?.raw(args.method, &args.path, body).await?;
    let text = String::from_utf8_lossy(&answer.body);
    match text.trim_end() {
        // An empty answer must still be one JSON document.
        "" if invocation.out.format().is_json() => write_data("null\n")?,
        "" => {}
        text => write_data(&format!("{text}\n"))?,
    }
    Ok(Exit::Done)
}
