//! The way to the hub, and the hub itself.

use std::time::Duration;

use hub_core::api::{Endpoint, GetVersion, Health, Ready, Version};
use hub_core::exit::Exit;
use reqwest::Url;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::report::Report;
use crate::client::{Hub, Probe};
use crate::error::{Failure, Result};
use crate::output::Out;
use crate::settings::{Settings, now};

/// The largest harmless difference of clocks.
const SKEW: i64 = 30_000;

/// Checks name, connection, certificate and answer, each only if the one before is fine.
pub(super) async fn is_reached(settings: &Settings, hub: &Hub<'_>, report: &mut Report) -> bool {
    // A proxy does both in our place.
    if settings.proxy.is_none()
        && let Err(failure) = connects(&settings.url, settings.timeout, report).await
    {
        return false_after(report, "connection", &failure);
    }
    let probe = match hub.probe(Health::ROUTE.path()).await {
        Ok(probe) => probe,
        Err(failure) => {
            if !is_of_tls(&failure) {
                return false_after(report, "hub", &failure);
            }
            let failure = failure.hint("a certificate of your own authority: --cacert PATH");
            return false_after(report, "tls", &failure);
        }
    };
    if settings.url.scheme() == "https" {
        report.ok("tls", "the certificate is trusted".to_owned());
    }
    if !says(&probe, "ok") {
        return false_after(report, "hub", &stranger(probe.status));
    }
    report.ok("hub", "it is up".to_owned());
    clock(&probe, report);
    true
}

fn false_after(report: &mut Report, name: &'static str, failure: &Failure) -> bool {
    report.fail(name, failure);
    false
}

async fn connects(url: &Url, patience: Duration, report: &mut Report) -> Result<()> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port_or_known_default().unwrap_or_default();
    let unreachable = |what: String| {
        Failure::new(Exit::Unreachable, "unreachable", what)
            .hint("is the hub running there? --url or HUBCTL_URL names another")
    };
    let late = |_| unreachable(format!("no answer from {host}:{port} within {patience:?}"));
    let found = timeout(patience, lookup_host((host, port))).await.map_err(late)?;
    let found: Vec<_> =
        found.map_err(|error| unreachable(format!("the name {host}: {error}")))?.collect();
    let addresses: Vec<_> = found.iter().map(|address| address.ip().to_string()).collect();
    if host.parse::<std::net::IpAddr>().is_err() {
        report.ok("name", format!("{host} is {}", addresses.join(", ")));
    }
    let connected = timeout(patience, TcpStream::connect(&*found)).await.map_err(late)?;
    let connection =
        connected.map_err(|error| unreachable(format!("connecting to {host}:{port}: {error}")))?;
    let peer = connection.peer_addr().map(|peer| peer.to_string()).unwrap_or_default();
    report.ok("connection", format!("to {peer}"));
    Ok(())
}

/// Whether a certificate or the handshake is what failed.
fn is_of_tls(failure: &Failure) -> bool {
    let message = failure.parts().message.to_ascii_lowercase();
    ["certificate", "handshake", "tls", "corrupt message"].iter().any(|word| message.contains(word))
}

/// Whether the body is a hub's own with this status.
fn says(probe: &Probe, status: &str) -> bool {
    let body: Option<hub_core::api::Status> = serde_json::from_slice(&probe.body).ok();
    probe.status == 200 && body.is_some_and(|body| body.status == status)
}

fn stranger(status: u16) -> Failure {
    let (exit, code) = match status {
        500.. => (Exit::HubFailed, "bad_gateway"),
        _ => (Exit::Incompatible, "not_understood"),
    };
    Failure::new(exit, code, format!("the server at this URL is no hub (it answered {status})"))
        .hint("check the URL, and the servers in front of the hub")
}

fn clock(probe: &Probe, report: &mut Report) {
    let Some(date) = probe.date else { return };
    // The header has whole seconds.
    let skew = now().unix_ms() - date.unix_ms();
    if skew.abs() > SKEW {
        let (seconds, which) = (skew.abs() / 1_000, if skew > 0 { "ahead of" } else { "behind" });
        report.warn(
            "clock",
            format!("this machine's clock is {seconds} s {which} the hub's"),
            "set both clocks: the ends of licenses and the hours of reports depend on them",
        );
    } else {
        report.ok("clock", "the same time here and there".to_owned());
    }
}

/// Whether the hub's database answers.
pub(super) async fn is_ready(hub: &Hub<'_>, report: &mut Report) {
    match hub.probe(Ready::ROUTE.path()).await {
        Ok(probe) if says(&probe, "ready") => report.ok("ready", "its database answers".to_owned()),
        Ok(probe) => {
            let what = format!("the hub is not ready ({})", probe.status);
            let failure = Failure::new(Exit::HubFailed, "database_unavailable", what);
            report.fail("ready", &failure.hint("look at the hub's log and its database"));
        }
        Err(failure) => report.fail("ready", &failure),
    }
}

/// Whether the hub trusts the clocks of its machines, which it tells operators alone.
pub(super) async fn keeps_time(hub: &Hub<'_>, out: &Out, report: &mut Report) {
    let readiness = hub.call::<Ready>("", &(), &()).await;
    if let Some(doubted) = readiness.ok().and_then(|readiness| readiness.doubted_clock) {
        let times = out.times();
        let (says, trusted) = (times.write(doubted.says), times.write(doubted.trusted));
        report.warn(
            "hub's clock",
            format!("it says {says}, a day and more from {trusted}, the last time it trusted"),
            "set the clock of the hub's machine; until then no old telemetry is deleted",
        );
    }
}

/// Whether this hubctl and that hub fit together.
pub(super) async fn fits(hub: &Hub<'_>, report: &mut Report) {
    let own = env!("CARGO_PKG_VERSION");
    let Version { name, version, schema } = match hub.call::<GetVersion>("", &(), &()).await {
        Ok(version) => version,
        Err(failure) => return report.fail("version", &failure),
    };
    let told = format!("hubctl {own}, {name} {version}, schema {schema}");
    match fit(own, &version) {
        Fit::Same => report.ok("version", told),
        Fit::Near => report.warn("version", told, "use the same version on both sides"),
        Fit::None => {
            let failure = Failure::new(Exit::Incompatible, "not_understood", told);
            report.fail("version", &failure.hint("use the same version on both sides"));
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Fit {
    Same,
    Near,
    None,
}

/// Versions fit if their first number that is not 0 is the same: the rule of semantic versioning.
fn fit(own: &str, other: &str) -> Fit {
    let numbers = |version: &str| -> Vec<u64> {
        let plain = version.split(['-', '+']).next().unwrap_or_default();
        plain.split('.').map_while(|number| number.parse().ok()).collect()
    };
    let (own, other) = (numbers(own), numbers(other));
    let first = own.iter().position(|number| *number != 0).unwrap_or(own.len());
    if own == other {
        return Fit::Same;
    }
    let compatible = own.len() == other.len()
        && own.iter().zip(&other).take(first + 1).all(|(own, other)| own == other);
    if compatible { Fit::Near } else { Fit::None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_fit_as_semantic_versioning_says() {
        for (own, other, fits) in [
            ("0.1.0", "0.1.0", Fit::Same),
            ("0.1.0", "0.1.7", Fit::Near),
            ("0.1.0", "0.2.0", Fit::None),
            ("1.2.3", "1.9.0", Fit::Near),
            ("1.2.3", "2.0.0", Fit::None),
            ("0.0.1", "0.0.2", Fit::None),
            ("0.1.0", "nightly", Fit::None),
        ] {
            assert_eq!(fit(own, other), fits, "{own} and {other}");
        }
    }
}
