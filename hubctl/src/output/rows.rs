//! Each resource in tables.

use hub_core::api::{AdminKeyInfo, AuditEvent, Client, EffectiveStatus, Instance};
use hub_core::labels::Labels;
use hub_core::model::Suspension;

use super::{Column, Row, Times, column};

fn labels(labels: &Labels) -> String {
    let pairs: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(",")
}

impl Row for Client {
    const COLUMNS: &'static [Column] = &[
        column("SLUG", 0),
        column("NAME", 1),
        column("STATUS", 0),
        column("INSTANCES", 2),
        column("LABELS", 4),
        column("CREATED", 3),
    ];

    const FIELDS: &'static [&'static str] = &[
        "slug",
        "name",
        "id",
        "external_ref",
        "status",
        "suspension.reason",
        "suspension.since",
        "instances.total",
        "instances.pending",
        "instances.active",
        "instances.suspended",
        "labels",
        "created_at",
        "updated_at",
    ];

    fn handle(&self) -> String {
        self.slug.to_string()
    }

    fn cells(&self, times: &Times) -> Vec<String> {
        vec![
            self.handle(),
            self.name.as_str().to_owned(),
            self.status.as_str().to_owned(),
            self.instances.total.to_string(),
            labels(&self.labels),
            times.write(self.created_at),
        ]
    }

    const WIDE: &'static [Column] = &[
        column("PENDING", 0),
        column("ACTIVE", 0),
        column("SUSPENDED", 0),
        column("EXTERNAL REF", 0),
        column("UPDATED", 0),
        column("ID", 0),
    ];

    fn wide(&self, times: &Times) -> Vec<String> {
        let counts = self.instances;
        vec![
            counts.pending.to_string(),
            counts.active.to_string(),
            counts.suspended.to_string(),
            self.external_ref.as_ref().map_or("", |r| r.as_str()).to_owned(),
            times.write(self.updated_at),
            self.id.clone(),
        ]
    }

    fn details(&self, times: &Times) -> Vec<(&'static str, String)> {
        let counts = self.instances;
        let mut details = vec![
            ("SLUG", self.handle()),
            ("ID", self.id.clone()),
            ("NAME", self.name.as_str().to_owned()),
            ("EXTERNAL REF", self.external_ref.as_ref().map_or("", |r| r.as_str()).to_owned()),
            ("STATUS", self.status.as_str().to_owned()),
            ("INSTANCES", counts.total.to_string()),
            ("PENDING", counts.pending.to_string()),
            ("ACTIVE", counts.active.to_string()),
            ("SUSPENDED", counts.suspended.to_string()),
            ("LABELS", labels(&self.labels)),
            ("CREATED", times.write(self.created_at)),
            ("UPDATED", times.write(self.updated_at)),
        ];
        details.extend(suspended(self.suspension.as_ref(), times));
        details
    }
}

/// The lines about a suspension, if there is one.
fn suspended(
    suspension: Option<&Suspension>,
    times: &Times,
) -> impl Iterator<Item = (&'static str, String)> {
    let lines = suspension.map(|suspension| {
        let reason = suspension.reason.as_ref().map_or("", |reason| reason.as_str());
        let since = ("SUSPENDED SINCE", times.write(suspension.since));
        [since, ("REASON", reason.to_owned())]
    });
    lines.into_iter().flatten()
}

/// The state of an instance: one that works although its license has ended says so.
fn status(instance: &Instance) -> String {
    let status = instance.effective_status.as_str();
    let in_grace =
        instance.license.in_grace && instance.effective_status == EffectiveStatus::Active;
    if in_grace { format!("{status}, grace") } else { status.to_owned() }
}

