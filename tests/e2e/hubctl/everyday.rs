//! Every command once, in each format, against what the API says.

use hub_core::api::Role;
use hub_tests::ctl::Ctl;
use hub_tests::fleet::{fingerprint, own_hub_key, own_license_key};
use hub_tests::{Hub, both_stores};
use serde_json::{Value, json as value};

use super::snapshot::compare;
use super::{error, json, key_in, ran};

async fn items(hub: &Hub, path: &str) -> Value {
    hub.admin().get(path).await.ok()["items"].clone()
}

both_stores!(
    clients,
    instances,
    all_pages_are_fetched,
    ensure_converges_and_says_whether_it_changed_anything,
    admin_keys_and_the_audit_log,
    an_activation_from_license_file_to_hub_key,
    stats_whoami_version_and_the_escape_hatch,
    a_role_with_too_few_rights_is_refused
);

async fn clients(hub: Hub) {
    let ctl = hub.ctl();
    assert_eq!(json(&ctl, "client list"), value!([]), "an empty list is a list");
    let made = ctl
        .run(&[
            "client",
            "create",
            "acme",
            "--name",
            "Acme GmbH",
            "--label",
            "tier=gold",
            "--external-ref",
            "crm:42",
            "-o",
            "json",
        ])
        .expect(0)
        .json();
    let seen = hub.admin().get("/api/v1/admin/clients/acme").await.ok();
    let mut expected = seen.clone();
    expected["changed"] = true.into();
    assert_eq!(made, expected, "the object with the names of the API, and changed");
    assert_eq!(ran(&ctl, "client create --name Globex -o name", 0).stdout, "globex\n");

    assert_eq!(json(&ctl, "client list"), items(&hub, "/api/v1/admin/clients").await);
    assert_eq!(json(&ctl, "clients ls --label tier=gold"), value!([seen]));
    assert_eq!(ran(&ctl, "client list -q", 0).stdout, "acme\nglobex\n");
    assert_eq!(ran(&ctl, "client list --limit 1 -q", 0).stdout, "acme\n");
    assert_eq!(ran(&ctl, "client list --search GMBH -q", 0).stdout, "acme\n");
    assert_eq!(json(&ctl, "client get acme"), seen);

    let patched = json(&ctl, "client update acme --name Acme --no-labels --no-external-ref");
    assert_eq!(
        (&patched["name"], &patched["labels"], &patched["external_ref"]),
        (&value!("Acme"), &value!({}), &value!(null))
    );
    assert_eq!(json(&ctl, "client update acme --name Acme")["changed"], false);
    assert_eq!(json(&ctl, "client suspend acme --yes")["status"], "suspended");
    assert_eq!(json(&ctl, "client suspend acme")["changed"], false, "nothing to ask");
    assert_eq!(ran(&ctl, "client list --status suspended -q", 0).stdout, "acme\n");
    assert_eq!(json(&ctl, "client reactivate acme")["status"], "active");
    assert_eq!(json(&ctl, "client delete globex --yes")["changed"], true);
    ran(&ctl, "client delete globex --yes", 3);
    assert_eq!(json(&ctl, "client delete globex --yes --if-exists")["changed"], false);
}

