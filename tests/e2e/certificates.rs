//! Certificates: what they state, who gets one, and that they verify without the hub.

use std::path::Path;
use std::process::Command;

use hub_core::certificate::Unverified;
use hub_tests::binaries::{hubd, workspace};
use hub_tests::clock::{DAY, ago, later, now};
use hub_tests::ctl::{Ctl, Ran};
use hub_tests::fleet::{fingerprint, text};
use hub_tests::{Engine, Hub, Setup, both_stores, third_party};
use serde_json::{Value, json};

const SELF: &str = "/api/v1/instances/self";
const JWKS: &str = "/.well-known/jwks.json";
const WEEK: i64 = 7 * 24 * 60 * 60;

/// What a certificate states; nothing is verified.
fn claims(certificate: &Value) -> Value {
    let text = certificate.as_str().unwrap_or_else(|| panic!("no certificate: {certificate}"));
    serde_json::to_value(Unverified::parse(text).unwrap().claims).unwrap()
}

fn kid(certificate: &Value) -> String {
    Unverified::parse(certificate.as_str().unwrap()).unwrap().kid
}

fn seconds(time: &str) -> i64 {
    time.parse::<hub_core::time::Timestamp>().unwrap().unix_ms().div_euclid(1000)
}

both_stores!(
    a_certificate_states_what_the_license_allows,
    a_certificate_never_outlives_the_license_and_its_grace,
    only_an_active_instance_gets_a_certificate,
    a_change_is_in_the_next_certificate
);

async fn a_certificate_states_what_the_license_allows(hub: Hub) {
    let before = now().unix_ms().div_euclid(1000);
    let client = hub.client("acme").await;
    let issued = hub.issue_with("acme", "acme-1", json!({"entitlements": ["sso", "audit"]})).await;
    let activated = hub.activate(&issued.license_key).await;
    let stated = claims(&activated["certificate"]);
    let issued_at = stated["iat"].as_i64().unwrap();
    assert!((before..before + 120).contains(&issued_at), "{stated}");
    let expected = json!({
        "iss": "letsbe-hub", "sub": "acme-1", "client": client["id"], "iat": issued_at,
        "exp": issued_at + WEEK, "entitlements": ["audit", "sso"],
        "lic": fingerprint(&issued.license_key),
    });
    assert_eq!(stated, expected);
    let own = hub.instance(&text(&activated, "hub_api_key")).get(SELF).await.ok();
    assert_eq!((&own["valid"], &own["code"]), (&json!(true), &json!("valid")));
    let mut again = claims(&own["certificate"]);
    let issued_at = again["iat"].as_i64().unwrap();
    assert_eq!(again["exp"], issued_at + WEEK);
    (again["iat"], again["exp"]) = (stated["iat"].clone(), stated["exp"].clone());
    assert_eq!(again, stated);

    let keys = hub.anonymous().get(JWKS).await.ok();
    let [key] = keys["keys"].as_array().unwrap().as_slice() else { panic!("{keys}") };
    assert_eq!(key["kid"], kid(&own["certificate"]));
    let members = ["kty", "crv", "alg", "use"].map(|name| key[name].as_str().unwrap());
    assert_eq!(members, ["OKP", "Ed25519", "EdDSA", "sig"]);
    assert_eq!(key.as_object().unwrap().len(), 6, "no secret member: {key}");
}

async fn a_certificate_never_outlives_the_license_and_its_grace(hub: Hub) {
    hub.client("acme").await;
    let issued = hub.issue("acme", "acme-1").await;
    let key = hub.hub_key(&issued.license_key).await;
    let certified_until = async |terms: Value| {
        hub.patch_instance("acme-1", terms).await;
        let own = hub.instance(&key).get(SELF).await.ok();
        claims(&own["certificate"])["exp"].as_i64().unwrap()
    };
    let (soon, past) = (later(DAY), ago(DAY));
    assert_eq!(certified_until(json!({"expires_at": soon})).await, seconds(&soon));
    let day = WEEK / 7;
    let in_grace = json!({"expires_at": past, "grace_days": 3});
    assert_eq!(certified_until(in_grace).await, seconds(&past) + 3 * day);
    let end = certified_until(json!({"grace_days": 90})).await;
    assert!(end < seconds(&past) + 10 * day, "a week at most: {end}");
    let activated = hub.activate(&issued.license_key).await;
    assert!(claims(&activated["certificate"])["exp"].as_i64().unwrap() >= end);
}

