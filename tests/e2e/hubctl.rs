//! hubctl, as operators and scripts use it: the real program against a real hub.

#[path = "hubctl/bulk.rs"]
mod bulk; // many at once, waiting, and what would be done
#[path = "hubctl/completion.rs"]
mod completion; // what a shell is offered
#[path = "hubctl/contexts.rs"]
mod contexts; // hubs that are remembered, and their keys
#[path = "hubctl/daily.rs"]
mod daily; // what needs somebody, many at once, what would change
#[path = "hubctl/delivery.rs"]
mod delivery; // where new keys go, whatever happens on the way
#[path = "hubctl/doctor.rs"]
mod doctor; // what keeps hubctl from working
#[path = "hubctl/documents.rs"]
mod documents; // what programs read
#[path = "hubctl/endings.rs"]
mod endings; // exit codes, and what is said
#[path = "hubctl/everyday.rs"]
mod everyday; // every command once, in each format
#[path = "hubctl/fleet_file.rs"]
mod fleet_file; // plan, apply, export
#[path = "hubctl/formats.rs"]
mod formats; // the same object in every form
#[path = "hubctl/kills.rs"]
mod kills; // killed at every step of a delivery, and run again
#[path = "hubctl/narrow.rs"]
mod narrow; // lines that fit, wrapped between words
#[path = "hubctl/one_question.rs"]
mod one_question; // several objects, one answer
#[path = "hubctl/screens.rs"]
mod screens; // whole outputs, as people see them
#[path = "hubctl/short_help.rs"]
mod short_help; // what fits on a screen
#[path = "hubctl/sinks.rs"]
mod sinks; // every place that a key can go to
#[path = "hubctl/snapshot.rs"]
mod snapshot; // how whole outputs are compared
#[path = "hubctl/strangers.rs"]
mod strangers; // keys where others can get at files and wires
#[path = "hubctl/telemetry.rs"]
mod telemetry; // reports in, usage out
#[path = "hubctl/terminal.rs"]
mod terminal; // questions, tables, colours
#[path = "hubctl/topics.rs"]
mod topics; // help, manual pages, and usage errors in JSON
#[path = "hubctl/waits.rs"]
mod waits; // what a person sees who waits

use std::os::unix::fs::PermissionsExt;

use hub_tests::Hub;
use hub_tests::ctl::{Ctl, Ran};
use hub_tests::fleet::text;
use serde_json::Value;

/// The arguments of a command line; no argument here holds a blank.
fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// Runs a command line and expects this exit code.
fn ran(ctl: &Ctl, line: &str, code: i32) -> Ran {
    let ran = ctl.run(&words(line));
    assert_eq!(ran.code, code, "hubctl {line}\nstdout:\n{}\nstderr:\n{}", ran.stdout, ran.stderr);
    ran
}

/// Runs a command line with `-o json`; gives its document.
fn json(ctl: &Ctl, line: &str) -> Value {
    ran(ctl, &format!("{line} -o json"), 0).json()
}

/// Runs a command line with `-o json` that must fail; gives the error. Standard output stays empty.
fn error(ctl: &Ctl, line: &str, code: i32) -> Value {
    let ran = ran(ctl, &format!("{line} -o json"), code);
    assert_eq!(ran.stdout, "", "hubctl {line}");
    let document: Value = serde_json::from_str(&ran.stderr)
        .unwrap_or_else(|_| panic!("hubctl {line}: not one JSON document:\n{}", ran.stderr));
    let error = document["error"].clone();
    assert_eq!(error["exit"], code, "hubctl {line}: {error}");
    for member in ["code", "message", "hint", "status", "request_id", "retryable"] {
        assert!(error.get(member).is_some(), "hubctl {line}: no {member} in {error}");
    }
    error
}

/// Writes a file that only its owner can read, in the folder that hubctl runs in.
fn own(ctl: &Ctl, file: &str, content: &str) {
    let path = ctl.dir().join(file);
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// The key in a file of the folder that hubctl runs in.
fn key_in(ctl: &Ctl, file: &str) -> String {
    let key = std::fs::read_to_string(ctl.dir().join(file));
    key.unwrap_or_else(|error| panic!("{file}: {error}")).trim_end().to_owned()
}

/// What lies in that folder.
fn files(ctl: &Ctl) -> Vec<String> {
    let names = std::fs::read_dir(ctl.dir()).unwrap().flatten();
    let mut names: Vec<String> =
        names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The fingerprint of an instance's license, as the hub has it.
async fn license_of(hub: &Hub, instance_id: &str) -> String {
    text(&hub.show(instance_id).await["license"], "fingerprint")
}
