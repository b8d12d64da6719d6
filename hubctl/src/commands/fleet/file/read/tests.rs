//! Faults are marked with § where they must be told.

use hub_core::fields::Patch;
use hub_core::text::DisplayName;

use super::*;

/// A text without its marks, and where these were.
fn marked(text: &str) -> (String, Vec<At>) {
    let mut places = Vec::new();
    let mut plain = String::new();
    for c in text.chars() {
        if c == '§' {
            let line = plain.matches('\n').count() + 1;
            let column = plain.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            places.push(At { line, column });
        } else {
            plain.push(c);
        }
    }
    (plain, places)
}

/// Reads a file with a fault at each mark, and gives what was said of them.
fn faults(text: &str, syntax: Syntax) -> Vec<String> {
    let (plain, places) = marked(text);
    let faults = read(&plain, syntax).expect_err(&plain);
    let told: Vec<At> = faults.iter().map(|fault| fault.at).collect();
    assert_eq!(told, places, "{syntax:?}:\n{text}\n{faults:?}");
    faults.into_iter().map(|fault| fault.message).collect()
}

/// A fleet with these members of its client or of its instance, in each syntax.
fn each(client: [&str; 3], instance: [&str; 3]) -> [(Syntax, String); 3] {
    let [c0, c1, c2] = client;
    let [i0, i1, i2] = instance;
    let toml = format!(
        "version = 1\nfleet = \"mine\"\n[[client]]\nslug = \"acme\"\n{c0}\n\
         [[client.instance]]\ninstance_id = \"acme-1\"\n{i0}\n"
    );
    let yaml = format!(
        "version: 1\nfleet: mine\nclient:\n  - slug: acme\n    {c1}\n    instance:\n      \
         - instance_id: acme-1\n        {i1}\n"
    );
    let json = format!(
        "{{\"version\": 1, \"fleet\": \"mine\", \"client\": [{{\"slug\": \"acme\"{c2},\n  \
         \"instance\": [\n\t{{\"instance_id\": \"acme-1\"{i2}}}]}}]}}"
    );
    [(Syntax::Toml, toml), (Syntax::Yaml, yaml), (Syntax::Json, json)]
}

const NONE: [&str; 3] = ["", "", ""];

/// Members of an instance in each syntax, and what is said of them.
const OF_INSTANCE: &[([&str; 3], &str)] = &[
    (
        ["§expirse_at = \"never\"", "§expirse_at: never", ", §\"expirse_at\": \"never\""],
        "unknown member expirse_at: did you mean expires_at?",
    ),
    (
        ["expires_at = §\"tomorrow\"", "expires_at: §tomorrow", ", \"expires_at\": §\"tomorrow\""],
        "expires_at must be an RFC 3339 time, such as 2027-12-31T00:00:00Z, or \"never\"",
    ),
    (
        ["grace_days = §91", "grace_days: §91", ", \"grace_days\": §91"],
        "grace_days must be a number from 0 to 90",
    ),
    (
        ["max_activations = §-1", "max_activations: §-1", ", \"max_activations\": §-1"],
        "max_activations must be a number from 0 to 1000000000, or \"none\"",
    ),
    (
        ["state = §\"gone\"", "state: §gone", ", \"state\": §\"gone\""],
        "state must be active, suspended or absent",
    ),
    (
        [
            "entitlements = [\"sso\", §\"NO\"]",
            "entitlements: [sso, §\"NO\"]",
            ", \"entitlements\": [\"sso\", §\"NO\"]",
        ],
        "entitlements must be a list of up to 64 of [a-z][a-z0-9_.-]{0,63}",
    ),
    (
        ["entitlements = §\"sso\"", "entitlements: §sso", ", \"entitlements\": §\"sso\""],
        "entitlements must be a list of up to 64 of [a-z][a-z0-9_.-]{0,63}",
    ),
    (
        [
            "labels = { a = \"x\", §b = 1 }",
            "labels: {a: x, §b: 1}",
            ", \"labels\": {\"a\": \"x\", §\"b\": 1}",
        ],
        "label b must be text: put it in quotes, such as \"1.10\"",
    ),
    (
        ["labels = { §B = \"x\" }", "labels: {§B: x}", ", \"labels\": {§\"B\": \"x\"}"],
        "a label must be key=value: key [a-z][a-z0-9_.-]{0,62}, value [A-Za-z0-9_.-]{0,63}",
    ),
    (
        [
            "labels = { §\"hubctl.fleet\" = \"mine\" }",
            "labels: {§hubctl.fleet: mine}",
            ", \"labels\": {§\"hubctl.fleet\": \"mine\"}",
        ],
        "hubctl.fleet is set by the line `fleet`: remove one",
    ),
    (["sink = §\"a.key\"", "sink: §a.key", ", \"sink\": §\"a.key\""], "sink must be"),
    (
        ["sink = §\"stdout\"", "sink: §stdout", ", \"sink\": §\"stdout\""],
        "sink must be a place for one key, and stdout is not: give file:PATH",
    ),
    (
        ["license_sha256 = §\"00\"", "license_sha256: §\"00\"", ", \"license_sha256\": §\"00\""],
        "license_sha256 must be a SHA-256 in 64 hex digits",
    ),
];

