//! PgBouncer in transaction mode in front of a cluster: each transaction may get another connection of the
//! server.

use std::fs;
use std::process::{Child, Stdio};

use crate::port::{free_port, until_listening};
use crate::postgres::{Cluster, Database, tail};

/// A running pooler.
#[derive(Debug)]
pub struct Pooler<'c> {
    cluster: &'c Cluster,
    child: Child,
    port: u16,
}

impl<'c> Pooler<'c> {
    /// Starts Debian's `PgBouncer` with its own settings, of which a hub must get by. `None`, with a
    /// message, where it is not installed.
    #[must_use]
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    pub fn start(cluster: &'c Cluster) -> Option<Self> {
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"];
        let Some(program) = program.into_iter().find(|path| fs::exists(path).unwrap_or(false))
        else {
            eprintln!("SKIPPED: pgbouncer is not installed");
            return None;
        };
        let port = free_port();
        let dir = cluster.dir();
        let config = dir.join(format!("pgbouncer-{port}.ini"));
        let log = dir.join(format!("pgbouncer-{port}.log"));
        // Few connections of the server, so that the hub's many share them.
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={} user=hub\n\
             [pgbouncer]\npool_mode = transaction\ndefault_pool_size = 4\nauth_type = any\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nlogfile = {}\n",
            cluster.port(),
            log.display()
        );
        fs::write(&config, text).expect("the settings are written");
        let mut pooler = cluster.program(program);
        let child = pooler.arg(&config).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut child = child.expect("pgbouncer starts");
        until_listening(&mut child, port, || tail(&log));
        Some(Self { cluster, child, port })
    }

    pub(crate) fn cluster(&self) -> &Cluster {
        self.cluster
    }

    pub(crate) fn url(&self, database: &Database) -> String {
        format!("postgres://hub@127.0.0.1:{}/{}", self.port, database.name())
    }
}

impl Drop for Pooler<'_> {
    fn drop(&mut self) {
        // It runs as another user, behind a program that passes this signal on.
        let _ = std::process::Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}
