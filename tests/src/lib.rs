//! The harness of the end-to-end tests: it starts the real programs and talks to them from outside.
//!
//! It knows the contract through `hub-core` and nothing of the insides of hubd. Rooms:
//!
//! - [`binaries`]: builds hubd and hubctl once a test process
//! - [`watchdog`]: cleans up after the test process, however it ended
//! - [`postgres`]: a throwaway PostgreSQL cluster, once a test process, and a database a test
//! - [`hub`]: a running hubd, on either database; [`setup`] says how it is started
//! - [`http`], [`raw`]: requests through a client, and bytes through a bare socket
//! - [`fleet`]: the steps that most stories begin with; [`reports`]: telemetry reports
//! - [`ctl`]: runs of the real hubctl; [`terminal`]: the same before a person; [`strace`]: killed at
//!   each system call
//! - [`sql`]: looks into the hub's database, and tampers with it
//! - [`sweep`]: searches everything that a hub writes
//! - [`load`]: many clients at once, for the benchmarks; [`clock`]: times for requests
#![expect(clippy::missing_panics_doc, reason = "a harness fails by panicking")]

pub mod binaries;
pub mod clock;
pub mod ctl;
pub mod fleet;
pub mod http;
pub mod hub;
pub mod load;
pub mod postgres;
pub mod raw;
pub mod reports;
pub mod setup;
pub mod sql;
pub mod strace;
pub mod sweep;
pub mod terminal;
pub mod watchdog;

pub use hub::Hub;
pub use setup::{Engine, Setup};

/// Makes two tests of each story that it lists, `name::sqlite` and `name::postgres`.
///
/// A story is an async function of the same module. It takes a running [`Hub`], or a [`Setup`] that it
/// starts itself. One that is not listed is never called, and the compiler says so.
#[macro_export]
macro_rules! both_stores {
    ($($story:ident),+ $(,)?) => {
        $(mod $story {
            #[tokio::test]
            async fn sqlite() {
                $crate::setup::tell(super::$story, $crate::Engine::Sqlite).await;
            }

            #[tokio::test]
            async fn postgres() {
                $crate::setup::tell(super::$story, $crate::Engine::Postgres).await;
            }
        })+
    };
}
