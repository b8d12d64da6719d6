//! (file, hub, options) → lines of the plan.

mod going;

use std::fmt::Write as _;

use serde_json::json;

use super::*;
use crate::commands::fleet::file::{Syntax, read, write as export};
use crate::commands::fleet::planner::words;

fn client(slug: &str, fleet: Option<&str>) -> Client {
    let labels = fleet.map_or(json!({}), |fleet| json!({"hubctl.fleet": fleet}));
    serde_json::from_value(json!({
        "id": format!("id-{slug}"), "slug": slug, "name": slug, "external_ref": null,
        "status": "active", "labels": labels,
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        "instances": {"total": 0, "pending": 0, "active": 0, "suspended": 0}
    }))
    .unwrap()
}

fn instance(id: &str, client: &str, fleet: Option<&str>) -> Instance {
    let labels = fleet.map_or(json!({}), |fleet| json!({"hubctl.fleet": fleet}));
    serde_json::from_value(json!({
        "instance_id": id, "client_id": format!("id-{client}"), "client_slug": client,
        "status": "active", "effective_status": "active",
        "license": {
            "fingerprint": "aaaaaaaaaaaa", "issued_at": "2026-01-01T00:00:00Z",
            "expires_at": "2027-01-01T00:00:00Z", "grace_days": 7, "max_activations": null,
            "works_until": "2027-01-08T00:00:00Z", "in_grace": false, "activations": 1, "entitlements": ["sso"]
        },
        "hub_key": null, "suspension": null, "labels": labels,
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        "activated_at": "2026-01-01T00:00:00Z", "last_seen_at": null
    }))
    .unwrap()
}

fn hub(clients: Vec<Client>, instances: Vec<Instance>) -> Observed {
    Observed {
        clients: clients.into_iter().map(|c| (c.slug.clone(), c)).collect(),
        instances: instances.into_iter().map(|i| (i.instance_id.clone(), i)).collect(),
        sinks: BTreeMap::new(),
        catalogue: None,
    }
}

/// A fleet of one client, in TOML.
fn file(fleet: Option<&str>, client: &str, instances: &[&str]) -> Fleet {
    let fleet = fleet.map_or_else(String::new, |fleet| format!("fleet = \"{fleet}\"\n"));
    let mut text = format!("version = 1\n{fleet}[[client]]\nslug = \"acme\"\n{client}\n");
    for members in instances {
        let _ = writeln!(text, "[[client.instance]]\n{members}");
    }
    read(&text, Syntax::Toml).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"))
}

/// The lines of a plan, without its last.
fn lines(fleet: &Fleet, seen: &Observed, options: Options) -> Vec<String> {
    let plan = diff(fleet, seen, options).unwrap();
    let text = words(&plan);
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines.pop();
    lines
}

const PLAIN: Options = Options { prune: false, adopt: false, redeliver: false };
const PRUNE: Options = Options { prune: true, ..PLAIN };
const ADOPT: Options = Options { adopt: true, ..PLAIN };
const REDELIVER: Options = Options { redeliver: true, ..PLAIN };

/// The instance `a1` of a file.
const A1: &str = "instance_id = \"a1\"";

fn own() -> Observed {
    hub(vec![client("acme", Some("f"))], vec![instance("a1", "acme", Some("f"))])
}

#[test]
fn what_is_as_it_should_be_is_left_alone() {
    let fleet = file(Some("f"), "", &[A1]);
    assert_eq!(lines(&fleet, &own(), PLAIN), [""; 0]);
    let given = "instance_id = \"a1\"\nexpires_at = \"2027-01-01T01:00:00+01:00\"\ngrace_days = 7\n\
        max_activations = \"none\"\nentitlements = [\"sso\", \"sso\"]\nlabels = {}";
    let fleet = file(Some("f"), "name = \"acme\"\nexternal_ref = \"\"\nlabels = {}", &[given]);
    assert_eq!(lines(&fleet, &own(), PRUNE), [""; 0]);
}

#[test]
fn what_is_missing_is_created() {
    let new = "instance_id = \"a1\"\nstate = \"suspended\"\nsink = \"file:a1.key\"";
    let fleet = file(Some("f"), "state = \"suspended\"", &[new]);
    assert_eq!(
        lines(&fleet, &Observed::default(), PLAIN),
        [
            "+ create client acme",
            "⏸ suspend client acme",
            "+ create instance a1 of acme → file:a1.key",
            "⏸ suspend instance a1 of acme",
        ]
    );
    let plan = diff(&fleet, &Observed::default(), PLAIN).unwrap();
    let requests: Vec<_> =
        plan.items.iter().filter_map(|item| item.step.as_ref()?.request()).collect();
    assert_eq!(
        requests,
        [
            json!({"name": "acme", "slug": "acme", "labels": {"hubctl.fleet": "f"}}),
            json!({"instance_id": "a1", "labels": {"hubctl.fleet": "f"}}),
        ]
    );
}

