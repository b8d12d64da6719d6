//! TLS: which versions, that a new certificate is taken while the hub runs, and that keys never go over
//! plain HTTP to other machines unless the operator says so.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use hub_tests::tls::certify;
use hub_tests::{Engine, Hub, Setup, raw};

async fn start(folder: &Path) -> Hub {
    certify(folder, "first");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (certificate, key) = (path("cert.pem"), path("key.pem"));
    let args = ["--tls-certificate", &certificate, "--tls-key", &key];
    Setup::on(Engine::Sqlite).args(args).start().await
}

/// What openssl says of a connection with these options; `None` when it cannot be made.
fn connect(hub: &Hub, options: &[&str]) -> Option<String> {
    let address = hub.base().trim_start_matches("https://").to_owned();
    let mut client = Command::new("openssl");
    client.args(["s_client", "-connect", &address]).args(options).stdin(Stdio::null());
    let output = client.output().unwrap();
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[tokio::test]
async fn the_hub_speaks_tls_1_2_and_1_3_and_takes_a_new_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let hub = start(folder.path()).await;
    assert!(hub.base().starts_with("https://"), "{}", hub.base());
    let curl = |more: &[&str]| {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--cacert", "cert.pem"])
            .args(more)
            .arg(format!("{}/healthz", hub.base()));
        let output = curl.current_dir(folder.path()).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    for version in [&["--tlsv1.3"][..], &["--tlsv1.2", "--tls-max", "1.2"]] {
        assert_eq!(curl(version), (true, "{\"status\":\"ok\"}".to_owned()), "{version:?}");
    }
    let old = ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"];
    assert_eq!(connect(&hub, &old), None, "TLS 1.1 is refused");
    // A request in the clear gets no answer in the clear.
    let said =
        raw::exchange(hub.base().trim_start_matches("https://"), b"GET /healthz HTTP/1.1\r\n\r\n");
    assert!(!String::from_utf8_lossy(&said.await).contains("HTTP/1.1"));

    certify(folder.path(), "second");
    let hangup = Command::new("kill").args(["-HUP", &hub.pid().to_string()]).status().unwrap();
    assert!(hangup.success());
    while !connect(&hub, &[]).is_some_and(|said| said.contains("CN = second")) {
        tokio::task::yield_now().await;
    }
    assert!(curl(&[]).0, "the new certificate is trusted by its own file");
    // What cannot be used changes nothing.
    fs::write(folder.path().join("cert.pem"), "x").unwrap();
    Command::new("kill").args(["-HUP", &hub.pid().to_string()]).status().unwrap();
    while !hub.log().contains("stays as it was") {
        tokio::task::yield_now().await;
    }
    assert!(connect(&hub, &[]).unwrap().contains("CN = second"));
}

#[tokio::test]
async fn a_whole_tour_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let hub = start(folder.path()).await;
    let authority = folder.path().join("cert.pem");
    let ctl = hub.ctl().env("HUBCTL_CACERT", authority.to_str().unwrap());
    let _ = ctl.run(&["client", "create", "acme", "--name", "Acme"]).expect(0);
    let issued =
        ctl.run(&["instance", "issue", "acme-1", "--client", "acme", "--sink", "file:l.key"]);
    let _ = issued.expect(0);
    let activated = ctl.run(&["activate", "--license-file", "l.key", "--sink", "file:hub.key"]);
    assert!(activated.expect(0).stdout.contains("acme-1"));
}

#[tokio::test]
async fn plain_http_beyond_this_machine_must_be_meant() {
    let mut hub = Hub::sqlite().await;
    assert!(hub.stop().success());
    hub.listen_on("0.0.0.0:0");
    let (status, said) = hub.launch_refused();
    assert!(!status.success() && said.contains("--allow-plain-http"), "{said}");
    for (name, value) in [("HUBD_ALLOW_PLAIN_HTTP", "true"), ("HUBD_TRUSTED_PROXIES", "10.0.0.0/8")]
    {
        let mut hub = Hub::sqlite().await;
        assert!(hub.stop().success());
        hub.listen_on("0.0.0.0:0");
        hub.set_env(name, value);
        hub.launch();
    }
}

#[tokio::test]
async fn half_of_tls_is_refused() {
    let mut hub = Hub::sqlite().await;
    assert!(hub.stop().success());
    hub.set_env("HUBD_TLS_KEY", "key.pem");
    let (status, said) = hub.launch_refused();
    assert!(!status.success() && said.contains("together"), "{said}");
}
