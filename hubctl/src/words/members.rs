//! One table of every member of a fleet file. The reader accepts no others, and help is made from it.

use std::fmt::Write as _;

/// A table of the file.
pub(crate) struct Table {
    /// How it begins.
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
            "name of the fleet, kept as label hubctl.fleet on its objects; --prune deletes only objects with it",
        ),
        optional("client", "the clients, each a table [[client]]"),
        optional("telemetry", "the names that the hub keeps of reports, a table [telemetry]"),
    ],
};

/// The catalogue.
pub(crate) const TELEMETRY: Table = Table {
    heading: "[telemetry]",
    members: &[
        optional("tools", "all tools that are kept by name; a list that is absent stays as it is"),
        optional("codes", "all error codes that are kept by name"),
        optional("counts", "all counts that are kept by name"),
    ],
};

/// A client.
pub(crate) const CLIENT: Table = Table {
    heading: "[[client]]",
    members: &[
        required("slug", "its handle"),
        optional("name", "name for people; a new client without a name gets its slug"),
        optional("external_ref", "reference to your own records; \"\" removes it"),
        optional("labels", "the whole set, without hubctl.fleet; {} removes all"),
        optional(
            "state",
            "active, suspended, or absent: deleted with its instances; without it a suspension stays as it is",
        ),
        optional("instance", "its instances, each a table [[client.instance]]"),
    ],
};

/// An instance.
pub(crate) const INSTANCE: Table = Table {
    heading: "[[client.instance]]",
    members: &[
        required("instance_id", "its handle, unique over all clients"),
        optional(
            "state",
            "active, suspended, or absent: deleted; without it a suspension stays as it is",
        ),
        optional("labels", "the whole set, without hubctl.fleet; {} removes all"),
        optional(
            "expires_at",
            "when its license ends: a date (its end in UTC), an RFC 3339 time, or \"never\"",
        ),
        optional("grace_days", "days that the license still works after that"),
        optional("max_activations", "maximum number of activations, or \"none\" for no limit"),
        optional("entitlements", "the whole set of entitlements"),
        optional(
            "sink",
            "where the license key of a new instance goes, such as \"file:PATH\"; a new instance needs this or license_sha256",
        ),
        optional(
            "license_sha256",
            "SHA-256 of a license key that exists already, instead of a sink",
        ),
        optional(
            "hub_key_sha256",
            "SHA-256 of a hub key that keeps working; the new instance is then active at once",
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

/// The reference of the fleet file, for help. `lay` makes the lines of a text beside a word, which is empty
/// where the text begins at the margin.
pub(crate) fn reference(lay: impl Fn(&str, &str) -> String) -> String {
    let says = [
        "A fleet file says which clients and instances there should be, in TOML, YAML or JSON.",
        "A member that is absent leaves the field as it is on the hub.",
    ];
    let mut text: String = says.iter().map(|line| lay("", line)).collect();
    text.push_str(EXAMPLE);
    for table in [&FILE, &CLIENT, &INSTANCE, &TELEMETRY] {
        let _ = writeln!(text, "\n{}", table.heading);
        for Member { name, required, about } in table.members {
            let need = if *required { "required; " } else { "" };
            text.push_str(&lay(&format!("  {name:<16} "), &format!("{need}{about}")));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_names_every_member() {
        let text = reference(|word, text| format!("{word}{text}\n"));
        for name in [FILE, CLIENT, INSTANCE, TELEMETRY].iter().flat_map(Table::names) {
            assert!(text.contains(&format!("\n  {name} ")), "{name}");
        }
    }
}