#[test]
fn wrong_members_of_an_instance_are_told_with_their_place_in_every_syntax() {
    for (members, message) in OF_INSTANCE {
        for (syntax, text) in each(NONE, *members) {
            let told = faults(&text, syntax);
            assert!(told.len() == 1 && told[0].starts_with(message), "{syntax:?}: {told:?}");
        }
    }
}

#[test]
fn wrong_members_of_a_client_are_told_with_their_place_in_every_syntax() {
    let cases: &[([&str; 3], &str)] = &[
        (["name = §\" \"", "name: §\" \"", ", \"name\": §\" \""], "name must be 1 to 128"),
        (
            ["external_ref = §\"a b\"", "external_ref: §a b", ", \"external_ref\": §\"a b\""],
            "external_ref must be 1 to 128 visible ASCII characters, or \"\" for nowhere",
        ),
        (
            ["§color = 1", "§color: 1", ", §\"color\": 1"],
            "unknown member color; [[client]] has slug, ",
        ),
        (
            ["labels = §[]", "labels: §[]", ", \"labels\": §[]"],
            "labels must be an object of up to 32",
        ),
    ];
    for (members, message) in cases {
        for (syntax, text) in each(*members, NONE) {
            let told = faults(&text, syntax);
            assert!(told.len() == 1 && told[0].starts_with(message), "{syntax:?}: {told:?}");
        }
    }
}

#[test]
fn a_sink_and_a_hash_exclude_each_other_in_every_syntax() {
    let hash = "0".repeat(64);
    let members = [
        format!("sink = \"file:a\"\n§license_sha256 = \"{hash}\""),
        format!("sink: file:a\n        §license_sha256: \"{hash}\""),
        format!(", \"sink\": \"file:a\", §\"license_sha256\": \"{hash}\""),
    ];
    for (syntax, text) in each(NONE, members.each_ref().map(String::as_str)) {
        assert!(faults(&text, syntax)[0].contains("give one of the two"));
    }
}

#[test]
fn every_fault_of_a_file_is_told() {
    let toml = "\
        version = §2\nfleet = §\"a b\"\n\
        [[client]]\nslug = \"acme\"\n\
        [[client.instance]]\ninstance_id = \"acme-1\"\nsink = \"file:a\"\n\
        [[client.instance]]\n§instance_id = \"acme-1\"\nsink = §\"file:a\"\n\
        §[[client]]\nname = \"x\"\n\
        [[client]]\n§slug = \"acme\"\ninstance = §3\n";
    let told = faults(toml, Syntax::Toml);
    let expected = [
        "version must be 1",
        "fleet must be 1 to 63",
        "instance acme-1 is in this file already, at 6:1",
        "a sink is for one instance: this sink is in this file already, at 7:8",
        "slug is required in [[client]]",
        "client acme is in this file already, at 4:1",
        "instance must be a list of tables",
    ];
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told}");
    }
    let yaml = "version: 1\nclient:\n- {slug: acme, §slug: acme}\n- §3\n";
    assert_eq!(faults(yaml, Syntax::Yaml)[0], "slug is given more than once");
    let json = "{\"version\": 1, \"client\": [{\"slug\": \"acme\", \"labels\": {\"a\": \"1\", §\"a\": \"1\"}}]}";
    assert_eq!(faults(json, Syntax::Json), ["label a is given more than once"]);
    assert_eq!(faults("§[]", Syntax::Json), ["the file must be a table of members"]);
    assert_eq!(faults("§fleet = \"a\"", Syntax::Toml), ["version is required in the file"]);
}