impl Row for Instance {
    const COLUMNS: &'static [Column] = &[
        column("INSTANCE", 0),
        column("CLIENT", 1),
        column("STATUS", 0),
        column("LICENSE", 5),
        column("EXPIRES", 3),
        column("LABELS", 6),
        column("CREATED", 4),
        column("LAST SEEN", 2),
    ];

    const FIELDS: &'static [&'static str] = &[
        "instance_id",
        "client_slug",
        "status",
        "effective_status",
        "license.fingerprint",
        "license.issued_at",
        "license.expires_at",
        "license.grace_days",
        "license.works_until",
        "license.in_grace",
        "license.max_activations",
        "license.activations",
        "license.entitlements",
        "hub_key.fingerprint",
        "suspension.reason",
        "suspension.since",
        "labels",
        "created_at",
        "updated_at",
        "activated_at",
        "last_seen_at",
    ];

    fn handle(&self) -> String {
        self.instance_id.to_string()
    }

    fn cells(&self, times: &Times) -> Vec<String> {
        vec![
            self.handle(),
            self.client_slug.to_string(),
            status(self),
            self.license.fingerprint.to_string(),
            times.or_never(self.license.expires_at),
            labels(&self.labels),
            times.write(self.created_at),
            times.or_never(self.last_seen_at),
        ]
    }

    const WIDE: &'static [Column] = &[
        column("GRACE DAYS", 0),
        column("ACTIVATIONS", 0),
        column("ENTITLEMENTS", 0),
        column("HUB KEY", 0),
        column("ACTIVATED", 0),
        column("UPDATED", 0),
    ];

    fn wide(&self, times: &Times) -> Vec<String> {
        let license = &self.license;
        let limit = license.max_activations.map(|limit| format!("/{}", limit.get()));
        vec![
            license.grace_days.get().to_string(),
            format!("{}{}", license.activations, limit.unwrap_or_default()),
            license.entitlements.iter().collect::<Vec<_>>().join(","),
            self.hub_key.as_ref().map(|key| key.fingerprint.to_string()).unwrap_or_default(),
            times.or_never(self.activated_at),
            times.write(self.updated_at),
        ]
    }

    fn details(&self, times: &Times) -> Vec<(&'static str, String)> {
        let license = &self.license;
        let limit = license.max_activations.map(|limit| limit.get().to_string());
        let hub_key = self.hub_key.as_ref().map(|key| key.fingerprint.to_string());
        let mut details = vec![
            ("INSTANCE", self.handle()),
            ("CLIENT", self.client_slug.to_string()),
            ("STATUS", status(self)),
            ("LICENSE", license.fingerprint.to_string()),
            ("EXPIRES", times.or_never(license.expires_at)),
            ("GRACE DAYS", license.grace_days.get().to_string()),
            ("WORKS UNTIL", times.or_never(license.works_until)),
            (
                "ACTIVATIONS",
                format!("{} of {}", license.activations, limit.as_deref().unwrap_or("any number")),
            ),
            ("ENTITLEMENTS", license.entitlements.iter().collect::<Vec<_>>().join(",")),
            ("HUB KEY", hub_key.unwrap_or_default()),
            ("LABELS", labels(&self.labels)),
            ("CREATED", times.write(self.created_at)),
            ("UPDATED", times.write(self.updated_at)),
            ("ACTIVATED", times.or_never(self.activated_at)),
            ("LAST SEEN", times.or_never(self.last_seen_at)),
        ];
        details.extend(suspended(self.suspension.as_ref(), times));
        details
    }
}

impl Row for AdminKeyInfo {
    const FIELDS: &'static [&'static str] =
        &["name", "role", "fingerprint", "created_at", "expires_at", "last_used_at"];

    const COLUMNS: &'static [Column] = &[
        column("NAME", 0),
        column("ROLE", 0),
        column("FINGERPRINT", 1),
        column("CREATED", 4),
        column("EXPIRES", 2),
        column("LAST USED", 3),
    ];

    fn handle(&self) -> String {
        self.name.to_string()
    }

    fn cells(&self, times: &Times) -> Vec<String> {
        vec![
            self.handle(),
            self.role.to_string(),
            self.fingerprint.to_string(),
            times.write(self.created_at),
            times.or_never(self.expires_at),
            times.or_never(self.last_used_at),
        ]
    }
}

impl Row for AuditEvent {
    const COLUMNS: &'static [Column] = &[
        column("SEQ", 2),
        column("AT", 0),
        column("ACTOR", 1),
        column("ACTION", 0),
        column("TARGET", 0),
        column("DETAIL", 3),
        column("REQUEST", 4),
    ];

    const FIELDS: &'static [&'static str] =
        &["seq", "at", "actor", "action", "target", "detail", "request_id", "hash"];

    fn handle(&self) -> String {
        self.seq.to_string()
    }

    fn cells(&self, times: &Times) -> Vec<String> {
        let detail: Vec<_> =
            self.detail.iter().map(|(key, value)| format!("{key}={value}")).collect();
        vec![
            self.handle(),
            times.write(self.at),
            self.actor.clone(),
            self.action.clone(),
            self.target.clone(),
            detail.join(" "),
            self.request_id.clone(),
        ]
    }
}