#[test]
fn a_new_instance_needs_a_key_and_the_place_is_told() {
    let fleet =
        file(None, "", &[A1, "instance_id = \"a2\"\nsink = \"file:x\"", "instance_id = \"a3\""]);
    let faults = diff(&fleet, &Observed::default(), PLAIN).unwrap_err();
    let told: Vec<_> = faults.iter().map(|fault| fault.at.to_string()).collect();
    assert_eq!(told, ["6:1", "11:1"]);
    assert!(faults[0].message.contains("sink") && faults[0].message.contains("license_sha256"));
}

#[test]
fn what_differs_is_changed_and_nothing_else() {
    let given = "instance_id = \"a1\"\nexpires_at = \"never\"\nmax_activations = 3\n\
        labels = { env = \"prod\" }\nstate = \"suspended\"";
    let fleet = file(
        Some("f"),
        "name = \"Acme\"\nexternal_ref = \"crm:1\"\nstate = \"suspended\"",
        &[given],
    );
    assert_eq!(
        lines(&fleet, &own(), PLAIN),
        [
            "~ update client acme",
            "    external_ref: none → crm:1",
            "    name: acme → Acme",
            "⏸ suspend client acme",
            "~ update instance a1 of acme",
            "    expires_at: 2027-01-01T00:00:00.000Z → never",
            "    labels: hubctl.fleet=f → env=prod,hubctl.fleet=f",
            "    max_activations: none → 3",
            "⏸ suspend instance a1 of acme",
        ]
    );
    let mut suspended = own();
    for client in suspended.clients.values_mut() {
        client.status = ClientStatus::Suspended;
    }
    for instance in suspended.instances.values_mut() {
        instance.status = InstanceStatus::Suspended;
    }
    // Who did not pay stays suspended until the file says otherwise.
    assert_eq!(lines(&file(Some("f"), "", &[A1]), &suspended, PLAIN), [""; 0]);
    let active = "state = \"active\"";
    assert_eq!(
        lines(&file(Some("f"), active, &[&format!("{A1}\n{active}")]), &suspended, PLAIN),
        ["▶ reactivate client acme", "▶ reactivate instance a1 of acme"]
    );
}

#[test]
fn labels_keep_the_fleets_own() {
    let seen = hub(vec![client("acme", None)], vec![instance("a1", "acme", None)]);
    assert_eq!(
        lines(&file(Some("f"), "", &[A1]), &seen, PLAIN),
        [
            "~ update client acme (adopt)",
            "    labels: none → hubctl.fleet=f",
            "~ update instance a1 of acme (adopt)",
            "    labels: none → hubctl.fleet=f",
        ]
    );
    // Without a fleet it is a label like any other.
    assert_eq!(lines(&file(None, "", &[A1]), &own(), PLAIN), [""; 0]);
    let same = "instance_id = \"a1\"\nlabels = { \"hubctl.fleet\" = \"f\" }";
    assert_eq!(lines(&file(None, "", &[same]), &own(), PLAIN), [""; 0]);
}

#[test]
fn what_is_in_another_fleet_is_left_alone_unless_adopted() {
    let seen = hub(vec![client("acme", Some("f"))], vec![instance("a1", "acme", Some("other"))]);
    for state in ["", "\nstate = \"absent\""] {
        let fleet = file(Some("f"), "", &[&format!("{A1}{state}")]);
        let plan = diff(&fleet, &seen, PLAIN).unwrap();
        let error = plan.failures().next().unwrap();
        assert_eq!((error.exit(), error.parts().code.as_ref()), (Exit::Conflict, "other_fleet"));
        assert_eq!(plan.changes().count(), 0);
        assert_eq!(diff(&fleet, &seen, ADOPT).unwrap().changes().count(), 1);
    }
    let fleet = file(Some("f"), "", &[A1]);
    assert_eq!(lines(&fleet, &seen, ADOPT)[0], "~ update instance a1 of acme (adopt)");
}

