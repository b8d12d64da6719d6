//! The guides in docs/: what they show is run as it is written, with the paths and addresses of the test.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use hub_core::api::Route;
use hub_core::problem::ErrorCode;
use hub_tests::binaries::{self, workspace};
use hub_tests::port::{free_port, until_listening};
use hub_tests::tls::Authority;
use hub_tests::{Engine, Hub, Setup, postgres};
use serde_json::json;

fn guide(name: &str) -> String {
    fs::read_to_string(workspace().join("docs").join(name)).unwrap()
}

/// The block of the operator's guide that is marked `sh NAME`.
fn block(name: &str) -> String {
    marked(&format!("sh {name}"))
}

/// The block of the operator's guide with this mark.
fn marked(mark: &str) -> String {
    let guide = guide("operating.md");
    let (_, block) = guide.split_once(&format!("```{mark}\n")).expect("the guide has the block");
    block.split("```").next().unwrap().to_owned()
}

/// What stands between backticks and begins like this.
fn spans<'t>(text: &'t str, beginning: &str) -> impl Iterator<Item = &'t str> {
    text.split('`').skip(1).step_by(2).filter(move |span| span.starts_with(beginning))
}

/// Runs the lines: the hub itself is what `systemctl` starts and stops, and the data folder is `/var/lib/hubd`.
fn run(hub: &mut Hub, lines: &str) -> String {
    let data = hub.data_dir();
    let mut said = String::new();
    for line in lines.lines() {
        match line {
            "systemctl stop hubd" => assert!(hub.stop().success()),
            "systemctl start hubd" => hub.launch(),
            _ => said += &shell(hub, &line.replace("/var/lib/hubd", data.to_str().unwrap())),
        }
    }
    said
}

/// Runs a line of shell with the built programs.
fn shell(hub: &Hub, line: &str) -> String {
    let programs = [binaries::hubd(), binaries::hubctl()].map(|program| {
        let name = program.file_name().unwrap().to_str().unwrap().replace("-for-tests", "");
        let named = hub.dir().join("bin").join(name);
        fs::create_dir_all(named.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&named);
        std::os::unix::fs::symlink(program, &named).unwrap();
        named
    });
    let path = format!("{}:/usr/bin:/bin", programs[0].parent().unwrap().display());
    let done = Command::new("bash")
        .args(["-euo", "pipefail", "-c", line])
        .current_dir(hub.dir())
        .env_clear()
        .env("PATH", path)
        .env("HOME", hub.dir())
        .env("HUBD_DATA_DIR", hub.data_dir())
        .env("HUBCTL_ADMIN_KEY_FILE", hub.data_dir().join("admin.key"))
        .env("HUBCTL_URL", fs::read_to_string(hub.dir().join("url")).unwrap_or_default())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
    assert!(done.status.success(), "{line}\n{said}");
    said
}

/// Lets the commands find the hub that runs now.
fn note_url(hub: &Hub) {
    fs::write(hub.dir().join("url"), hub.base()).unwrap();
}

#[tokio::test]
async fn sqlite_backup_and_restore() {
    let mut hub = Hub::sqlite().await;
    hub.client("acme").await;
    let elsewhere = hub.dir().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let lines = block("backup").replace("/mnt/elsewhere", elsewhere.to_str().unwrap());
    run(&mut hub, &lines);
    assert!(elsewhere.join("hub.db").exists());
    let copies = fs::read_dir(hub.data_dir().join("backups")).unwrap().flatten();
    let names: Vec<_> = copies.map(|file| file.file_name().into_string().unwrap()).collect();
    let copy = names.iter().find(|name| Path::new(name).extension().is_some_and(|e| e == "db"));
    hub.client("later").await;
    let lines = block("restore");
    let shown = lines.split('/').find_map(|part| part.strip_suffix(".db\nsystemctl start hubd\n"));
    let lines = lines.replace(&format!("{}.db", shown.unwrap()), copy.unwrap());
    run(&mut hub, &lines);
    hub.admin().get("/api/v1/admin/clients/acme").await.expect(200).done();
    hub.admin().get("/api/v1/admin/clients/later").await.problem(404, "client_not_found");
}

#[tokio::test]
async fn sqlite_to_postgres() {
    const SHOWN: &str = "postgres://hub@db.example/hub";
    let mut hub = Hub::sqlite().await;
    hub.client("acme").await;
    let database = postgres::shared().database().await;
    let env = hub.dir().join("hubd.env");
    let lines = block("copy").replace(SHOWN, &database.url());
    let lines = lines.replace("/etc/hubd/hubd.env", env.to_str().unwrap());
    let (before, start) = lines.split_at(lines.find("systemctl start").unwrap());
    run(&mut hub, before);
    let set = fs::read_to_string(env).unwrap();
    let (name, value) = set.trim_end().split_once('=').unwrap();
    hub.set_env(name, value);
    run(&mut hub, start);
    hub.admin().get("/api/v1/admin/clients/acme").await.expect(200).done();
    let stats = hub.admin().get("/api/v1/admin/stats").await.ok();
    assert_eq!(stats["database"], "postgres");
    assert!(hub.stop().success());
}

/// nginx, until it is dropped.
struct Nginx(Child);

