//! Help, manual pages, and usage errors in the chosen format.

use std::process::Command;

use hub_core::exit::Exit;
use hub_tests::ctl::Ctl;
use serde_json::Value;

use super::snapshot::compare;
use super::{json, ran, words};

#[test]
fn topics_are_explained() {
    let ctl = Ctl::default();
    let codes = ran(&ctl, "help exit-codes", 0).stdout;
    let listed = json(&ctl, "help exit-codes");
    for (at, exit) in Exit::ALL.iter().enumerate() {
        assert!(codes.contains(exit.meaning()), "{exit:?}:\n{codes}");
        let row = &listed[at];
        assert_eq!((&row["exit"], &row["meaning"]), (&exit.code().into(), &exit.meaning().into()));
        let again = matches!(row["retry"].as_str(), Some("yes" | "later"));
        assert_eq!(again, exit.retryable(), "{exit:?}");
    }
    let environment = ran(&ctl, "help environment", 0).stdout;
    for name in ["HUBCTL_URL", "HUBCTL_ADMIN_KEY_FILE", "HUBCTL_CONTEXT", "HUBCTL_TIMEOUT"] {
        assert!(environment.contains(name), "{name}:\n{environment}");
    }
    assert!(ran(&ctl, "help output", 0).stdout.contains("  json "));
    assert!(ran(&ctl, "help fleet", 0).stdout.contains("[[client.instance]]"));
}

/// `help COMMAND` says what `COMMAND --help` says.
#[test]
fn commands_are_explained() {
    let ctl = Ctl::default();
    for command in ["", "client", "client list", "instances issue", "login", "help"] {
        let help = ran(&ctl, &format!("help {command}"), 0).stdout;
        assert_eq!(help, ran(&ctl, &format!("{command} --help"), 0).stdout, "{command}");
        assert!(help.contains("Usage: hubctl") && help.ends_with('\n'), "{command}:\n{help}");
    }
    let nested = ran(&ctl, "client help list", 0).stdout;
    assert_eq!(nested, ran(&ctl, "client list --help", 0).stdout);
    assert_eq!(ran(&ctl, "client help", 0).stdout, ran(&ctl, "client --help", 0).stdout);
    ran(&ctl, "client help lst", 2);
    compare("help_for_no_command", &ran(&ctl, "help clint", 2).stderr);
}

#[test]
fn each_command_has_a_manual_page() {
    let ctl = Ctl::default();
    let page = ran(&ctl, "man", 0).stdout;
    assert!(page.contains("EXIT STATUS") && page.contains("ENVIRONMENT"), "{page}");
    let page = ran(&ctl, "man client create", 0).stdout;
    assert!(page.contains(".TH hubctl-client-create 1"), "{page}");
    ran(&ctl, "man client crate", 2);
    ran(&ctl, "man --out pages", 0);
    for file in ["hubctl.1", "hubctl-login.1", "hubctl-context-show.1", "hubctl-help.1"] {
        let path = ctl.dir().join("pages").join(file);
        assert!(path.is_file(), "{file}");
        // If a formatter is installed, it has no warning about the page.
        let groff = Command::new("groff").args(["-man", "-Tutf8", "-ww"]).arg(&path).output();
        if let Ok(formatted) = groff {
            let said = String::from_utf8_lossy(&formatted.stderr).into_owned();
            assert!(formatted.status.success() && said.is_empty(), "{file}: {said}");
            let text = String::from_utf8_lossy(&formatted.stdout);
            assert!(file != "hubctl.1" || text.contains("not authenticated"), "{text}");
        }
    }
}

/// However JSON is asked for, a usage error is one JSON document.
#[test]
fn usage_errors_are_json_however_it_is_asked_for() {
    let one_document = |ctl: &Ctl, line: &str| {
        let ran = ran(ctl, line, 2);
        let document: Result<Value, _> = serde_json::from_str(&ran.stderr);
        let document = document.unwrap_or_else(|_| panic!("{line}:\n{}", ran.stderr));
        assert_eq!((&document["error"]["exit"], ran.stdout.as_str()), (&2.into(), ""), "{line}");
    };
    let ctl = Ctl::default();
    for line in [
        "--bogus -o json",
        "-ojson --bogus",
        "--bogus -o=json",
        "client --bogus --output json",
        "--output=json client lst",
        "-qo json --bogus",
        "context -yo=json",
    ] {
        one_document(&ctl, line);
    }
    one_document(&Ctl::default().env("HUBCTL_OUTPUT", "json"), "--bogus");
    let overridden = Ctl::default().env("HUBCTL_OUTPUT", "json");
    assert!(ran(&overridden, "--bogus -o table", 2).stderr.starts_with("error[usage]"));
    assert!(ran(&ctl, "--bogus json", 2).stderr.starts_with("error[usage]"));
}

/// What is not needed is not read, and what is needed is not taken for absent.
#[test]
fn a_setting_counts_when_it_is_needed() {
    let ctl = Ctl::default().env("HUBCTL_OUTPUT", "bogus").env("HUBCTL_URL", "https://127.0.0.1:1");
    for line in ["context list -q", "context list -o json"] {
        ran(&ctl, line, 0);
    }
    ran(&ctl, "context list", 2);
    for (name, content) in [("empty.pem", ""), ("junk.pem", "junk")] {
        std::fs::write(ctl.dir().join(name), content).unwrap();
        let said = ran(&ctl, &format!("version -o json --cacert {name}"), 2).stderr;
        assert!(said.contains("--cacert is not a file of PEM certificates"), "{said}");
    }
}

/// A command that needs no hub opens no socket, reads no contexts and starts no thread.
#[test]
fn help_is_had_without_anything() {
    let ctl = Ctl::default().env("HUBCTL_URL", "ftp://nonsense").env("HUBCTL_CONTEXT", "none");
    for line in ["--version", "--help", "help fleet", "man", "completion fish"] {
        ran(&ctl, line, 0);
    }
    let Ok(traced) = Command::new("strace")
        .args(["-f", "-e", "trace=socket,clone,clone3,epoll_create1"])
        .arg(hub_tests::binaries::hubctl())
        .args(words("--version"))
        .output()
    else {
        return;
    };
    let calls = String::from_utf8_lossy(&traced.stderr);
    assert!(!calls.contains("socket(") && !calls.contains("clone"), "{calls}");
}