#[test]
fn two_spellings_of_a_file_are_one_sink() {
    let toml = "version = 1\n[[client]]\nslug = \"acme\"\n\
        [[client.instance]]\ninstance_id = \"acme-1\"\nsink = \"file:src/a\"\n\
        [[client.instance]]\ninstance_id = \"acme-2\"\nsink = §\"file:./src/../src/a\"\n\
        [[client.instance]]\ninstance_id = \"acme-3\"\nsink = \"env-file:src/a?var=A\"\n\
        [[client.instance]]\ninstance_id = \"acme-4\"\nsink = \"env-file:src/a?var=B\"\n\
        [[client.instance]]\ninstance_id = \"acme-5\"\nsink = §\"env-file:./src/a?var=B\"\n";
    let told = faults(toml, Syntax::Toml);
    let once = "a sink is for one instance: this sink is in this file already";
    assert_eq!(told, [format!("{once}, at 6:8"), format!("{once}, at 15:8")]);
}

#[test]
fn no_value_is_repeated() {
    let key = "lb_inst_0123456789abcdef0123456789abcdef";
    let text = format!(
        "version = 1\n[[client]]\nslug = \"ac\"\nname = 3\nexternal_ref = [\"{key}\"]\n\
        [[client.instance]]\ninstance_id = \"a1\"\nlicense_sha256 = \"{key}\"\nsink = \"{key}\"\n"
    );
    let told = format!("{:?}", read(&text, Syntax::Toml).unwrap_err());
    assert!(!told.contains(key), "{told}");
}

#[test]
fn one_file_is_the_same_fleet_in_every_syntax() {
    let all = each(
        [
            "name = \"Acme\"\nexternal_ref = \"\"",
            "name: Acme\n    external_ref: null",
            ", \"name\": \"Acme\", \"external_ref\": null",
        ],
        [
            "expires_at = 2027-12-31T00:00:00Z\nmax_activations = \"none\"\nlabels = {}\nsink = \"file:a\"",
            "expires_at: 2027-12-31T00:00:00Z\n        max_activations: null\n        labels: {}\n        sink: file:a",
            ", \"expires_at\": \"2027-12-31T00:00:00Z\", \"max_activations\": null, \"labels\": {}, \"sink\": \"file:a\"",
        ],
    );
    for (syntax, text) in all {
        let fleet = read(&text, syntax).unwrap_or_else(|faults| panic!("{syntax:?}: {faults:?}"));
        assert_eq!(fleet.name.as_deref(), Some("mine"));
        let client = &fleet.clients[0];
        assert_eq!(client.fields.name.as_ref().map(DisplayName::as_str), Some("Acme"));
        assert_eq!((&client.fields.external_ref, client.state), (&Patch::Clear, None));
        let instance = &client.instances[0];
        assert_eq!(instance.terms.expires_at, Patch::Set("2027-12-31T00:00:00Z".parse().unwrap()));
        assert_eq!(instance.terms.max_activations, Patch::Clear);
        assert!(instance.terms.labels.as_ref().is_some_and(Labels::is_empty));
        assert_eq!(instance.terms.grace_days, None);
        assert_eq!(instance.sink.as_ref().unwrap().text, "file:a");
    }
}

#[test]
fn the_fleets_own_label_takes_a_place() {
    let labels: Vec<_> = (0..32).map(|n| format!("k{n} = \"\"")).collect();
    let text = |fleet: &str, mark: &str| {
        let labels = labels.join(", ");
        format!(
            "version = 1\n{fleet}\n[[client]]\nslug = \"acme\"\nlabels = {mark}{{ {labels} }}\n"
        )
    };
    assert!(read(&text("", ""), Syntax::Toml).is_ok());
    assert_eq!(faults(&text("fleet = \"f\"", "§"), Syntax::Toml), ["labels must be at most 31"]);
}

#[test]
fn the_example_of_the_help_is_a_fleet() {
    let fleet = read(crate::words::EXAMPLE, Syntax::Toml).unwrap();
    assert_eq!(fleet.clients[0].instances.len(), 1);
}
