//! `hubd check`: says what a database is, what it holds, and whether it is sound, without writing
//! anything; and the part of it that every start does.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::io::{self, Write as _};

use crate::config::Settings;
use crate::domain::Refusal;
use crate::run_error::RunError;
use crate::store::{self, CheckError, Checked, Contents, Error, Store};
use crate::witness::{Testimony, Witness, WitnessError};

/// What was found, a line each.
#[derive(Default)]
struct Findings {
    text: String,
    problems: usize,
}

impl Findings {
    fn good(&mut self, name: &str, what: impl std::fmt::Display) {
        let _ = writeln!(self.text, "{name:<10} {what}");
    }

    fn bad(&mut self, name: &str, what: impl std::fmt::Display) {
        self.problems += 1;
        self.good(name, what);
    }

    /// A list of problems, which is empty when all is well.
    fn list(&mut self, name: &str, problems: Result<Vec<String>, Error>) {
        match problems {
            Ok(problems) if problems.is_empty() => self.good(name, "ok"),
            Ok(problems) => problems.iter().for_each(|problem| self.bad(name, problem)),
            Err(error) => self.bad(name, error),
        }
    }
}

/// Checks the database that the settings name, and says on standard output what it found.
///
/// # Errors
/// [`RunError::Unsound`] when something is wrong.
pub(crate) async fn run(settings: &Settings) -> Result<(), RunError> {
    let mut findings = Findings::default();
    let url = &settings.store.url;
    let opened = Store::open_to_check(url, settings.store.tuning()).await;
    match opened {
        Ok(checked) => {
            let use_ = if checked.in_use { " (in use by a hub)" } else { "" };
            findings.good("database", format_args!("{url}{use_}"));
            look(&checked, &Witness::in_folder(&settings.store.data_dir), &mut findings).await;
            checked.store.close().await;
        }
        Err(CheckError::Unreadable(problem)) => {
            findings.bad("database", format_args!("{url}: {problem}"));
        }
        Err(CheckError::Open(error)) => return Err(error.into()),
    }
    // A closed standard output does not change what was found.
    let _ = io::stdout().write_all(findings.text.as_bytes());
    if findings.problems > 0 { Err(RunError::Unsound) } else { Ok(()) }
}

async fn look(checked: &Checked, witness: &Witness, findings: &mut Findings) {
    let store = &checked.store;
    let newest = store::schema();
    let schema = match store.schema_found().await {
        Ok(Some(schema)) => schema,
        Ok(None) => {
            let what = "there are no tables of a hub: is it a copy of a running hub's file alone?";
            return findings.bad("schema", what);
        }
        Err(error) => return findings.bad("schema", error),
    };
    match schema.cmp(&newest) {
        Ordering::Equal => findings.good("schema", schema),
        Ordering::Greater => findings
            .bad("schema", format_args!("{schema}, newer than this hubd, which knows {newest}")),
        Ordering::Less => findings.good(
            "schema",
            format_args!("{schema}, older than this hubd, which makes it {newest}"),
        ),
    }
    findings.list("integrity", store.integrity_problems().await);
    findings.list("references", store.reference_problems().await);
    match store.contents().await {
        Ok(held) => tell_contents(&held, findings),
        Err(error) => findings.bad("contents", error),
    }
    look_at_chain(store, witness, schema == newest, findings).await;
}

fn tell_contents(held: &Contents, findings: &mut Findings) {
    let Contents { clients, instances, events, admin_keys, owners } = held;
    findings.good(
        "contents",
        format_args!(
            "{clients} clients, {instances} instances, {admin_keys} admin keys, {events} audit events"
        ),
    );
    if *owners == 0 {
        let next = "none without an end: the next start takes the key in admin.key, or makes one";
        findings.good("owners", next);
    } else {
        findings.good("owners", format_args!("{owners} without an end"));
    }
}

async fn look_at_chain(store: &Store, witness: &Witness, named: bool, findings: &mut Findings) {
    match store.verify_audit().await {
        Ok(verdict) => match verdict.first_broken {
            None => {
                let head = verdict.head.unwrap_or_default();
                findings.good("audit", format_args!("ok, {} events, head {head}", verdict.events));
            }
            Some(seq) => findings.bad(
                "audit",
                format_args!("broken at event {seq}: rows were changed, removed or inserted"),
            ),
        },
        Err(error) => findings.bad("audit", error),
    }
    if !named {
        return;
    }
    match witness.testify(store, usize::MAX).await {
        Ok(Testimony::Agrees { notes, last }) => {
            let last = last.map(|at| format!(", the last of {at}")).unwrap_or_default();
            findings.good("witnessed", format_args!("ok, {notes} heads noted{last}"));
        }
        Ok(Testimony::Gone { seq, at }) => findings.bad("witnessed", gone(seq, at)),
        // The line above says it.
        Ok(Testimony::Broken(_)) => {}
        Err(error) => findings.bad("witnessed", error),
    }
}

fn gone(seq: i64, at: hub_core::time::Timestamp) -> String {
    format!("event {seq}, which was the head at {at}, is not in the audit log")
}

/// Refuses a database whose audit chain does not go on from the last head that was witnessed.
pub(crate) async fn refuse_rewritten(store: &Store, witness: &Witness) -> Result<(), RunError> {
    let problem = match witness.testify(store, 1).await {
        Ok(Testimony::Agrees { .. }) => return Ok(()),
        Ok(Testimony::Gone { seq, at }) => gone(seq, at),
        Ok(Testimony::Broken(seq)) => {
            format!(
                "the audit log is broken at event {seq}: rows were changed, removed or inserted"
            )
        }
        Err(WitnessError::Store(error)) => return Err(Refusal::from(error).into()),
        Err(WitnessError::File(error)) => return Err(error.into()),
    };
    let notes = witness.path().display();
    Err(RunError::Audit(format!(
        "{problem}. The database was rewritten, or an older copy was put in its place. Put the right one \
         back; if you went back on purpose, move {notes} away: it is the proof of what was there before"
    )))
}
