//! The same in zsh, where the tab key is pressed, and in fish, which tells what it would offer. Skipped where
//! they are not installed.

use std::fs;

use hub_core::api::Role;
use hub_tests::binaries;
use serde_json::json;

use super::*;

/// Takes the script from a hubctl whose path has blanks, and completes a line in an interactive zsh. What
/// the line is then is run: a function notes its last argument.
const ZSH: &str = r#"
zmodload zsh/zpty
typeset -g line
zpty shell 'zsh -f -i'
zpty -w shell 'autoload -Uz compinit; compinit -u -D; setopt nobeep
    eval "$("$PWD/my tools/hubctl" completion zsh)"
    hubctl() { print -rn -- "${@[-1]}" > completed; print D""ONE }; print REA""DY'
while zpty -r shell line; do [[ $line == *READY* ]] && break; done
zpty -w -n shell "$(<typed)"$'\t\r'
while zpty -r shell line; do [[ $line == *DONE* ]] && break; done
zpty -d shell
cat completed
"#;

const FISH: &str = r#""$PWD/my tools/hubctl" completion fish | source
complete -C (cat typed)"#;

/// What the last of these words becomes, if there is but one thing that it can be.
fn completed(ctl: &Ctl, shell: &str, typed: &str) -> String {
    fs::write(ctl.dir().join("typed"), typed).unwrap();
    let script = if shell == "zsh" { ZSH } else { FISH };
    let ran = ctl.run_in(shell, script).expect(0);
    assert_eq!(ran.stderr, "", "{shell}: {typed}");
    // fish tells after a tab what it is.
    let lines: Vec<&str> = ran.stdout.lines().filter_map(|line| line.split('\t').next()).collect();
    assert_eq!(lines.len(), 1, "{shell}: {typed}: {lines:?}");
    lines[0].to_owned()
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn is_installed(ctl: &Ctl, shell: &str) -> bool {
    let found = ctl.run_in("sh", &format!("command -v {shell}")).code == 0;
    if !found {
        eprintln!("SKIPPED: {shell} is not installed");
    }
    found
}

both_stores!(zsh_and_fish_complete_what_bash_does);

async fn zsh_and_fish_complete_what_bash_does(hub: Hub) {
    hub.client("acme").await;
    hub.client("globex").await;
    hub.issue_with("acme", "acme-prod", json!({"labels": {"env": "prod"}})).await;
    let _ = hub.admin_key_of("ci", Role::Viewer).await;
    let ctl = hub.ctl();
    for folder in ["my tools", "keys of acme"] {
        fs::create_dir(ctl.dir().join(folder)).unwrap();
    }
    let program = ctl.dir().join("my tools/hubctl");
    std::os::unix::fs::symlink(binaries::hubctl(), program).unwrap();
    for file in ["fleet one.toml", "keys of acme/a.key", "owner.key"] {
        fs::write(ctl.dir().join(file), "").unwrap();
    }
    for shell in ["zsh", "fish"].into_iter().filter(|shell| is_installed(&ctl, shell)) {
        let url = hub.base();
        for (typed, expected) in [
            // Handles and labels' keys, of the hub that an earlier word names.
            ("hubctl client get gl", "globex"),
            ("hubctl instance suspend ac", "acme-prod"),
            ("hubctl admin-key revoke c", "ci"),
            ("hubctl instance list --label en", "env="),
            (&format!("hubctl --url {url} client get gl"), "globex"),
            (&format!("hubctl --url {url} instance list --status exp"), "expired"),
            // Values.
            ("hubctl instance list --status pen", "pending"),
            ("hubctl client list --status sus", "suspended"),
            ("hubctl admin-key create x --role prov", "provisioner"),
            ("hubctl audit list --action client.del", "client.delete"),
            ("hubctl telemetry series --step 1d", "1d"),
            // Files, with blanks in their names and quotes around them.
            ("hubctl plan -f fl", "fleet one.toml"),
            ("hubctl plan -f ./fl", "./fleet one.toml"),
            (r"hubctl plan -f fleet\ o", "fleet one.toml"),
            ("hubctl plan -f \"fleet o", "fleet one.toml"),
            (r"hubctl plan -f keys\ of\ acme/", "keys of acme/a.key"),
            ("hubctl plan -f keys", "keys of acme/"),
            ("hubctl instance issue x --sink file:ow", "file:owner.key"),
            ("hubctl instance issue x --sink file:fl", "file:fleet one.toml"),
            ("hubctl instance issue x --sink env-f", "env-file:"),
        ] {
            assert_eq!(completed(&ctl, shell, typed), expected, "{shell}: {typed}");
        }
    }
}
