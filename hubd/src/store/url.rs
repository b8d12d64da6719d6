//! Where the database is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// Where the database is: `sqlite://PATH` or `postgres://…`. Its texts hide the password.
#[derive(Clone)]
pub struct DatabaseUrl(pub(super) Place);

#[derive(Clone)]
pub(super) enum Place {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

/// The text is neither a `sqlite:` nor a `postgres:` URL. Says nothing of the text, which may hold a
/// password.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("must be sqlite://PATH or postgres://USER@HOST/DATABASE")]
pub struct MalformedUrl;

impl DatabaseUrl {
    /// The SQLite file at `path`.
    #[must_use]
    pub fn sqlite(path: &Path) -> Self {
        Self(Place::Sqlite(path.to_owned()))
    }
}

impl DatabaseUrl {
    /// The file, if the database is SQLite.
    pub(crate) fn sqlite_path(&self) -> Option<&Path> {
        match &self.0 {
            Place::Sqlite(path) => Some(path),
            Place::Postgres(_) => None,
        }
    }

    /// Whether what is sent to PostgreSQL can be read on the way: the server is on another machine, and
    /// TLS is not required.
    pub(crate) fn may_be_overheard(&self) -> bool {
        let Place::Postgres(options) = &self.0 else { return false };
        let host = options.get_host();
        let is_here = host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        let requires_tls = matches!(
            options.get_ssl_mode(),
            PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull
        );
        options.get_socket().is_none() && !is_here && !requires_tls
    }
}

impl FromStr for DatabaseUrl {
    type Err = MalformedUrl;
    fn from_str(url: &str) -> Result<Self, Self::Err> {
        match url.split_once(':') {
            Some(("sqlite", path)) => {
                // There are no parameters: how the file is opened is the hub's own business.
                let path = path.strip_prefix("//").unwrap_or(path);
                if path.is_empty() || path.contains(['?', '#']) || path.contains(":memory:") {
                    return Err(MalformedUrl);
                }
                let path = percent_decode_str(path).decode_utf8().map_err(|_| MalformedUrl)?;
                Ok(Self(Place::Sqlite(PathBuf::from(path.as_ref()))))
            }
            Some(("postgres" | "postgresql", _)) => {
                Ok(Self(Place::Postgres(Box::new(url.parse().map_err(|_| MalformedUrl)?))))
            }
            _ => Err(MalformedUrl),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Place::Postgres(options) => write!(
                f,
                "postgres://{}@{}:{}/{}",
                options.get_username(),
                options.get_host(),
                options.get_port(),
                options.get_database().unwrap_or_default()
            ),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        let url: DatabaseUrl = "postgres://hub:s3cret@db.example:5433/hub".parse().unwrap();
        assert_eq!(url.to_string(), "postgres://hub@db.example:5433/hub");
        assert!(!format!("{url:?}").contains("s3cret"));
    }

    #[test]
    fn a_server_elsewhere_without_tls_is_noticed() {
        for (url, overheard) in [
            ("sqlite:///hub.db", false),
            ("postgres://hub@localhost/hub", false),
            ("postgres://hub@127.0.0.1/hub", false),
            ("postgres://hub@localhost/hub?host=/run/postgresql", false),
            ("postgres://hub@db.example/hub", true),
            ("postgres://hub@db.example/hub?sslmode=prefer", true),
            ("postgres://hub@db.example/hub?sslmode=verify-full", false),
        ] {
            assert_eq!(url.parse::<DatabaseUrl>().unwrap().may_be_overheard(), overheard, "{url}");
        }
    }

    #[test]
    fn paths_are_decoded() {
        let url: DatabaseUrl = "sqlite:///var/lib/my%20hub/hub.db".parse().unwrap();
        assert_eq!(url.to_string(), "sqlite:///var/lib/my hub/hub.db");
        assert_eq!("sqlite:hub.db".parse::<DatabaseUrl>().unwrap().to_string(), "sqlite://hub.db");
    }

    #[test]
    fn other_schemes_are_refused() {
        for wrong in [
            "",
            "hub.db",
            "mysql://x",
            "sqlite::memory:",
            "sqlite://",
            "postgres//x",
            "sqlite://a?b",
        ] {
            assert!(wrong.parse::<DatabaseUrl>().is_err(), "{wrong}");
        }
    }
}