async fn instances(hub: Hub) {
    let ctl = hub.ctl();
    hub.client("acme").await;
    let issued = json(
        &ctl,
        "instance issue acme-1 --client acme --sink file:a.key \
        --max-activations 3 --grace-days 7 --expires-at 2099-01-01T00:00:00Z \
        --entitlement sso --label env=prod",
    );
    let mut expected = hub.show("acme-1").await;
    expected["changed"] = true.into();
    assert_eq!(issued, expected, "no key among it: the sink has it");
    assert_eq!(issued["license"]["fingerprint"], value!(fingerprint(&key_in(&ctl, "a.key"))));
    ran(&ctl, "instance issue acme-2 --client acme --sink file:b.key -q", 0);

    let listed = items(&hub, "/api/v1/admin/instances").await;
    assert_eq!(json(&ctl, "instance list"), listed);
    assert_eq!(json(&ctl, "instance list --client acme"), listed);
    assert_eq!(ran(&ctl, "instances list --label env=prod -q", 0).stdout, "acme-1\n");
    assert_eq!(ran(&ctl, "instance list --expires-within 9999d -q", 0).stdout, "");
    assert_eq!(json(&ctl, "instance get acme-1"), hub.show("acme-1").await);

    let patched = json(
        &ctl,
        "instance update acme-1 --expires-at never --max-activations none \
        --no-labels --no-entitlements",
    );
    assert_eq!(patched["license"]["expires_at"], value!(null));
    assert_eq!(patched["license"]["max_activations"], value!(null));
    assert_eq!(
        (&patched["labels"], &patched["license"]["entitlements"]),
        (&value!({}), &value!([]))
    );
    let suspended = json(&ctl, "instance suspend acme-1 --reason unpaid --yes");
    assert_eq!(suspended["suspension"]["reason"], "unpaid");
    assert_eq!(json(&ctl, "instance suspend acme-1")["changed"], false);
    assert_eq!(json(&ctl, "instance reactivate acme-1")["status"], "pending");
    assert_eq!(json(&ctl, "instance delete acme-2 --yes")["changed"], true);
    ran(&ctl, "instance delete acme-2 --yes", 3);
    assert_eq!(json(&ctl, "instance delete acme-2 --yes --if-exists")["changed"], false);
}

/// A list is read to its end, however many pages it has.
async fn all_pages_are_fetched(hub: Hub) {
    for n in 0..7 {
        hub.client(&format!("client-{n}")).await;
    }
    let ctl = hub.ctl();
    assert_eq!(ran(&ctl, "client list -q", 0).stdout.lines().count(), 7);
    assert_eq!(ran(&ctl, "client list -q --limit 5", 0).stdout.lines().count(), 5);
    assert_eq!(ran(&ctl, "client list --limit 0 -q", 0).stdout, "");
}

async fn ensure_converges_and_says_whether_it_changed_anything(hub: Hub) {
    let ctl = hub.ctl();
    let client = ["client", "ensure", "acme", "--name", "Acme GmbH", "-o", "json"];
    assert_eq!(ctl.run(&client).expect(0).json()["changed"], true);
    let events = hub.audit().await.len();
    assert_eq!(ctl.run(&client).expect(0).json()["changed"], false);
    assert_eq!(hub.audit().await.len(), events, "nothing was asked to change");
    let renamed = json(&ctl, "client ensure acme --name Acme");
    assert_eq!((&renamed["changed"], &renamed["name"]), (&value!(true), &value!("Acme")));

    let instance = "instance ensure acme-1 --client acme --sink file:a.key --label env=prod";
    assert_eq!(ran(&ctl, &format!("{instance} -o name"), 0).stdout, "acme-1\n");
    let key = key_in(&ctl, "a.key");
    assert_eq!(json(&ctl, instance)["changed"], false);
    let relabelled = instance.replace("prod", "test");
    let converged = json(&ctl, &relabelled);
    assert_eq!(
        (&converged["changed"], &converged["labels"]),
        (&value!(true), &value!({"env": "test"}))
    );
    assert_eq!(key_in(&ctl, "a.key"), key);
    let other = instance.replace("acme --sink", "globex --sink");
    hub.client("globex").await;
    let refused = error(&ctl, &other, 6);
    assert_eq!(refused["code"], "instance_exists");
}

async fn admin_keys_and_the_audit_log(hub: Hub) {
    let ctl = hub.ctl();
    let made = json(&ctl, "admin-key create ci --role provisioner --sink file:ci.key");
    assert_eq!(made.get("admin_key"), None);
    let key = key_in(&ctl, "ci.key");
    assert_eq!(made["fingerprint"], value!(fingerprint(&key)));
    let by_ci = hub.ctl().env("HUBCTL_ADMIN_KEY", &key);
    assert_eq!(json(&by_ci, "whoami")["role"], "provisioner");
    assert_eq!(json(&ctl, "admin-key list").as_array().unwrap().len(), 2);
    assert_eq!(ran(&ctl, "admin-keys list -q", 0).stdout, "ci\nowner\n");
    ran(&ctl, "admin-key revoke ci --yes", 0);
    ran(&by_ci, "whoami", 4);
    assert_eq!(error(&ctl, "admin-key revoke owner --yes", 6)["code"], "last_owner_key");

    let events = json(&ctl, "audit list");
    assert_eq!(events, items(&hub, "/api/v1/admin/audit").await);
    assert_eq!(json(&ctl, "audit list --action admin_key.revoke")[0]["target"], "ci");
    let verdict = json(&ctl, "audit verify");
    assert_eq!((&verdict["ok"], &verdict["events"]), (&value!(true), &value!(3)));
    let mut sql = hub.sql().await;
    crate::audit::allow_changes(&mut sql, hub.engine()).await;
    sql.execute("UPDATE audit_events SET actor = 'system' WHERE seq = 2").await;
    let broken = ran(&ctl, "audit verify -o json", 6);
    assert_eq!(broken.json()["first_broken"], 2);
    compare("audit_broken", &broken.stderr);
}

