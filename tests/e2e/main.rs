//! End-to-end tests: the real programs, from outside. A story a test, a module a subject.
//!
//! Most run on both databases: `cargo test sqlite` and `cargo test postgres` pick one.
#![expect(clippy::unwrap_used, reason = "a story fails where it stops")]

// Who may do what.
mod access; // every route with every kind of credential
mod admin_keys; // roles, the last owner key
mod keys; // the caller's own keys, rotation, overlap

// What operators do.
mod audit; // a row a change, and a chain that shows tampering
mod clients; // creation, handles, changes, deletion
mod instances; // issuing, terms, labels, suspension, deletion
mod lists; // pages, filters, cursors

// What instances do.
mod activate; // activation and validation, in every state
mod activate_sh; // deploy/activate.sh, as a bootstrap script runs it

mod rollup; // days out of hours, whatever is killed meanwhile
mod telemetry; // reports: what is kept, and that it counts once
mod usage; // reads over instances, tools and time

// What both do at a command line.
mod hubctl; // commands, exit codes, key delivery, terminals

// What must never happen.
mod canaries; // secrets in every position of a report
mod counting; // a journal of reports against what was counted, through kills
mod errors; // every error code, and its body
mod faults; // a system call of a write that fails once
mod malformed; // requests that no client sends
mod noninterference; // two hubs, different secrets, the same bytes
mod previews; // made reports: what dry_run says, and what is in the database then
mod privacy; // keys in files, logs, answers, command lines
mod races; // many at once, several hubs

// What it stands on.
mod lifecycle; // first start, restart, stop
mod migrations; // two databases, one schema

// What a new user does first.
mod readme; // the tour, as it is written
