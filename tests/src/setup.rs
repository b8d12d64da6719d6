//! How a hub is started: on which database, with which settings.

use std::future::Future;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Hub;
use crate::pgbouncer::Pooler;
use crate::postgres::{self, Cluster};
use crate::relay::Relay;
use crate::tls::Authority;

/// Which database a hub runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// The built-in one.
    Sqlite,
    /// A database of the throwaway cluster.
    Postgres,
}

/// A hub that is not started yet.
#[derive(Debug, Clone)]
pub struct Setup {
    pub(crate) engine: Engine,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) for_proofs: bool,
    pub(crate) recorded: bool,
    pub(crate) descriptors: Option<String>,
    pub(crate) data: Option<PathBuf>,
    pub(crate) listen: String,
    pub(crate) database: Option<String>,
    pub(crate) files: Vec<(String, String)>,
    pub(crate) socket: Option<Arc<TcpListener>>,
    pub(crate) authority: Authority,
}

impl Setup {
    /// A hub on this database with default settings.
    #[must_use]
    pub fn on(engine: Engine) -> Self {
        let listen = "127.0.0.1:0".to_owned();
        let (args, env, files) = (Vec::new(), Vec::new(), Vec::new());
        let (data, database, socket) = (None, None, None);
        let (for_proofs, recorded, descriptors) = (false, false, None);
        Self {
            engine,
            args,
            env,
            for_proofs,
            recorded,
            descriptors,
            data,
            listen,
            database,
            files,
            socket,
            authority: Authority::default(),
        }
    }

    /// Which database it is for.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// With more arguments.
    #[must_use]
    pub fn args<'a>(mut self, args: impl IntoIterator<Item = &'a str>) -> Self {
        self.args.extend(args.into_iter().map(str::to_owned));
        self
    }

    /// With this environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With the hubd that is built for proofs; see [`crate::binaries::hubd_for_proofs`].
    #[must_use]
    pub fn for_proofs(mut self) -> Self {
        self.for_proofs = true;
        self
    }

    /// With a record of everything that it writes, syncs and answers; see [`crate::power::read`].
    #[must_use]
    pub fn recorded(mut self) -> Self {
        self.recorded = true;
        self
    }

    /// Where `ulimit` was called with these arguments, such as `-n 1024`.
    #[must_use]
    pub fn descriptors(mut self, limit: &str) -> Self {
        self.descriptors = Some(limit.to_owned());
        self
    }

    /// With a copy of a data folder to begin with.
    #[must_use]
    pub fn data_of(mut self, folder: &Path) -> Self {
        self.data = Some(folder.to_owned());
        self
    }

    /// With a file in the data folder to begin with.
    #[must_use]
    pub fn data_file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    /// With a socket that is handed over, as systemd does it: the hub listens on no other.
    #[must_use]
    pub fn handed(mut self, socket: TcpListener) -> Self {
        self.socket = Some(socket.into());
        self
    }

    /// With TLS, and so with HTTP/2: its callers speak nothing else.
    #[must_use]
    pub fn over_tls(mut self) -> Self {
        self.authority = Authority::new();
        let (certificate, key) = (self.authority.certificate(), self.authority.key());
        self.args(["--tls-certificate", &certificate, "--tls-key", &key])
    }

    /// With a limit on wrong keys that no test reaches.
    #[must_use]
    pub fn any_number_of_guesses(self) -> Self {
        self.args(["--guess-burst", "1000000"])
    }

    /// With shares of callers that no test or benchmark reaches.
    #[must_use]
    pub fn any_number_of_requests(self) -> Self {
        let most = "1000000";
        self.args(["--instance-requests", most, "--admin-key-requests", most])
            .args(["--report-burst", most, "--activation-burst", most])
            .args(["--address-connections", most])
    }

    /// Starts the hub.
    pub async fn start(self) -> Hub {
        match self.engine {
            Engine::Sqlite => Hub::start(self, None),
            Engine::Postgres => self.start_in(postgres::shared()).await,
        }
    }

    /// Starts the hub on a database of this cluster.
    pub async fn start_in(self, cluster: &Cluster) -> Hub {
        let database = cluster.database().await;
        Hub::start(self, Some(database.into()))
    }

    /// Starts the hub on a database of the pooler's cluster, which it reaches through the pooler alone.
    pub async fn start_behind(mut self, pooler: &Pooler<'_>) -> Hub {
        let database = pooler.cluster().database().await;
        self.database = Some(pooler.url(&database));
        Hub::start(self, Some(database.into()))
    }

    /// Starts the hub on a database of this cluster, at a URL that is made of the database's own.
    pub async fn start_at(mut self, cluster: &Cluster, url: impl FnOnce(&str) -> String) -> Hub {
        let database = cluster.database().await;
        self.database = Some(url(&database.url()));
        Hub::start(self, Some(database.into()))
    }

    /// Starts the hub on a database that this relay leads to.
    pub async fn start_over(self, cluster: &Cluster, relay: &Relay) -> Hub {
        let database = cluster.database().await.at(relay.port());
        Hub::start(self, Some(database.into()))
    }
}

impl Setup {
    /// Starts the hub on a copy of another one's PostgreSQL database, which nobody may be using.
    pub async fn start_on_copy(self, model: &Hub) -> Hub {
        let database = postgres::shared().copy_of(model.database()).await;
        Hub::start_with_key(self, Some(database.into()), model.admin_key())
    }
}

/// Runs a story on this database.
pub async fn run<G: Given>(story: impl AsyncFnOnce(G), engine: Engine) {
    story(G::on(engine).await).await;
}

/// What a story of [`both_stores!`](crate::both_stores) takes.
pub trait Given {
    /// Creates it on this database.
    fn on(engine: Engine) -> impl Future<Output = Self>;
}

impl Given for Hub {
    fn on(engine: Engine) -> impl Future<Output = Self> {
        Setup::on(engine).start()
    }
}

impl Given for Setup {
    fn on(engine: Engine) -> impl Future<Output = Self> {
        std::future::ready(Self::on(engine))
    }
}
