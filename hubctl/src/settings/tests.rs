//! The layers, as a table; and that a key never leaves its hub.

use super::env::env_of;
use super::*;
use clap::Parser;

const KEY: &str = "lb_admin_00000000000000000000000000000001";
const FILE: &str = "/home/x/contexts.toml";

const CONTEXTS: &str = r#"
    current = "prod"
    [context.prod]
    url = "https://prod.example.org"
    admin_key = "lb_admin_00000000000000000000000000000001"
    cacert = "/etc/prod.pem"
    output = "json"
    [context.test]
    url = "http://127.0.0.1:8200"
    admin_key_file = "/keys/test"
    [context.bare]
    url = "http://127.0.0.1:8200"
"#;

fn settings(
    line: &str,
    env: &[(Variable, &str)],
    contexts: &str,
    local: Option<&str>,
) -> Result<Settings> {
    let args = std::iter::once("hubctl").chain(line.split_whitespace()).chain(["whoami"]);
    let global = crate::cli::Cli::try_parse_from(args).unwrap().global;
    let contexts: Contexts = toml::from_str(contexts).unwrap();
    let local = local.map(PathBuf::from);
    Settings::resolve(&global, &env_of(env), &contexts, Path::new(FILE), local)
}

fn key(settings: &Settings) -> String {
    match settings.key_source() {
        None => "none".to_owned(),
        Some(KeySource::File(path)) => path.display().to_string(),
        Some(KeySource::Text(text)) => text.to_string(),
        Some(KeySource::Unreadable(variable)) => format!("{} is no text", variable.name()),
        Some(KeySource::Key(key)) => format!("key {}", &key.expose()[38..]),
    }
}

/// Each row: command line, environment → URL and where from, key and where from.
#[test]
fn the_first_layer_that_says_something_wins() {
    use Variable::{AdminKey, AdminKeyFile, Context, Url};
    const PROD: &str = "https://prod.example.org";
    const OF_PROD: &str = "context prod (/home/x/contexts.toml)";
    const OF_TEST: &str = "context test (/home/x/contexts.toml)";
    type Row<'a> = (&'a str, &'a [(Variable, &'a str)], &'a str, &'a str, &'a str, &'a str);
    let rows: &[Row] = &[
        ("", &[], PROD, OF_PROD, "key 001", OF_PROD),
        ("", &[(Context, "test")], DEFAULT_URL, OF_TEST, "/keys/test", OF_TEST),
        ("-c test", &[(Context, "prod")], DEFAULT_URL, OF_TEST, "/keys/test", OF_TEST),
        ("", &[(AdminKey, "K")], PROD, OF_PROD, "K", "env HUBCTL_ADMIN_KEY"),
        ("", &[(AdminKeyFile, "f")], PROD, OF_PROD, "f", "env HUBCTL_ADMIN_KEY_FILE"),
        ("", &[(AdminKey, "K"), (AdminKeyFile, "f")], PROD, OF_PROD, "K", "env HUBCTL_ADMIN_KEY"),
        ("--admin-key-file f", &[(AdminKey, "K")], PROD, OF_PROD, "f", "flag"),
        ("-c bare", &[], DEFAULT_URL, "context bare (/home/x/contexts.toml)", "local", "./local"),
        ("", &[(Url, PROD)], PROD, "env HUBCTL_URL", "key 001", OF_PROD),
        ("--url https://prod.example.org/", &[], PROD, "flag", "key 001", OF_PROD),
        // Another hub's URL: the key stays at home.
        ("--url https://o.example.org", &[], "https://o.example.org", "flag", "none", "default"),
        ("", &[(Url, "http://10.0.0.1")], "http://10.0.0.1", "env HUBCTL_URL", "none", "default"),
        ("--url http://h", &[(Url, PROD)], "http://h", "flag", "none", "default"),
        ("--url http://localhost:1", &[], "http://localhost:1", "flag", "local", "./local"),
        (
            "-c test --url http://h",
            &[(AdminKey, "K")],
            "http://h",
            "flag",
            "K",
            "env HUBCTL_ADMIN_KEY",
        ),
    ];
    for (line, env, url, url_from, admin_key, key_from) in rows {
        let settings = settings(line, env, CONTEXTS, Some("local")).unwrap();
        let found = (written(&settings.url), settings.origins.url.to_string());
        assert_eq!(found, (*url, (*url_from).to_owned()), "hubctl {line} with {env:?}");
        let found = (key(&settings), settings.origins.admin_key.to_string());
        let expected = ((*admin_key).to_owned(), (*key_from).to_owned());
        assert_eq!(found, expected, "hubctl {line} with {env:?}");
    }
    let none = settings("", &[], "", None).unwrap();
    assert_eq!((written(&none.url), key(&none).as_str()), (DEFAULT_URL, "none"));
    assert_eq!(none.origins.url, Origin::Default);
}

