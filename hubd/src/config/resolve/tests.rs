//! Tests with made-up arguments and environments; none reads the process's own.

use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use super::*;

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn with(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let arguments = ["hubd"].iter().chain(arguments).map(OsString::from);
    resolve(arguments, environment.iter().map(|(name, value)| (name.into(), value.into())))
}

fn refused(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    with(arguments, environment).unwrap_err().to_string()
}

/// The line of `hubd config` for this setting.
fn line(settings: &Settings, name: &str) -> String {
    let key = settings.bootstrap_key.read().ok().flatten();
    let text = settings.describe(key.as_ref());
    let line = text.lines().find(|line| line.split_whitespace().next() == Some(name));
    line.unwrap_or_default().split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_defaults_need_no_configuration() {
    let settings = with(&[], &[("PATH", "/bin"), ("HUBDX", "1")]).unwrap();
    assert!(matches!(settings.command, Command::Serve));
    assert_eq!(settings.server.listen.to_string(), "127.0.0.1:8200");
    assert_eq!(settings.store.url.to_string(), "sqlite://hub-data/hub.db");
    assert_eq!(settings.hub.limits.trusted_proxies, []);
    assert!(!settings.store.pgbouncer);
    assert!(matches!(settings.bootstrap_key, BootstrapKey::Unset));
    assert!(settings.given.iter().all(|given| given.origin == Origin::Default));
    let text = settings.describe(None);
    assert_eq!(text.lines().count(), command().get_arguments().count());
}

#[test]
fn a_flag_beats_its_variable_and_that_the_default() {
    let listen = |arguments: &[&str], environment: &[(&str, &str)]| {
        line(&with(arguments, environment).unwrap(), "listen")
    };
    let variable = [("HUBD_LISTEN", "127.0.0.1:2")];
    assert_eq!(listen(&[], &[]), "127.0.0.1:8200 (default)");
    assert_eq!(listen(&[], &variable), "127.0.0.1:2 (environment)");
    assert_eq!(listen(&["--listen", "127.0.0.1:3"], &[]), "127.0.0.1:3 (flag)");
    assert_eq!(listen(&["--listen=127.0.0.1:3"], &variable), "127.0.0.1:3 (flag)");
    assert_eq!(listen(&["config", "--listen=127.0.0.1:3"], &variable), "127.0.0.1:3 (flag)");
    assert_eq!(listen(&["--listen=127.0.0.1:3", "config"], &variable), "127.0.0.1:3 (flag)");
    assert_eq!(listen(&["config"], &variable), "127.0.0.1:2 (environment)");
    assert_eq!(listen(&["config", "--"], &variable), "127.0.0.1:2 (environment)");
    // A variable that a flag overrides need not be valid.
    assert_eq!(listen(&["--listen=127.0.0.1:3"], &[("HUBD_LISTEN", "x")]), "127.0.0.1:3 (flag)");
}

#[test]
fn every_flag_has_its_variable() {
    for argument in command().get_arguments() {
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let variable = variable_of(argument);
        assert!(help.ends_with(&format!("[env: {variable}]")), "{help}");
        let value = match variable.as_str() {
            "HUBD_LISTEN" | "HUBD_METRICS_LISTEN" => "127.0.0.1:1",
            "HUBD_DATABASE_URL" => "sqlite://other.db",
            "HUBD_TRUSTED_PROXIES" => "10.0.0.0/8,192.0.2.0/24",
            "HUBD_ROLLUP_EVERY" => "20m",
            name if name.ends_with("_TIMEOUT") || name.ends_with("_PERIOD") => "3s",
            name if name.ends_with("_KEPT") => "20d",
            "HUBD_ACTIVATION_OVERLAP" => "3s",
            "HUBD_LOG_FORMAT" => "text",
            "HUBD_CERTIFICATE_LIFETIME" => "20d",
            "HUBD_MAX_REPORT_BYTES" => "2097152",
            "HUBD_PGBOUNCER" | "HUBD_ALLOW_PLAIN_HTTP" | "HUBD_ACCESS_LOG" => "true",
            _ => "7",
        };
        let settings = with(&[], &[(&variable, value)]).unwrap();
        let shown = line(&settings, &flag_of(argument));
        assert_eq!(shown, format!("{value} (environment)"), "{variable}");
    }
}

#[test]
fn values_reach_the_section_that_they_belong_to() {
    let settings = with(
        &["migrate", "--days-kept", "100d", "--database-connections", "3"],
        &[("HUBD_HEAD_TIMEOUT", "1m"), ("HUBD_TRUSTED_PROXIES", "10.0.0.0/8,::1/128")],
    );
    let settings = settings.unwrap();
    assert!(matches!(settings.command, Command::Migrate));
    assert_eq!(settings.hub.telemetry.days_kept, Duration::from_hours(2400));
    assert_eq!(settings.store.connections, 3);
    assert_eq!(settings.server.head_timeout, Duration::from_mins(1));
    assert_eq!(settings.hub.limits.trusted_proxies.len(), 2);
}

#[test]
fn an_empty_variable_is_unset() {
    let empty = [("HUBD_LISTEN", ""), ("HUBD_PGBOUNCER", ""), ("HUBD_ADMIN_API_KEY", "")];
    let settings = with(&["--admin-api-key-file=/a"], &empty).unwrap();
    assert_eq!(line_origin(&settings, "listen"), Origin::Default);
    assert!(matches!(settings.bootstrap_key, BootstrapKey::InFile(_)));
}

#[test]
fn variables_that_kubernetes_injects_pass() {
    let injected = [
        ("HUBD_SERVICE_HOST", "10.0.0.7"),
        ("HUBD_SERVICE_PORT_HTTP", "8200"),
        ("HUBD_PORT", "tcp://10.0.0.7:8200"),
        ("HUBD_PORT_8200_TCP_ADDR", "10.0.0.7"),
    ];
    assert_eq!(line_origin(&with(&[], &injected).unwrap(), "listen"), Origin::Default);
    assert!(refused(&[], &[("HUBD_PORTS", "1")]).contains("HUBD_PORTS"));
}

#[test]
fn addresses_are_taken_in_the_usual_spellings() {
    for (text, address) in [
        ("127.0.0.1:1", "127.0.0.1:1"),
        ("localhost:1", "127.0.0.1:1"),
        ("LOCALHOST:1", "127.0.0.1:1"),
        (":1", "0.0.0.0:1"),
        ("*:1", "0.0.0.0:1"),
        ("[::1]:1", "[::1]:1"),
        ("10.0.0.7", "10.0.0.7:8200"),
        ("::1", "[::1]:8200"),
        ("[::1]", "[::1]:8200"),
        ("localhost", "127.0.0.1:8200"),
    ] {
        let listen = with(&[], &[("HUBD_LISTEN", text)]).unwrap().server.listen;
        assert_eq!(listen.to_string(), address, "{text}");
        assert_eq!(with(&["--listen", text], &[]).unwrap().server.listen, listen);
    }
}

fn line_origin(settings: &Settings, name: &str) -> Origin {
    settings.given.iter().find(|given| given.name == name).unwrap().origin
}

#[test]
fn unknown_variables_are_refused_but_not_before_help() {
    let unknown = [("HUBD_LISTENN", "")];
    let said = refused(&[], &unknown);
    assert_eq!(said, "unknown variable HUBD_LISTENN: `hubd --help` lists all variables");
    let help = with(&["--help"], &unknown).unwrap_err();
    let ConfigError::Usage(help) = help else { panic!("{help}") };
    assert_eq!(help.exit_code(), 0);
    let help = help.to_string();
    for expected in ["[env: HUBD_LISTEN]", "[default: 127.0.0.1:8200]"] {
        assert!(help.contains(expected), "no {expected} in\n{help}");
    }
}

#[test]
fn a_value_that_is_no_text_is_refused_by_name() {
    for name in ["HUBD_DATA_DIR", "HUBD_ADMIN_API_KEY", "HUBD_DATABASE_URL"] {
        let value = OsString::from_vec(b"\xff\xfe".to_vec());
        let error = resolve(["hubd".into()], [(name.into(), value)]).unwrap_err();
        assert_eq!(error.to_string(), format!("the value of {name} is not UTF-8"));
    }
    let name = OsString::from_vec(b"HUBD_\xff".to_vec());
    let error = resolve(["hubd".into()], [(name, "1".into())]).unwrap_err();
    assert!(matches!(error, ConfigError::UnknownVariable(_)));
    let other = OsString::from_vec(b"\xff".to_vec());
    assert!(resolve(["hubd".into()], [("OTHER".into(), other)]).is_ok());
}

#[test]
fn a_bad_value_names_flag_and_variable() {
    expect_refusals(&[
        (
            "HUBD_LISTEN",
            "hub.example:8200",
            "--listen",
            "must be an address and a port, such as 127.0.0.1:8200, localhost:8200 or :8200",
        ),
        ("HUBD_QUEUE", "0", "--queue", "must be a number from 1 to 1000000"),
        ("HUBD_HOURS_KEPT", "1d", "--hours-kept", "must be a duration of at least 9d"),
        ("HUBD_DATABASE_CONNECTIONS", "1", "--database-connections", "1 is not in 2..=1000"),
        ("HUBD_PGBOUNCER", "maybe", "--pgbouncer", "must be true or false"),
        ("HUBD_TRUSTED_PROXIES", "10.0.0.0/8,x", "--trusted-proxies", "invalid IP address syntax"),
    ]);
    let flag = refused(&["--queue=0"], &[]);
    assert!(flag.contains("--queue") && flag.contains("must be a number"), "{flag}");
}

fn expect_refusals(rows: &[(&str, &str, &str, &str)]) {
    for (variable, value, flag, reason) in rows {
        let said = refused(&[], &[(variable, value)]);
        assert_eq!(said, format!("invalid value '{value}' for {flag} ({variable}): {reason}"));
    }
}

#[test]
fn a_switch_is_set_in_the_usual_spellings() {
    for (value, expected) in [
        ("1", true),
        ("yes", true),
        ("true", true),
        ("ON", true),
        ("0", false),
        ("no", false),
        ("False", false),
        ("off", false),
    ] {
        let settings = with(&[], &[("HUBD_PGBOUNCER", value)]).unwrap();
        assert_eq!(settings.store.pgbouncer, expected, "{value}");
        assert_eq!(line(&settings, "pgbouncer"), format!("{expected} (environment)"));
    }
    assert!(with(&["--pgbouncer"], &[("HUBD_PGBOUNCER", "no")]).unwrap().store.pgbouncer);
}

#[test]
fn the_bootstrap_key_is_set_in_one_way() {
    let key = [("HUBD_ADMIN_API_KEY", KEY)];
    let settings = with(&[], &key).unwrap();
    assert!(matches!(settings.bootstrap_key, BootstrapKey::Given(_)));
    let shown = line(&settings, "admin-api-key");
    assert!(shown.starts_with("<fingerprint ") && !shown.contains(KEY), "{shown}");
    assert!(!format!("{settings:?}").contains(KEY));

    let both = "set either HUBD_ADMIN_API_KEY or HUBD_ADMIN_API_KEY_FILE, not both";
    assert_eq!(refused(&["--admin-api-key-file=/a"], &key), both);
    assert_eq!(refused(&[], &[key[0], ("HUBD_ADMIN_API_KEY_FILE", "/a")]), both);
    let malformed = refused(&[], &[("HUBD_ADMIN_API_KEY", "hunter2")]);
    assert!(!malformed.contains("hunter2"), "{malformed}");
}

#[test]
fn a_key_file_is_read_when_the_key_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let settings = with(&["--admin-api-key-file", file.to_str().unwrap()], &[]).unwrap();
    let missing = settings.bootstrap_key.read().unwrap_err().to_string();
    assert!(missing.starts_with("cannot read the admin key file"), "{missing}");
    std::fs::write(&file, format!("{KEY}\r\n")).unwrap();
    assert_eq!(settings.bootstrap_key.read().unwrap().unwrap().expose(), KEY);
    std::fs::write(&file, "hunter2").unwrap();
    let malformed = settings.bootstrap_key.read().unwrap_err().to_string();
    assert!(!malformed.contains("hunter2"), "{malformed}");
}

#[test]
fn a_database_url_is_never_quoted_with_its_password() {
    let url = "postgres://hub:s3cret@db.example/hub";
    let masked = "postgres://hub@db.example:5432/hub";
    let settings = with(&[], &[("HUBD_DATABASE_URL", url)]).unwrap();
    assert_eq!(line(&settings, "database"), format!("{masked} (environment)"));
    assert_eq!(
        line(&with(&["--database", url], &[]).unwrap(), "database"),
        format!("{masked} (flag)")
    );
    let said =
        "--database (HUBD_DATABASE_URL) must be sqlite://PATH or postgres://USER@HOST/DATABASE";
    let wrong = "mysql://hub:s3cret@db.example/hub";
    assert_eq!(refused(&[], &[("HUBD_DATABASE_URL", wrong)]), said);
    assert_eq!(refused(&["--database", wrong], &[]), said);
}
