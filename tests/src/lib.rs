//! The harness of the end-to-end tests: it starts the real programs and talks to them from outside.
//!
//! It knows the contract through `hub-core` and nothing of the insides of hubd. Rooms:
//!
//! - [`binaries`]: builds hubd and hubctl, once in a test process
//! - [`watchdog`]: cleans up after the test process, however it ended
//! - [`postgres`]: one throwaway PostgreSQL cluster for a test process, and a database for each test
//! - [`pgbouncer`]: a pooler in front of that cluster; [`relay`]: an address that leads to another server later
//! - [`hub`]: a running hubd, on either database; [`setup`] says how it is started
//! - [`described`]: checks every answer against the description of the API
//! - [`http`], [`raw`]: requests through a client, and bytes through a bare socket; [`crowd`]: many of them
//! - [`tls`]: a certificate for a hub, and clients that trust it; [`frames`]: the bytes of HTTP/2
//! - [`fleet`]: the steps that most stories begin with; [`reports`]: telemetry reports
//! - [`port`]: free ports, and programs that come to listen
//! - [`ctl`]: runs of the real hubctl; [`terminal`]: the same at a terminal
//! - [`strace`]: kills and failures at a chosen system call
//! - [`journal`]: workers that note what was acknowledged, and what the database must hold then
//! - [`power`]: what can be on the disk after a power cut
//! - [`sql`]: reads the hub's database directly, and tampers with it
//! - [`metrics`]: reads a hub's metrics
//! - [`third_party`]: programs of other people that check the hub's work
//! - [`sweep`]: searches everything that a hub writes
//! - for benchmarks: [`load`], many clients at once; [`workload`], what they send; [`bare`], a server that
//!   does nothing; [`cpu`], CPU time
//! - [`linear`]: whether a history is linearizable
//! - [`clock`]: times for requests; [`setting`]: how long the long tests and the benchmarks take
#![expect(clippy::missing_panics_doc, reason = "a harness fails by panicking")]

pub mod bare;
pub mod binaries;
pub mod browser;
pub mod clock;
pub mod cpu;
pub mod crowd;
pub mod ctl;
pub mod described;
pub mod fleet;
pub mod frames;
pub mod http;
pub mod hub;
pub mod journal;
pub mod linear;
pub mod load;
pub mod metrics;
pub mod pgbouncer;
pub mod port;
pub mod postgres;
pub mod power;
pub mod raw;
pub mod relay;
pub mod reports;
pub mod setting;
pub mod setup;
pub mod sql;
pub mod strace;
pub mod sweep;
pub mod terminal;
pub mod third_party;
pub mod tls;
pub mod watchdog;
pub mod workload;

pub use hub::Hub;
pub use setting::{setting, settings};
pub use setup::{Engine, Setup};

/// Turns each story that it lists into two tests, `name::sqlite` and `name::postgres`.
///
/// A story is an async function of the same module that takes a running [`Hub`], or a [`Setup`] that it
/// starts itself. The compiler warns of a story that is not listed: it is never called.
#[macro_export]
macro_rules! both_stores {
    ($($story:ident),+ $(,)?) => {
        $(mod $story {
            #[tokio::test]
            async fn sqlite() {
                $crate::setup::run(super::$story, $crate::Engine::Sqlite).await;
            }

            #[tokio::test]
            async fn postgres() {
                $crate::setup::run(super::$story, $crate::Engine::Postgres).await;
            }
        })+
    };
}
