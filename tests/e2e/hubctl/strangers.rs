//! Keys where others can get at files and wires: folders that are shared, files that were planted, commands
//! that do not read, and hubs without TLS.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use hub_tests::fleet::{fingerprint, own_hub_key, own_license_key};
use hub_tests::{Hub, both_stores, ctl::Ctl};

use super::{error, files, key_in, license_of, own, ran};

const ISSUE: &str = "instance issue acme-1 --client acme --sink";

both_stores!(
    a_shared_folder_is_no_place_for_a_key,
    a_file_that_somebody_else_put_there_is_not_taken_over,
    a_pipe_beside_the_sink_is_not_waited_for,
    a_command_must_read_the_key_and_gets_no_other,
    a_line_of_a_step_begins_on_a_line_of_its_own,
    a_standard_output_that_loses_the_key_is_refused,
    the_next_step_names_only_a_file_that_is_the_key,
    a_license_file_may_have_any_line_ends,
    keys_are_not_sent_unencrypted_to_another_machine,
    what_is_no_text_is_not_taken_for_absent
);

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Gives a file to another user; false where only root could, and this is not root.
fn give_away(path: &Path) -> bool {
    chown(path, Some(65_534), Some(65_534)).is_ok()
}

/// In a sticky folder nobody takes a file away, but everybody can be there first.
async fn a_shared_folder_is_no_place_for_a_key(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    let shared = ctl.dir().join("shared");
    fs::create_dir(&shared).unwrap();
    for mode in [0o1777, 0o777, 0o775] {
        set_mode(&shared, mode);
        let refused = error(&ctl, &format!("{ISSUE} file:shared/key"), 13);
        assert_eq!(refused["code"], "sink_failed", "{mode:o}");
        own(&ctl, "shared/own", "");
        error(&ctl, &format!("{ISSUE} file:shared/own"), 13);
    }
    if give_away(&shared) {
        set_mode(&shared, 0o755);
        error(&ctl, &format!("{ISSUE} file:shared/key"), 13);
    }
    hub.admin().get("/api/v1/admin/instances/acme-1").await.expect(404).done();
    ran(&ctl, &format!("{ISSUE} file:shared/key --allow-open-folder"), 0);
    assert_eq!(license_of(&hub, "acme-1").await, fingerprint(&key_in(&ctl, "shared/key")));
}

/// Neither the file becomes the key's, nor the planted key the instance's.
async fn a_file_that_somebody_else_put_there_is_not_taken_over(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    let shared = ctl.dir().join("shared");
    fs::create_dir(&shared).unwrap();
    set_mode(&shared, 0o1777);
    let line = format!("{ISSUE} file:shared/key --allow-open-folder");
    let planted = own_license_key(1);
    for content in ["", planted.as_str()] {
        for mode in [0o644, 0o666] {
            own(&ctl, "shared/key", content);
            set_mode(&shared.join("key"), mode);
            assert_eq!(error(&ctl, &line, 13)["code"], "sink_failed");
        }
        own(&ctl, "shared/key", content);
        if give_away(&shared.join("key")) {
            assert_eq!(error(&ctl, &line, 13)["code"], "sink_failed");
        }
        assert_eq!(key_in(&ctl, "shared/key"), content);
        fs::remove_file(shared.join("key")).unwrap();
    }
    own(&ctl, "elsewhere", &planted);
    symlink(ctl.dir().join("elsewhere"), shared.join("key")).unwrap();
    error(&ctl, &line, 13);
    assert_eq!(key_in(&ctl, "elsewhere"), planted);
    hub.admin().get("/api/v1/admin/instances/acme-1").await.expect(404).done();
}

async fn a_pipe_beside_the_sink_is_not_waited_for(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    for name in [".key.hubctl", "pipe"] {
        assert_eq!(ctl.run_program("mkfifo", &[name]).code, 0);
    }
    ran(&ctl, &format!("{ISSUE} file:key"), 0);
    assert_eq!(license_of(&hub, "acme-1").await, fingerprint(&key_in(&ctl, "key")));
    error(&ctl, "instance issue acme-2 --client acme --sink file:pipe", 13);
    assert_eq!(files(&ctl), ["key", "pipe"]);
}