#[test]
fn an_instance_of_another_client_is_a_conflict() {
    let clients = || vec![client("acme", Some("f")), client("globex", Some("f"))];
    let seen = hub(clients(), vec![instance("a1", "globex", Some("f"))]);
    let fleet = file(Some("f"), "", &[A1]);
    let plan = diff(&fleet, &seen, PLAIN).unwrap();
    let error = plan.failures().next().unwrap();
    assert!(error.is(ErrorCode::InstanceExists) && error.exit() == Exit::Conflict);
    assert_eq!(
        words(&plan),
        "! create instance a1: instance a1 exists, and belongs to client globex\n\
        Plan: 0 to create, 0 to update, 0 to delete, 1 that cannot be done.\n"
    );
    // Where it should not be under this client, it is not.
    let absent = file(Some("f"), "", &["instance_id = \"a1\"\nstate = \"absent\""]);
    assert_eq!(lines(&absent, &seen, PLAIN), [""; 0]);
}

#[test]
fn keys_are_replaced_only_when_asked_for_and_where_the_sink_lacks_them() {
    let held = |state: SinkState| {
        let mut seen = own();
        seen.sinks.insert("a1".parse().unwrap(), state);
        seen
    };
    let key = |text: &str| {
        let json = format!("\"{text}\"");
        SinkState::Holds(serde_json::from_str(&json).unwrap())
    };
    let with_sink = "instance_id = \"a1\"\nsink = \"file:a1.key\"";
    let fleet = file(Some("f"), "", &[with_sink]);
    for (state, warned, rotated) in [
        (key("aaaaaaaaaaaa"), false, false),
        (key("bbbbbbbbbbbb"), true, true),
        (SinkState::Empty, true, true),
        (SinkState::Unreadable, false, true),
    ] {
        let seen = held(state);
        let plan = diff(&fleet, &seen, PLAIN).unwrap();
        assert_eq!((plan.items.len(), plan.warnings.len()), (0, usize::from(warned)));
        let plan = diff(&fleet, &seen, REDELIVER).unwrap();
        assert_eq!((plan.items.len(), plan.warnings.len()), (usize::from(rotated), 0));
        if rotated {
            assert_eq!(
                lines(&fleet, &seen, REDELIVER),
                ["↻ rotate instance a1 of acme → file:a1.key"]
            );
        }
    }
    let hash = format!("aaaaaaaaaaaa{}", "0".repeat(52));
    for (hash, warned) in [(hash, 0), ("0".repeat(64), 1)] {
        let entry = format!("instance_id = \"a1\"\nlicense_sha256 = \"{hash}\"");
        let plan = diff(&file(Some("f"), "", &[&entry]), &own(), REDELIVER).unwrap();
        assert_eq!((plan.items.len(), plan.warnings.len()), (0, warned));
    }
}

#[test]
fn an_export_is_found_unchanged() {
    let mut odd = client("odd", Some("f"));
    odd.name = hub_core::text::DisplayName::new("A \"quoted\" \\ 'name' ü #").unwrap();
    odd.external_ref = hub_core::text::ExternalRef::new("crm:\"4'2\"\\");
    odd.status = ClientStatus::Suspended;
    let mut full = instance("o1", "odd", Some("f"));
    full.status = InstanceStatus::Suspended;
    full.license.max_activations = Some(3.try_into().unwrap());
    let pairs = ["hubctl.fleet=f", "a.b-c=1.2", "plain=x", "empty="];
    full.labels = pairs.iter().map(|pair| pair.parse().unwrap()).collect();
    let mut bare = instance("o2", "odd", Some("f"));
    bare.license.expires_at = None;
    bare.license.entitlements = hub_core::labels::Entitlements::default();
    let clients = vec![client("acme", Some("f")), odd];
    let instances = vec![full, bare];
    for fleet in [Some("f"), None] {
        let text = export(fleet, &clients, &instances, None);
        let read = read(&text, Syntax::Toml).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"));
        assert_eq!(read.clients.iter().map(|c| c.instances.len()).collect::<Vec<_>>(), [0, 2]);
        let options = Options { prune: fleet.is_some(), ..PLAIN };
        let plan = diff(&read, &hub(clients.clone(), instances.clone()), options).unwrap();
        assert_eq!(words(&plan), "No changes: the hub is as the file says.\n", "{text}");
        assert_eq!(text.contains("hubctl.fleet"), fleet.is_none(), "{text}");
        // It says enough to be found changed.
        for other in ["Suspended", "labels", "name"] {
            let mut changed = hub(clients.clone(), instances.clone());
            match other {
                "Suspended" => {
                    changed.instances.get_mut(&instances[0].instance_id).unwrap().status =
                        InstanceStatus::Active;
                }
                "labels" => {
                    changed.instances.get_mut(&instances[0].instance_id).unwrap().labels =
                        instances[1].labels.clone();
                }
                _ => {
                    changed.clients.get_mut(&clients[1].slug).unwrap().name =
                        clients[0].name.clone();
                }
            }
            assert_eq!(diff(&read, &changed, PLAIN).unwrap().items.len(), 1, "{other}");
        }
    }
}
