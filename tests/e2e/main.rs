//! End-to-end tests: the real programs, from outside. A test is a story, a module is a subject.
//!
//! Most run on both databases: `cargo test sqlite` and `cargo test postgres` pick one.
#![expect(clippy::unwrap_used, reason = "a story fails where it stops")]

// Who may do what.
mod access; // every route with every kind of credential
mod admin_keys; // roles, the last owner key
mod keys; // the caller's own keys, rotation, overlap
mod own_usage; // what an instance reads of its own usage
mod owners; // the key file, owners that end, the way back for whoever has no key

// What operators do.
mod audit; // one row for each change, and a chain that shows tampering
mod clients; // creation, handles, changes, deletion
mod clocks; // a clock that was wrong for a while
mod conditional; // If-Match, If-None-Match, reasons of suspensions
mod instances; // issuing, terms, labels, suspension, deletion
mod lists; // pages, filters, cursors

// What instances do.
mod activate; // activation and validation, in every state
mod activate_sh; // deploy/activate.sh, as a bootstrap script runs it
mod certificates; // licenses that verify offline, by libraries of other languages
mod reporters; // deploy/client, killed at any moment
mod rollup; // days are made of hours, whatever is killed meanwhile
mod telemetry; // reports: what is kept, and that it counts once
mod usage; // reads over instances, tools and time

// What both do at a command line.
mod hubctl; // commands, exit codes, key delivery, terminals

// What must never happen.
mod canaries; // secrets in every position of a report
mod catalogue; // the names that operators let the hub keep
mod counting; // the totals equal a journal of reports, whatever is killed
mod crashes; // hubs and servers that are killed, frozen or cut off under load
mod deletion;
mod errors; // every error code, and its body
mod faults; // a disk that fails once, at every system call of a write
mod http2; // many requests over a connection, and floods of frames
mod linear; // many at once at two hubs, as if one after the other
mod malformed; // requests that no client sends
mod noninterference; // two hubs, different secrets, the same bytes
mod outlives; // signals, and outputs that cannot be written
mod power; // the power goes at every moment of a record
mod previews; // generated reports: dry_run says exactly what is stored
mod privacy; // keys in files, logs, answers, command lines
mod races; // many at once, several hubs
mod shares; // nobody stops the hub for others

// What it says of itself.
mod openapi; // the description of the API, and the page over it

// What keeps it running for years.
mod alerts; // each alert fires, and asks for metrics that exist
mod backup; // copies, the way back, from one database to the other
mod metrics; // numbers for Prometheus, the access log
mod postgres; // PostgreSQL behind PgBouncer, by TLS, with a partner that takes over
mod supervisor; // a socket that is handed over, the watchdog, the units
mod tls; // TLS, and no keys in the clear

// What it stands on.
mod check; // damage, `hubd check`, heads of the audit chain outside the database
mod lifecycle; // first start, restart, stop
mod migrations; // two databases, one schema

// What a new user does first.
mod guides; // what docs/ shows is run
mod readme; // the tour, as it is written
