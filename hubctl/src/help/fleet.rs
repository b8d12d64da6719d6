//! The fleet file.

/// What a fleet file looks like, and what is done with it.
pub(crate) const FLEET: &str = r#"A fleet file says which clients and instances there are to be. TOML, YAML and JSON are understood; `-f -` takes any of them.

    version = 1
    fleet = "acme-prod"                 # kept as label hubctl.fleet; prune touches only what carries it
    [[client]]
    slug = "acme"
    name = "Acme GmbH"
      [[client.instance]]
      instance_id = "acme-prod-1"
      state = "active"                  # active, suspended or absent
      labels = { env = "prod" }
      expires_at = "2027-12-31T00:00:00Z"
      sink = "file:/run/secrets/acme-prod-1.key"
      # license_sha256 = "..."          # instead of a sink, for keys that exist already: used when the
      # hub_key_sha256 = "..."          # instance is created, which is then active at once

hubctl plan -f FILE shows what would change: + create, ~ update, ↻ rotate, ⏸ suspend, - delete. With --out PLAN it keeps
the plan; with --detailed-exitcode it ends with 20 when there are changes.

hubctl apply -f FILE shows the plan and asks, or takes --yes; hubctl apply PLAN applies a kept plan, and ends with 6 when the
hub has changed since. A second apply of the same file changes nothing.

hubctl export writes what there is as such a file; with --fleet NAME only what belongs to that fleet.

What left the file is deleted only with --prune; state = "absent" deletes without it. More deletions than --max-deletes
(0 where nobody can be asked) are exit 12, and nothing is applied. An instance that exists keeps its key when its sink is
missing; --redeliver rotates it into the sink. One failure does not stop the rest (exit 11).
"#;
