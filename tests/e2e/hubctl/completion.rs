//! Completion in a real bash: commands, options and handles that exist; never an error, never a wait.

#[path = "completion/shells.rs"]
mod shells; // in zsh and fish

use std::net::TcpListener;

use hub_tests::ctl::Ctl;
use hub_tests::{Hub, both_stores};

use super::ran;

/// What bash offers for the last of these words. Nothing may be written to standard error.
fn offered(ctl: &Ctl, typed: &str) -> Vec<String> {
    let script = format!(
        r#"eval "$(hubctl completion bash)"
        registered=$(complete -p hubctl) || exit 1
        function=${{registered##*-F }}; function=${{function%% *}}
        COMP_WORDS=({typed}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        "$function" hubctl "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
        printf '%s\n' "${{COMPREPLY[@]}}""#
    );
    let ran = ctl.run_in("bash", &script).expect(0);
    assert_eq!(ran.stderr, "", "{typed}");
    ran.stdout.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// The handles among the offered words.
fn handles(ctl: &Ctl, typed: &str) -> Vec<String> {
    let mut handles = offered(ctl, typed);
    handles.retain(|word| !word.starts_with('-'));
    handles
}

both_stores!(handles_that_exist_are_offered, contexts_are_offered_and_heeded);

async fn handles_that_exist_are_offered(hub: Hub) {
    for client in ["acme", "acme-labs", "globex"] {
        hub.client(client).await;
    }
    hub.issue("acme", "acme-prod").await;
    let ctl = hub.ctl();
    assert_eq!(handles(&ctl, "hubctl client get ''"), ["acme", "acme-labs", "globex"]);
    let plain = ["acme", "acme-labs", "globex"];
    assert_eq!(offered(&ctl, "hubctl client get ''"), plain, "options only after a hyphen");
    assert_eq!(handles(&ctl, "hubctl client get acme-"), ["acme-labs"]);
    assert_eq!(handles(&ctl, "hubctl clients suspend glo"), ["globex"]);
    assert_eq!(handles(&ctl, "hubctl instance get ''"), ["acme-prod"]);
    assert_eq!(handles(&ctl, "hubctl instance delete ''"), ["acme-prod"]);
    assert_eq!(handles(&ctl, "hubctl instance issue new --client g"), ["globex"]);
    assert_eq!(handles(&ctl, "hubctl admin-key revoke ''"), ["owner"]);
    assert_eq!(handles(&ctl, "hubctl instance issue ''"), [""; 0], "a new one has a new handle");
    let ctl = ctl.env("HUBCTL_URL", "http://127.0.0.1:9");
    assert_eq!(handles(&ctl, "hubctl client get ''"), [""; 0]);
    let line = format!("hubctl --url {} client get glo", hub.base());
    assert_eq!(handles(&ctl, &line), ["globex"], "what was typed before is heeded");
}

async fn contexts_are_offered_and_heeded(hub: Hub) {
    hub.client("globex").await;
    let ctl = Ctl::default().stdin(hub.admin_key());
    ran(&ctl, &format!("login prod --url {} --admin-key-file -", hub.base()), 0);
    ran(&ctl, "context add test --url http://127.0.0.1:9", 0);
    ran(&ctl, "context use test", 0);
    assert_eq!(handles(&ctl, "hubctl context use ''"), ["prod", "test"]);
    assert_eq!(handles(&ctl, "hubctl -c p"), ["prod"]);
    assert_eq!(handles(&ctl, "hubctl client get ''"), [""; 0]);
    assert_eq!(handles(&ctl, "hubctl -c prod client get ''"), ["globex"]);
    assert_eq!(handles(&ctl, "hubctl client get -c prod ''"), ["globex"]);
}

#[test]
fn commands_and_options_are_offered_without_a_hub() {
    let ctl = Ctl::default();
    let options = offered(&ctl, "hubctl context list ''");
    assert!(options.contains(&"--output".to_owned()), "where there is nothing else: {options:?}");
    assert!(offered(&ctl, "hubctl context list --").contains(&"--output".to_owned()));
    assert_eq!(offered(&ctl, "hubctl cl"), ["client"]);
    assert_eq!(handles(&ctl, "hubctl context ''"), ["list", "use", "show", "add", "remove"]);
    assert_eq!(offered(&ctl, "hubctl context ge"), ["get"], "an alias can be typed");
    assert_eq!(offered(&ctl, "hubctl client list --outp"), ["--output"]);
    assert!(offered(&ctl, "hubctl -o ''").contains(&"json".to_owned()));
    assert_eq!(handles(&ctl, "hubctl help exi"), ["exit-codes"]);
    assert!(handles(&ctl, "hubctl completion ''").contains(&"zsh".to_owned()));
}

/// Without a hub that answers or without a key, nothing is offered and nothing is said.
#[test]
fn a_dead_hub_offers_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    for url in ["http://127.0.0.1:9", "http://hub.invalid", &silent, "ftp://nonsense"] {
        let key = "lb_admin_00000000000000000000000000000001";
        let ctl = Ctl::default().env("HUBCTL_URL", url).env("HUBCTL_ADMIN_KEY", key);
        assert_eq!(handles(&ctl, "hubctl instance get ''"), [""; 0], "{url}");
        let ctl = ctl.env("HUBCTL_ADMIN_KEY", "").env("HUBCTL_ADMIN_KEY_FILE", "nowhere");
        assert_eq!(handles(&ctl, "hubctl instance get ''"), [""; 0], "{url}");
    }
    // A file that nobody ever writes into.
    let ctl = Ctl::default().env("HUBCTL_ADMIN_KEY_FILE", "pipe");
    let _ = ctl.run_program("mkfifo", &["pipe"]).expect(0);
    assert_eq!(handles(&ctl, "hubctl instance get ''"), [""; 0]);
}

#[test]
fn each_shell_has_its_script() {
    let ctl = Ctl::default();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = ran(&ctl, &format!("completion {shell}"), 0).stdout;
        assert!(script.contains("HUBCTL_COMPLETE") && script.contains("hubctl"), "{shell}");
    }
    ran(&ctl, "completion csh", 2);
}