impl Nginx {
    /// Starts it with the block of the guide; `None`, with a message, where it is not installed.
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    fn start(hub: &Hub, authority: &Authority, port: u16) -> Option<Self> {
        let server = marked("nginx")
            .replace("listen 443 ssl", &format!("listen 127.0.0.1:{port} ssl"))
            .replace("/etc/nginx/hub/fullchain.pem", &authority.certificate())
            .replace("/etc/nginx/hub/privkey.pem", &authority.key())
            .replace("127.0.0.1:8200", hub.address());
        let settings =
            "daemon off;\nuser root;\npid nginx.pid;\nevents {}\nhttp {\naccess_log off;\n";
        let config = hub.dir().join("nginx.conf");
        fs::write(&config, format!("{settings}{server}}}\n")).unwrap();
        let mut nginx = Command::new("/usr/sbin/nginx");
        nginx.args(["-e", "nginx.log", "-c"]).arg(&config).arg("-p").arg(hub.dir());
        let Ok(mut child) = nginx.stderr(Stdio::null()).spawn() else {
            eprintln!("SKIPPED: nginx is not installed");
            return None;
        };
        let log = hub.dir().join("nginx.log");
        until_listening(&mut child, port, || fs::read_to_string(&log).unwrap_or_default());
        Some(Self(child))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

/// The hub takes each caller of nginx for itself: one that guesses keys is limited, another one is not.
#[tokio::test]
async fn nginx_in_front() {
    let trusted = ["--trusted-proxies", "127.0.0.1/32"];
    let hub = Setup::on(Engine::Sqlite).args(trusted).start().await;
    let (authority, port) = (Authority::new(), free_port());
    let Some(_nginx) = Nginx::start(&hub, &authority, port) else { return };
    let ask = |from: &str, key: &str, times: usize| {
        let url = format!("https://127.0.0.1:{port}/api/v1/admin/whoami");
        let header = format!("X-Admin-Api-Key: {key}");
        let certificate = authority.certificate();
        let mut curl = Command::new("curl");
        curl.args(["-s", "--interface", from, "--cacert", &certificate, "-H", &header]);
        curl.args(["-w", "%{stderr}%{http_code} "]);
        let said = curl.args(vec![url.as_str(); times]).output().unwrap().stderr;
        String::from_utf8(said).unwrap()
    };
    let wrong = "lb_admin_00000000000000000000000000000000";
    assert_eq!(ask("127.0.0.1", hub.admin_key(), 1), "200 ");
    let guesses = ask("127.0.0.7", wrong, 60);
    assert!(guesses.starts_with("401 ") && guesses.ends_with("429 "), "{guesses}");
    assert_eq!(ask("127.0.0.8", wrong, 1), "401 ");
}

/// The table of lost keys: each command does what it is there for.
#[tokio::test]
async fn lost_keys() {
    let mut hub = Hub::sqlite().await;
    hub.client("acme").await;
    let issued = hub.issue("acme", "acme-prod").await;
    note_url(&hub);
    let guide = guide("operating.md");
    let (_, table) = guide.split_once("## When keys are lost").unwrap();
    let table = table.split("\n## ").next().unwrap();
    let commands: Vec<_> = table.split('`').skip(1).step_by(2).collect();
    let commands =
        commands.into_iter().filter(|span| span.starts_with("hub") && span.contains(' '));
    let mut ran = 0;
    for command in commands {
        run(&mut hub, command);
        hub.take_key_file();
        ran += 1;
    }
    assert!(ran >= 4, "{table}");
    let old = json!({"license_key": issued.license_key});
    let refused = hub.anonymous().post("/api/v1/instances/activate", old).await;
    refused.problem(401, "license_invalid");
    let keys = fs::read_dir(hub.data_dir().join("certificate-keys")).unwrap();
    assert_eq!(keys.count(), 2, "the one of the first start, and the new one");
}

/// Every command of the guides and of the README is one that the program knows, with these flags.
#[test]
fn every_command_exists() {
    let mut texts = vec![fs::read_to_string(workspace().join("README.md")).unwrap()];
    for file in fs::read_dir(workspace().join("docs")).unwrap().flatten() {
        if file.path().extension().is_some_and(|extension| extension == "md") {
            texts.push(fs::read_to_string(file.path()).unwrap());
        }
    }
    let mut known = 0;
    for text in &texts {
        let lines = text.lines().map(str::trim_start);
        let lines = lines.filter(|line| line.starts_with("hubctl ") || line.starts_with("hubd "));
        let spans = spans(text, "hubctl ").chain(spans(text, "hubd "));
        for command in lines.chain(spans) {
            let command = command.split(['|', '#', '>', ';', '&', '\n']).next().unwrap();
            // Something is left out.
            if command.contains(['…', '[', '$', '\'', '"', '`']) {
                continue;
            }
            let mut words = command.split_whitespace();
            let program = match words.next() {
                Some("hubd") => binaries::hubd(),
                _ => binaries::hubctl(),
            };
            let asked = Command::new(program).args(words).arg("--help").output().unwrap();
            let said = String::from_utf8_lossy(&asked.stderr);
            assert!(asked.status.success(), "{command}: {said}");
            known += 1;
        }
    }
    assert!(known > 30, "{known}");
}

/// The routes and codes that the guide for clients names.
#[test]
fn every_route_and_code_exists() {
    let guide = guide("api-guide.md");
    let mut routes = 0;
    for method in ["GET", "POST"] {
        for shown in spans(&guide, &format!("{method} ")) {
            let is_it = |route: &&Route| format!("{} {}", route.method(), route.path()) == shown;
            assert!(Route::ALL.iter().any(|route| is_it(&route)), "no route {shown}");
            routes += 1;
        }
    }
    assert!(routes >= 3);
    let (_, errors) = guide.split_once("## Errors").unwrap();
    let rows = errors.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    let codes = rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2));
    let codes: Vec<_> = codes.collect();
    assert!(codes.len() >= 3, "{codes:?}");
    for code in codes {
        assert!(ErrorCode::ALL.iter().any(|known| known.as_str() == code), "no code {code}");
    }
}
