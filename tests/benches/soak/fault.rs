//! What happens to a hub that goes on: nothing of this ends its process.

use std::time::Duration;

use hub_tests::Hub;
use hub_tests::crowd::Crowd;
use hub_tests::postgres::Cluster;

/// A fault.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// Two thousand connections come, stay for a moment and go.
    Crowd,
    /// A thousand clients close their connections in the middle of a request.
    Aborts,
    /// The hub's process stands still.
    Frozen,
    /// Somebody else holds the lock that every change takes first.
    Locked,
    /// PostgreSQL cuts all connections.
    Cut,
    /// PostgreSQL crashes and comes back.
    Restart,
    /// PostgreSQL stands still.
    Silent,
}

const EVERYWHERE: [Fault; 4] = [Fault::Crowd, Fault::Locked, Fault::Aborts, Fault::Frozen];
const OF_POSTGRES: [Fault; 3] = [Fault::Cut, Fault::Restart, Fault::Silent];

/// How long something stands still.
const A_WHILE: Duration = Duration::from_secs(2);

impl Fault {
    /// The fault of a round.
    pub(crate) fn of(round: usize, cluster: Option<&Cluster>) -> Self {
        if cluster.is_some() && round % 2 == 1 {
            return OF_POSTGRES[round / 2 % OF_POSTGRES.len()];
        }
        let round = if cluster.is_some() { round / 2 } else { round };
        EVERYWHERE[round % EVERYWHERE.len()]
    }

    /// It happens, and is over.
    pub(crate) async fn happens(self, hub: &Hub, cluster: Option<&Cluster>) {
        match (self, cluster) {
            (Self::Crowd, _) => {
                let whole = b"GET /version HTTP/1.1\r\nHost: hub\r\n\r\n";
                for from in ["127.0.0.2", "127.0.0.3"] {
                    let mut crowd = Crowd::of(1_000, from, hub.address(), whole).await;
                    crowd.answered().await;
                }
            }
            (Self::Aborts, _) => {
                let part = b"POST /api/v1/instances/activate HTTP/1.1\r\nHost: hub\r\n\
                    Content-Type: application/json\r\nContent-Length: 60\r\n\r\n{\"license_key\"";
                drop(Crowd::of(1_000, "127.0.0.4", hub.address(), part).await);
            }
            (Self::Frozen, _) => {
                hub.signal("STOP");
                tokio::time::sleep(A_WHILE).await;
                hub.signal("CONT");
            }
            (Self::Locked, _) => {
                let mut sql = hub.sql().await;
                let lock = if cluster.is_some() {
                    "BEGIN; SELECT seq FROM audit_head WHERE id = 1 FOR UPDATE"
                } else {
                    "BEGIN IMMEDIATE"
                };
                sql.script(lock).await;
                tokio::time::sleep(A_WHILE).await;
                sql.script("COMMIT").await;
            }
            (Self::Cut, _) => {
                let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                           WHERE application_name = 'hubd'";
                hub.sql().await.execute(cut).await;
            }
            (Self::Restart, Some(cluster)) => {
                cluster.stop();
                cluster.resume();
            }
            (Self::Silent, Some(cluster)) => {
                cluster.freeze();
                tokio::time::sleep(A_WHILE).await;
                cluster.thaw();
            }
            (Self::Restart | Self::Silent, None) => unreachable!("it happens to PostgreSQL"),
        }
    }
}