async fn an_activation_from_license_file_to_hub_key(hub: Hub) {
    let ctl = hub.ctl();
    hub.client("acme").await;
    ran(&ctl, "instance issue acme-1 --client acme --sink file:license", 0);
    // The machine that activates has no admin key.
    let machine = ctl.env("HUBCTL_ADMIN_KEY", "");
    let verdict = json(&machine, "validate --license-file license");
    assert_eq!((&verdict["valid"], &verdict["instance_id"]), (&value!(true), &value!("acme-1")));
    let activated = json(&machine, "activate --license-file license --sink file:hub.key");
    let key = key_in(&machine, "hub.key");
    assert_eq!(activated["hub_key_fingerprint"], value!(fingerprint(&key)));
    assert_eq!((&activated["changed"], activated.get("hub_api_key")), (&value!(true), None));
    hub.use_key(&key).await;
    for again in ["", " --if-needed"] {
        let line = format!("activate --license-file license --sink file:hub.key{again}");
        assert_eq!(json(&machine, &line)["changed"], false, "{line}");
    }
    assert_eq!(hub.show("acme-1").await["license"]["activations"], 1);
    let license = key_in(&machine, "license");
    let piped = machine.stdin(&format!("{license}\n"));
    assert_eq!(json(&piped, "validate")["code"], "valid");
}

async fn stats_whoami_version_and_the_escape_hatch(hub: Hub) {
    hub.client("acme").await;
    let ctl = hub.ctl();
    let same = async |line: &str, path: &str| {
        let (mut here, mut there) = (json(&ctl, line), hub.admin().get(path).await.ok());
        // The request itself changes this value.
        here["store_bytes"] = 0.into();
        there["store_bytes"] = 0.into();
        assert_eq!(here, there, "{line}");
    };
    same("stats", "/api/v1/admin/stats").await;
    same("whoami", "/api/v1/admin/whoami").await;
    same("api GET /api/v1/admin/clients/acme", "/api/v1/admin/clients/acme").await;
    same("api get /healthz", "/healthz").await;
    assert_eq!(json(&ctl, "version")["hub"]["name"], "hubd");
    std::fs::write(ctl.dir().join("new.json"), r#"{"name": "By hand"}"#).unwrap();
    let made = json(&ctl, "api POST /api/v1/admin/clients --input new.json");
    assert_eq!(made["slug"], "by-hand");
    let missing = error(&ctl, "api GET /api/v1/admin/clients/nobody", 3);
    assert_eq!(missing["code"], "client_not_found");
}

async fn a_role_with_too_few_rights_is_refused(hub: Hub) {
    let key = hub.admin_key_of("watcher", Role::Viewer).await;
    let ctl = hub.ctl().env("HUBCTL_ADMIN_KEY", &key);
    let refused = error(&ctl, "client create acme", 5);
    assert_eq!((&refused["code"], &refused["status"]), (&value!("role_forbidden"), &value!(403)));
    assert!(refused["request_id"].is_string(), "{refused}");
}

#[tokio::test]
async fn a_fingerprint_needs_no_hub() {
    let offline = |input: &str| Ctl::default().env("HUBCTL_URL", "http://127.0.0.1:9").stdin(input);
    let admin = format!("lb_admin_{:032x}", 1);
    for key in [own_license_key(1), own_hub_key(1), admin] {
        let ctl = offline(&format!("{key}\n"));
        assert_eq!(ran(&ctl, "fingerprint", 0).stdout, format!("{}\n", fingerprint(&key)));
    }
    let ran = ran(&offline("hunter2"), "fingerprint", 2);
    assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
}