async fn only_an_active_instance_gets_a_certificate(hub: Hub) {
    hub.client("acme").await;
    let issued = hub.issue("acme", "acme-1").await;
    let key = hub.hub_key(&issued.license_key).await;
    let own = async || hub.instance(&key).get(SELF).await.ok();
    let client = async |status: &str| {
        let change = json!({"status": status});
        hub.admin().patch("/api/v1/admin/clients/acme", change).await.expect(200).done();
    };
    let has_one = |own: &Value| !own["certificate"].is_null();
    assert!(has_one(&own().await));
    // It is the next request that gets none, whatever was signed a moment ago.
    hub.act("acme-1", "suspend", json!({})).await;
    assert!(!has_one(&own().await));
    hub.act("acme-1", "reactivate", json!({})).await;
    assert!(has_one(&own().await));
    client("suspended").await;
    let refused = own().await;
    assert_eq!((has_one(&refused), &refused["valid"]), (false, &json!(false)));
    assert_eq!(refused["code"], "client_suspended");
    client("active").await;
    hub.patch_instance("acme-1", json!({"expires_at": ago(DAY)})).await;
    assert!(!has_one(&own().await));
    hub.patch_instance("acme-1", json!({"expires_at": null})).await;
    assert!(has_one(&own().await));
}

async fn a_change_is_in_the_next_certificate(hub: Hub) {
    hub.client("acme").await;
    let issued = hub.issue("acme", "acme-1").await;
    let key = hub.hub_key(&issued.license_key).await;
    let stated = async || claims(&hub.instance(&key).get(SELF).await.ok()["certificate"]);
    assert_eq!(stated().await["entitlements"], json!([]));
    hub.patch_instance("acme-1", json!({"entitlements": ["sso"]})).await;
    assert_eq!(stated().await["entitlements"], json!(["sso"]));
    let rotated = hub.act("acme-1", "rotate-license", json!({})).await;
    assert_eq!(stated().await["lic"], rotated["license_fingerprint"]);
}

/// A hub with one activated instance; its certificate, and the keys as a file.
struct Certified {
    hub: Hub,
    hub_key: String,
    certificate: Value,
}

impl Certified {
    async fn start() -> Self {
        let hub = Hub::sqlite().await;
        hub.client("acme").await;
        let issued = hub.issue("acme", "acme-1").await;
        let activated = hub.activate(&issued.license_key).await;
        let certificate = activated["certificate"].clone();
        Self { hub, hub_key: text(&activated, "hub_api_key"), certificate }
    }

    async fn jwks(&self) -> String {
        self.hub.anonymous().get(JWKS).await.ok().to_string()
    }

    /// Adds a key; the hub publishes it and signs with it at once, because it starts again.
    fn rotate(&mut self) {
        let mut rotate = Command::new(hubd());
        rotate.arg("rotate-certificate-key").arg("--data-dir").arg(self.hub.data_dir());
        assert!(rotate.output().unwrap().status.success());
        self.hub.restart();
    }

    async fn own(&self) -> Value {
        self.hub.instance(&self.hub_key).get(SELF).await.ok()["certificate"].clone()
    }
}

/// Verifies certificates with keys, without the hub, and says which verified.
type Verifier<'a> = &'a dyn Fn(&str, &[&Value]) -> Vec<bool>;

/// What every library must find: certificates verify without the hub and after a rotation, and no
/// changed one does.
async fn verify_by(verifier: Verifier<'_>) {
    let mut certified = Certified::start().await;
    let (old, old_keys) = (certified.certificate.clone(), certified.jwks().await);
    certified.rotate();
    let (new, new_keys) = (certified.own().await, certified.jwks().await);
    assert!(certified.hub.stop().success());
    assert_ne!(kid(&old), kid(&new));
    let changed = old.as_str().unwrap().rsplit_once('.').unwrap();
    let other = new.as_str().unwrap().rsplit_once('.').unwrap();
    let changed = json!(format!("{}.{}", changed.0, other.1));
    assert_eq!(verifier(&old_keys, &[&old, &new, &changed]), [true, false, false]);
    assert_eq!(verifier(&new_keys, &[&old, &new, &changed]), [true, true, false]);
}