/// Nothing that a context knows is used for another hub, and the failure says why.
#[test]
fn a_contexts_key_is_for_its_own_hub_alone() {
    for (line, env) in [
        ("--url https://prod.example.org.evil.example", None),
        ("--url http://prod.example.org", None),
        ("--url https://prod.example.org:8443", None),
        ("-c prod", Some("https://evil.example")),
    ] {
        let env: Vec<_> = env.map(|url| (Variable::Url, url)).into_iter().collect();
        let settings = settings(line, &env, CONTEXTS, None).unwrap();
        let failure = settings.admin_key().unwrap_err();
        assert!(failure.is(ErrorCode::AdminKeyMissing), "{line}");
        let hint = failure.parts().hint.clone().unwrap();
        assert!(hint.starts_with("the key of context prod is not sent to"), "{hint}");
        assert_eq!(settings.cacert, None, "{line}");
    }
    let own = settings("", &[], CONTEXTS, None).unwrap();
    assert_eq!(own.admin_key().unwrap().expose(), KEY);
    assert_eq!(own.cacert.as_deref(), Some(Path::new("/etc/prod.pem")));
}

#[test]
fn the_rest_has_its_layers_too() {
    let env = [
        (Variable::Timeout, "5m"),
        (Variable::Retries, "7"),
        (Variable::NoInput, "1"),
        (Variable::Cacert, "env.pem"),
        (Variable::Output, "csv"),
    ];
    let flags = "--timeout 2 --retries 0 --no-input --cacert f.pem -o name";
    for (line, env, seconds, retries, no_input, cacert, format, from) in [
        ("", &env[..0], 30, 3, false, "/etc/prod.pem", Format::Json, "default"),
        ("", &env[..], 300, 7, true, "env.pem", Format::Csv, "env HUBCTL_TIMEOUT"),
        (flags, &env[..], 2, 0, true, "f.pem", Format::Name, "flag"),
    ] {
        let settings = settings(line, env, CONTEXTS, None).unwrap();
        assert_eq!(settings.timeout, Duration::from_secs(seconds), "{line}");
        assert_eq!((settings.retries, settings.no_input), (retries, no_input), "{line}");
        assert_eq!(settings.cacert.as_deref(), Some(Path::new(cacert)), "{line}");
        assert_eq!(settings.origins.output.value, format, "{line}");
        assert_eq!(settings.origins.timeout.to_string(), from);
    }
    for wrong in [(Variable::Timeout, "soon"), (Variable::Retries, "-1"), (Variable::Output, "x")] {
        let failure = settings("", &[wrong], "", None).err().unwrap();
        assert!(failure.parts().message.starts_with(wrong.0.name()), "{wrong:?}");
    }
}

/// A variable that says no is a layer like any other.
#[test]
fn a_variable_that_says_no_overrides_a_context() {
    let contexts =
        format!("{CONTEXTS}\n[context.open]\nurl = \"http://h\"\nallow_plain_http = true\n");
    let of = |env: &[(Variable, &str)]| {
        let settings = settings("-c open", env, &contexts, None).unwrap();
        let origins = &settings.origins;
        (
            settings.plain_http_is_allowed(),
            origins.allow_plain_http.to_string(),
            origins.no_input.to_string(),
        )
    };
    let context = "context open (/home/x/contexts.toml)".to_owned();
    assert_eq!(of(&[]), (true, context, "default".to_owned()));
    let no = of(&[(Variable::AllowPlainHttp, "0"), (Variable::NoInput, "0")]);
    let from = |name: &str| format!("env {name}");
    assert_eq!(no, (false, from("HUBCTL_ALLOW_PLAIN_HTTP"), from("HUBCTL_NO_INPUT")));
}

/// Whoever gives `-c` is told which of its values do not hold.
#[test]
fn a_named_context_says_what_overrides_it() {
    let url = (Variable::Url, "http://127.0.0.1:9");
    let all = [url, (Variable::AdminKey, KEY), (Variable::Output, "csv")];
    let warnings = |line| settings(line, &all, CONTEXTS, None).unwrap().warnings;
    assert_eq!(
        warnings("-c prod"),
        [
            "HUBCTL_URL overrides the url of context prod",
            "HUBCTL_ADMIN_KEY overrides the admin key of context prod",
            "HUBCTL_OUTPUT overrides the output of context prod",
        ]
    );
    assert_eq!(warnings("-c bare"), ["HUBCTL_URL overrides the url of context bare"]);
    assert!(warnings("-c prod --url http://h --admin-key-file f -o json").is_empty());
    assert!(warnings("").is_empty(), "it was not named");
}

#[test]
fn a_context_that_is_not_there_is_an_error() {
    for (line, env) in [("-c prd", None), ("", Some((Variable::Context, "prd")))] {
        let env: Vec<_> = env.into_iter().collect();
        let failure = settings(line, &env, CONTEXTS, None).err().unwrap();
        assert_eq!(failure.exit(), hub_core::exit::Exit::NotFound);
        assert_eq!(failure.parts().hint.as_deref(), Some("did you mean prod?"));
    }
}