async fn a_command_must_read_the_key_and_gets_no_other(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    for unread in ["cmd:true", "cmd:exec <&-", "cmd:head -c 5 >part"] {
        // Whoever ends first, the key is still in the pipe.
        for _ in 0..10 {
            let args = ["instance", "issue", "acme-1", "--client", "acme", "--sink", unread];
            let _ = ctl.run(&args).expect(13);
        }
        hub.admin().get("/api/v1/admin/instances/acme-1").await.expect(404).done();
    }
    let sink = "cmd:cat >kept; env >env";
    let args = ["instance", "issue", "acme-1", "--client", "acme", "--sink", sink];
    let _ = ctl.run(&args).expect(0);
    assert_eq!(license_of(&hub, "acme-1").await, fingerprint(&key_in(&ctl, "kept")));
    let env = key_in(&ctl, "env");
    assert!(env.contains("HUBCTL_URL=") && !env.contains(hub.admin_key()), "{env}");
}

async fn a_line_of_a_step_begins_on_a_line_of_its_own(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    let output = ctl.dir().join("output");
    fs::write(&output, "other=value").unwrap();
    let ctl = ctl.env("GITHUB_OUTPUT", output.to_str().unwrap());
    ran(&ctl, &format!("{ISSUE} gha-output:license"), 0);
    let written = key_in(&ctl, "output");
    let (other, key) = written.split_once("\nlicense=").unwrap();
    assert_eq!((other, fingerprint(key)), ("other=value", license_of(&hub, "acme-1").await));
}

/// Closed, full, thrown away or read by nobody: nothing is issued, and no key is ended.
async fn a_standard_output_that_loses_the_key_is_refused(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    let license = hub.issue("acme", "acme-0").await.license_key;
    let lost = [">&-", ">/dev/null", ">/dev/full"];
    for lost in lost {
        for json in ["", "-o json"] {
            let issue = format!("hubctl {ISSUE} stdout {json} {lost}");
            assert_eq!(ctl.run_in("sh", &issue).code, 13, "{issue}");
            let rotate =
                format!("hubctl instance rotate-license acme-0 --sink stdout --yes {json} {lost}");
            assert_eq!(ctl.run_in("sh", &rotate).code, 13, "{rotate}");
        }
    }
    hub.admin().get("/api/v1/admin/instances/acme-1").await.expect(404).done();
    assert_eq!(license_of(&hub, "acme-0").await, fingerprint(&license));
    let told = ctl.run_in("sh", &format!("hubctl {ISSUE} stdout"));
    assert_eq!(license_of(&hub, "acme-1").await, fingerprint(told.stdout.trim_end()));
}

async fn the_next_step_names_only_a_file_that_is_the_key(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    let said = |n: u32, sink: &str| {
        let line = format!("instance issue acme-{n} --client acme --sink {sink}");
        ran(&ctl, &line, 0).stderr
    };
    assert!(said(1, "file:a.key").contains("--license-file a.key"));
    for (n, sink) in [(2, "env-file:a.env?var=KEY"), (3, "stdout"), (4, "cmd:cat>kept")] {
        let said = said(n, sink);
        assert!(!said.contains("--license-file"), "{sink}: {said}");
    }
}

async fn a_license_file_may_have_any_line_ends(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    let license = hub.issue("acme", "acme-1").await.license_key;
    for written in [
        format!("{license}\r\n"),
        format!("\u{feff}{license}\n"),
        format!("\n\n  {license}  \n\r\n\n"),
        license.clone(),
    ] {
        own(&ctl, "license", &written);
        ran(&ctl, "validate --license-file license", 0);
        ran(&ctl, "activate --license-file license --sink file:hub.key", 0);
    }
    for wrong in [format!("{license}\n{license}\n"), format!("{license} x"), String::new()] {
        own(&ctl, "license", &wrong);
        ran(&ctl, "validate --license-file license", 4);
    }
    let unreadable = error(&ctl, "validate --license-file none", 2);
    assert!(unreadable["message"].as_str().unwrap().contains("none"), "{unreadable}");
}