/// Runs a program that reads `{"jwks", "certificates"}` and writes a list of true and false.
fn run(mut program: Command, keys: &str, certificates: &[&Value]) -> Vec<bool> {
    let keys: Value = serde_json::from_str(keys).unwrap();
    let input = json!({"jwks": keys, "certificates": certificates}).to_string();
    let output = program.arg(input).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&said)
        .unwrap_or_else(|_| panic!("{said}\n{}", String::from_utf8_lossy(&output.stderr)))
}

#[tokio::test]
async fn pyjwt_verifies_certificates() {
    const PROGRAM: &str = r#"
import json, jwt, sys
given = json.loads(sys.argv[1])
keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(given["jwks"]).keys}
def verified(text):
    try:
        key = keys[jwt.get_unverified_header(text)["kid"]]
        claims = jwt.decode(text, key, algorithms=["EdDSA"], issuer="letsbe-hub", subject="acme-1",
                            options={"require": ["iss", "sub", "iat", "exp"]})
        return claims["entitlements"] == []
    except (KeyError, jwt.InvalidSignatureError):
        return False
print(json.dumps([verified(text) for text in given["certificates"]]))
"#;
    let Some(python) = third_party::python_with_jwt() else { return };
    verify_by(&|keys, certificates| {
        let mut program = Command::new(python);
        program.args(["-c", PROGRAM]);
        run(program, keys, certificates)
    })
    .await;
}

#[tokio::test]
async fn jose_for_javascript_verifies_certificates() {
    const PROGRAM: &str = r#"
import { createLocalJWKSet, jwtVerify } from "jose";
const given = JSON.parse(process.argv[1]);
const keys = createLocalJWKSet(given.jwks);
const verified = async (text) => {
  try {
    const options = { algorithms: ["EdDSA"], issuer: "letsbe-hub", subject: "acme-1", requiredClaims: ["iat", "exp"] };
    return (await jwtVerify(text, keys, options)).payload.entitlements.length === 0;
  } catch (error) {
    if (["ERR_JWKS_NO_MATCHING_KEY", "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"].includes(error.code)) return false;
    throw error;
  }
};
console.log(JSON.stringify(await Promise.all(given.certificates.map(verified))));
"#;
    let Some(folder) = third_party::node_with_jose() else { return };
    verify_by(&|keys, certificates| {
        let mut program = Command::new("node");
        program.current_dir(folder).args(["--input-type=module", "--eval", PROGRAM, "--"]);
        run(program, keys, certificates)
    })
    .await;
}

/// Writes files into the folder of a hubctl.
fn with_files(ctl: &Ctl, files: &[(&str, &str)]) {
    for (name, content) in files {
        std::fs::write(ctl.dir().join(name), content).unwrap();
    }
}

#[tokio::test]
async fn hubctl_verifies_certificates_offline() {
    let mut certified = Certified::start().await;
    let (old, keys) = (certified.certificate.clone(), certified.jwks().await);
    let online = certified.hub.ctl().stdin(old.as_str().unwrap());
    assert_eq!(online.run(&["certificate", "verify", "-o", "json"]).expect(0).json(), claims(&old));
    certified.rotate();
    let new = certified.own().await;
    assert!(certified.hub.stop().success());

    let ctl = Ctl::default();
    let answer = json!({"certificate": old}).to_string();
    let other = Certified::start().await.certificate;
    with_files(
        &ctl,
        &[
            ("keys.json", &keys),
            ("answer.json", &answer),
            ("old.jwt", old.as_str().unwrap()),
            ("new.jwt", new.as_str().unwrap()),
            ("other.jwt", other.as_str().unwrap()),
        ],
    );
    let verify = |file: &str, more: &[&str]| -> Ran {
        let args = ["certificate", "verify", "--jwks", "keys.json", "--certificate-file", file];
        ctl.run(&[&args, more].concat())
    };
    assert_eq!(verify("old.jwt", &["-o", "name"]).expect(0).stdout, "acme-1\n");
    assert_eq!(verify("answer.json", &["-o", "json"]).expect(0).json(), claims(&old));
    let said = verify("new.jwt", &[]).expect(4).stderr;
    assert!(said.starts_with("error[certificate_invalid]: no key of the hub"), "{said}");
    assert_eq!(verify("other.jwt", &[]).code, 4);
    assert_eq!(verify("keys.json", &[]).code, 4);
    let said = verify("old.jwt", &["--instance", "acme-2"]).expect(5).stderr;
    assert!(said.starts_with("error[instance_mismatch]"), "{said}");
}

