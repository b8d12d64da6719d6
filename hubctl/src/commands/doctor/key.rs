//! The admin key: whether it works, what it may do, and when it ends.

use std::time::Duration;

use hub_core::api::{AdminKeyInfo, Identity, ListAdminKeys, Role, Whoami};

use super::report::Report;
use crate::client::Hub;
use crate::output::Out;
use crate::settings::Settings;

/// A key that ends within this time is worth a warning.
const SOON: Duration = Duration::from_hours(14 * 24);

/// Asks the hub which key this is; whether it knows it.
pub(super) async fn is_accepted(
    settings: &Settings,
    hub: &Hub<'_>,
    out: &Out,
    report: &mut Report,
) -> bool {
    let identity = match hub.call::<Whoami>("", &(), &()).await {
        Ok(identity) => identity,
        Err(failure) => {
            report.fail("admin key", &failure);
            return false;
        }
    };
    let Identity { name, role, fingerprint } = &identity;
    let origin = &settings.origins.admin_key;
    report.ok("admin key", format!("{name}, {role}, {fingerprint} (from {origin})"));
    // Only owners may see when keys end.
    if *role == Role::Owner
        && let Ok(keys) = hub.call::<ListAdminKeys>("", &(), &()).await
        && let Some(own) = keys.items.iter().find(|key| key.fingerprint == *fingerprint)
    {
        ends(own, out, report);
    }
    true
}

fn ends(own: &AdminKeyInfo, out: &Out, report: &mut Report) {
    let times = out.times();
    match own.expires_at {
        Some(end) if end < times.now.after(SOON) => report.warn(
            "key's end",
            format!("{} ends {}", own.name, times.write(end)),
            "hubctl admin-key create makes another",
        ),
        end => report.ok("key's end", times.or_never(end)),
    }
}