/// An address that is nobody's: what would be sent would not arrive, but it must not even be tried.
async fn keys_are_not_sent_unencrypted_to_another_machine(hub: Hub) {
    let key = own_hub_key(1);
    let ctl = || Ctl::default().env("HUBCTL_ADMIN_KEY", hub.admin_key());
    let at = |ctl: &Ctl| {
        own(ctl, "license", &own_license_key(1));
        own(ctl, "hub.key", &key);
    };
    let plain = ctl().env("HUBCTL_URL", "http://192.0.2.1:8200");
    let proxied = ctl().env("HUBCTL_URL", "http://hub.invalid").env("http_proxy", hub.base());
    for ctl in [plain, proxied] {
        at(&ctl);
        for line in [
            "whoami",
            "client list",
            "api GET /api/v1/admin/stats",
            "validate --license-file license",
            "activate --license-file license --sink file:new.key",
            "login other --admin-key-file license",
        ] {
            let refused = error(&ctl, line, 12);
            assert_eq!(refused["code"], "plain_http", "{line}");
        }
        assert!(!ctl.dir().join("new.key").exists());
    }
    // Only a clear yes is one.
    for (unclear, code) in [("0", 12), ("false", 12), ("off", 12), ("maybe", 12), ("yes", 9)] {
        let ctl = ctl().env("HUBCTL_URL", "http://hub.invalid").env("HUBCTL_RETRIES", "0");
        let ctl = ctl.env("HUBCTL_ALLOW_PLAIN_HTTP", unclear);
        ran(&ctl, "whoami", code);
    }
    // The proxy is the hub itself, which answers what it is asked.
    let allowed = ctl().env("HUBCTL_URL", "http://hub.invalid").env("http_proxy", hub.base());
    let said = allowed.run(&["whoami", "--allow-plain-http", "--retries", "0"]);
    assert_ne!(said.code, 12, "{}", said.stderr);
    ran(&ctl().env("HUBCTL_URL", hub.base()), "whoami", 0);
}

/// A setting that is wrong is refused where it is needed, and not read where it is not.
async fn what_is_no_text_is_not_taken_for_absent(hub: Hub) {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let run = |variables: &[(&str, &[u8])], args: &[&str]| {
        let ctl = Ctl::default();
        own(&ctl, "license", &own_license_key(1));
        let mut command = ctl.command(args);
        for (name, value) in variables {
            command.env(name, OsStr::from_bytes(value));
        }
        let output = command.stdin(std::process::Stdio::null()).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (url, key) = (hub.base().as_bytes(), hub.admin_key().as_bytes());
    let wrong: &[u8] = b"http://h\xff";
    let (code, said) = run(&[("HUBCTL_URL", wrong), ("HUBCTL_ADMIN_KEY", key)], &["whoami"]);
    assert!(code == Some(2) && said.contains("HUBCTL_URL"), "{said}");
    let (code, said) = run(&[("HUBCTL_URL", url), ("HUBCTL_ADMIN_KEY", wrong)], &["whoami"]);
    assert!(code == Some(2) && said.contains("HUBCTL_ADMIN_KEY"), "{said}");
    let validate = ["validate", "--license-file", "license"];
    let (code, said) = run(&[("HUBCTL_URL", url), ("HUBCTL_ADMIN_KEY", wrong)], &validate);
    assert_eq!(code, Some(4), "a license needs no admin key: {said}");

    // Contexts of somebody else, or that cannot be read at all.
    let contexts = |ctl: &Ctl| {
        fs::create_dir_all(ctl.dir().join("config/hubctl")).unwrap();
        own(ctl, "config/hubctl/contexts.toml", "[context.x]\nurl = 'http://127.0.0.1:1'\n");
        ctl.dir().join("config/hubctl/contexts.toml")
    };
    let ctl = Ctl::default();
    if give_away(&contexts(&ctl)) {
        let refused = error(&ctl, "whoami", 2);
        assert!(refused["message"].as_str().unwrap().contains("another user"), "{refused}");
    }
    let ctl = hub.ctl();
    set_mode(&contexts(&ctl), 0o644);
    ran(&ctl, "whoami", 0);
    own(&ctl, "license", &own_license_key(1));
    ran(&Ctl::default().env("HUBCTL_URL", hub.base()), "validate", 4);
    error(&ctl, "whoami -c x", 2);

    let ctl = Ctl::default().env("HUBCTL_URL", hub.base());
    own(&ctl, "key", hub.admin_key());
    ran(&ctl, "whoami --admin-key-file key", 0);
    set_mode(&ctl.dir().join("key"), 0o644);
    error(&ctl, "whoami --admin-key-file key", 2);
}