#[tokio::test]
async fn an_ended_certificate_is_told_from_a_false_one() {
    let setup = Setup::on(Engine::Sqlite).for_proofs();
    let hub = setup.env("HUBD_PROOF_NOW", "2020-01-01T00:00:00Z").start().await;
    hub.client("acme").await;
    let issued = hub.issue("acme", "acme-1").await;
    let activated = hub.activate(&issued.license_key).await.to_string();
    let keys = hub.anonymous().get(JWKS).await.ok().to_string();
    let ctl = Ctl::default().stdin(&activated);
    with_files(&ctl, &[("keys.json", &keys)]);
    let said = ctl.run(&["certificate", "verify", "--jwks", "keys.json"]).expect(5).stderr;
    let expected = "error[certificate_expired]: the certificate of acme-1 ended at 2020-01-08";
    assert!(said.starts_with(expected), "{said}");
    if let Some(python) = third_party::python_with_jwt() {
        let ran = sample(&ctl, python, &["--jwks", "keys.json"]);
        assert!(ran.expect(5).stderr.contains("has ended"));
    }
}

/// Runs `deploy/client/verify_certificate.py`.
fn sample(ctl: &Ctl, python: &Path, args: &[&str]) -> Ran {
    let script = workspace().join("deploy/client/verify_certificate.py");
    let args = [&[script.to_str().unwrap()], args].concat();
    ctl.run_program(python.to_str().unwrap(), &args)
}

#[tokio::test]
async fn the_sample_verifier_needs_only_the_keys() {
    let Some(python) = third_party::python_with_jwt() else { return };
    let mut certified = Certified::start().await;
    let (certificate, keys) = (certified.certificate.clone(), certified.jwks().await);
    assert!(certified.hub.stop().success());
    let ctl = Ctl::default().stdin(&json!({"certificate": certificate}).to_string());
    with_files(&ctl, &[("keys.json", &keys)]);
    let named = |instance| sample(&ctl, python, &["--jwks", "keys.json", "--instance", instance]);
    assert_eq!(named("acme-1").expect(0).json(), claims(&certificate));
    assert_eq!(named("acme-2").code, 4);
    let ctl = ctl.stdin(r#"{"certificate": null}"#);
    assert_eq!(sample(&ctl, python, &["--jwks", "keys.json"]).code, 4);
}

#[tokio::test]
async fn replicas_that_share_the_folder_publish_the_same_keys() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    let setup = Setup::on(Engine::Postgres).args(["--certificate-keys", keys.to_str().unwrap()]);
    let hub = setup.start().await;
    let replica = hub.replica();
    let published = hub.anonymous().get(JWKS).await.ok();
    assert_eq!(replica.anonymous().get(JWKS).await.ok(), published);
    hub.client("acme").await;
    let issued = hub.issue("acme", "acme-1").await;
    let activated = replica.activate(&issued.license_key).await;
    assert_eq!(published["keys"][0]["kid"], kid(&activated["certificate"]));
}

/// A key that openssl made works too, and one that others may read is refused.
#[tokio::test]
async fn the_operators_own_key_signs() {
    use std::os::unix::fs::PermissionsExt;
    let mut certified = Certified::start().await;
    assert!(certified.hub.stop().success());
    let own = certified.hub.data_dir().join("certificate-keys/zz.pem");
    let made = Command::new("openssl")
        .args(["genpkey", "-algorithm", "ed25519", "-out"])
        .arg(&own)
        .output();
    assert!(made.unwrap().status.success());
    let set_mode = |mode| std::fs::set_permissions(&own, PermissionsExt::from_mode(mode)).unwrap();
    set_mode(0o644);
    let (status, said) = certified.hub.launch_refused();
    assert!(!status.success() && said.contains("chmod 600"), "{said}");
    set_mode(0o600);
    certified.hub.launch();
    let signed = certified.own().await;
    assert_ne!(kid(&signed), kid(&certified.certificate));
    // openssl reads the hub's own key as well.
    let entries = std::fs::read_dir(own.parent().unwrap()).unwrap();
    for file in entries.map(|entry| entry.unwrap().path()) {
        let read = Command::new("openssl").args(["pkey", "-noout", "-in"]).arg(&file).output();
        assert!(read.unwrap().status.success(), "{}", file.display());
    }
}
