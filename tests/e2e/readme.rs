//! The README's tour, run as it is written: every block marked `sh tour`, in order, in one shell.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use hub_tests::{Hub, binaries, both_stores};

/// The address of the hub in the README.
const DOCUMENTED: &str = "http://127.0.0.1:8200";

fn tour() -> String {
    let readme = fs::read_to_string(binaries::workspace().join("README.md")).expect("a README");
    let blocks = readme.split("```sh tour\n").skip(1);
    blocks.map(|block| block.split("```").next().expect("a block ends")).collect()
}

both_stores!(the_tour_works_as_written);

async fn the_tour_works_as_written(hub: Hub) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = folder.path();
    // The folder that the README's first command leaves: programs and the hub's data.
    fs::create_dir_all(here.join("target/release")).expect("a folder");
    symlink(binaries::hubctl(), here.join("target/release/hubctl")).expect("a link");
    symlink(hub.data_dir(), here.join("hub-data")).expect("a link");
    let script = tour().replace(DOCUMENTED, hub.base());
    assert!(script.lines().count() > 8, "the README has a tour:\n{script}");

    let done = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .current_dir(here)
        .env("HUBCTL_URL", hub.base())
        // No contexts of the person's who runs the tests.
        .env("XDG_CONFIG_HOME", here)
        .output()
        .expect("bash runs");

    let (said, complaints) =
        (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{said}\n{complaints}");
    for expected in [
        "created client acme",
        "issued acme-prod",
        r#""hub_api_key":"hk_"#,
        r#""effective_status":"active""#,
        r#""duplicate":false,"redacted":1"#,
        r#""tool": "browser.navigate""#,
        r#""effective_status":"suspended""#,
        "instance.suspend",
        "admin_key.create",
    ] {
        assert!(said.contains(expected), "no {expected} in\n{said}\n{complaints}");
    }
    let license = fs::read_to_string(here.join("acme-prod.key")).expect("a key file");
    assert!(!said.contains(license.trim()), "the license key is shown nowhere");
}

/// The table of settings is complete.
#[test]
fn the_table_of_settings_has_every_flag() {
    let settings = binaries::workspace().join("docs/settings.md");
    let settings = fs::read_to_string(settings).expect("the settings");
    let help = Command::new(binaries::hubd()).arg("--help").output().expect("hubd runs");
    let help = String::from_utf8_lossy(&help.stdout);
    let variables: Vec<&str> = help
        .split(|c: char| !c.is_ascii_uppercase() && c != '_')
        .filter(|word| word.starts_with("HUBD_"))
        .collect();
    assert!(variables.len() > 10, "{help}");
    for variable in variables {
        assert!(settings.contains(&format!("`{variable}`")), "{variable} is not described");
    }
}
