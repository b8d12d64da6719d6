//! Every member of a fleet file, in one table: the reader knows no others, and help is made from it.

use std::fmt::Write as _;

/// A table of the file.
pub(crate) struct Table {
    /// How it is written.
    pub(crate) heading: &'static str,
    /// What it may hold.
    pub(crate) members: &'static [Member],
}

/// A member of a table.
pub(crate) struct Member {
    /// Its name.
    pub(crate) name: &'static str,
    /// Whether it must be given.
    pub(crate) required: bool,
    /// What it is, for a person.
    pub(crate) about: &'static str,
}

const fn required(name: &'static str, about: &'static str) -> Member {
    Member { name, required: true, about }
}

const fn optional(name: &'static str, about: &'static str) -> Member {
    Member { name, required: false, about }
}

/// The file itself.
pub(crate) const FILE: Table = Table {
    heading: "the file",
    members: &[
        required("version", "1"),
        optional(
            "fleet",
            "name of the fleet, kept as label hubctl.fleet on all of it; --prune deletes only what carries it",
        ),
        optional("client", "the clients, each a table [[client]]"),
    ],
};

/// A client.
pub(crate) const CLIENT: Table = Table {
    heading: "[[client]]",
    members: &[
        required("slug", "its handle"),
        optional("name", "name for people; a new client without one is named by its slug"),
        optional("external_ref", "where your own records have it; \"\" for nowhere"),
        optional("labels", "the whole set, hubctl.fleet aside"),
        optional("state", "active (default), suspended, or absent: deleted with its instances"),
        optional("instance", "its instances, each a table [[client.instance]]"),
    ],
};

/// An instance.
pub(crate) const INSTANCE: Table = Table {
    heading: "[[client.instance]]",
    members: &[
        required("instance_id", "its handle, unique over all clients"),
        optional("state", "active (default), suspended, or absent: deleted"),
        optional("labels", "the whole set, hubctl.fleet aside"),
        optional("expires_at", "when its license ends: an RFC 3339 time, or \"never\""),
        optional("grace_days", "for how many days the license works after that"),
        optional(
            "max_activations",
            "how often it may be activated: a number, or \"none\" for no limit",
        ),
        optional("entitlements", "what the license entitles to, the whole set"),
        optional(
            "sink",
            "where the license key of a new instance goes, such as \"file:PATH\"; a new one needs this or license_sha256",
        ),
        optional(
            "license_sha256",
            "SHA-256 of a license key that exists already, in place of a sink",
        ),
        optional(
            "hub_key_sha256",
            "SHA-256 of a hub key that goes on working; the new instance is then active at once",
        ),
    ],
};

impl Table {
    /// The names of all members.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.members.iter().map(|member| member.name)
    }
}

/// A small fleet file.
pub(crate) const EXAMPLE: &str = r#"
    version = 1
    fleet = "acme-prod"

    [[client]]
    slug = "acme"
    name = "Acme GmbH"

      [[client.instance]]
      instance_id = "acme-prod-1"
      expires_at = "2027-12-31T00:00:00Z"
      labels = { env = "prod" }
      sink = "file:/run/secrets/acme-prod-1.key"
"#;

/// All there is to know of the file's form, for a help topic.
pub(crate) fn reference() -> String {
    let mut text = String::from(
        "A fleet file says which clients and instances there should be, in TOML, YAML or JSON.\n\
         What is not given stays as it is on the hub; only state is active unless it says otherwise.\n",
    );
    text.push_str(EXAMPLE);
    for table in [&FILE, &CLIENT, &INSTANCE] {
        let _ = writeln!(text, "\n{}", table.heading);
        for Member { name, required, about } in table.members {
            let need = if *required { "required; " } else { "" };
            let _ = writeln!(text, "  {name:<16} {need}{about}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_names_every_member() {
        let text = reference();
        for name in [FILE, CLIENT, INSTANCE].iter().flat_map(Table::names) {
            assert!(text.contains(&format!("\n  {name} ")), "{name}");
        }
    }
}
