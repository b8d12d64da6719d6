//! Compares whole outputs with those of an earlier run. Texts that differ from run to run are masked.
//!
//! After a change on purpose: `INSTA_UPDATE=always cargo test -p hub-tests hubctl`, then read the diff.

use hub_tests::ctl::Ran;

/// Texts that differ from run to run, and their masks.
const MASKS: &[(&str, &str)] = &[
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid>"),
    // The times that tests set are far in the future, and stay.
    (r"20[2-8]\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "<time>"),
    (r"\b[0-9a-f]{64}\b", "<sha256>"),
    (r"\b[0-9a-f]{12}\b", "<fingerprin>"),
    (r"\b[0-9a-f]{6}…", "<fp>…"),
    (r"lb_inst_[0-9a-f]{32}", "<license key>"),
    (r"(request-id: |\t)[A-Za-z0-9._-]{16,64}\n", "$1<id>\n"),
    (r"127\.0\.0\.1[:-]\d+", "<hub>"),
    // It grows with each migration.
    (r"\bschema \d+", "schema <n>"),
    (r#""request_id": "[^"]+""#, r#""request_id": "<id>""#),
    (r"/\S*/\.tmp\w+", "<folder>"),
    // A progress bar, as often as it was drawn before it went.
    (r"[^\n]*\r\x1b\[2K", ""),
    // Colours have a test of their own.
    (r"\x1b\[[0-9;]*m", ""),
    // A mask as wide as the text, so that columns stay where they are.
    (r"\b\d\d s ago", "just now"),
    (r"in \d{5} d", "in <days>"),
    (r"\r\n", "\n"),
    (r"[ \t]+\n", "\n"),
];

/// Compares an output with its snapshot.
pub(super) fn compare(name: &str, seen: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (pattern, mask) in MASKS {
        settings.add_filter(pattern, *mask);
    }
    settings.bind(|| insta::assert_snapshot!(name, seen));
}

/// What a command wrote to both streams.
pub(super) fn written(line: &str, ran: &Ran) -> String {
    format!("$ hubctl {line}   # exit {}\n{}{}\n", ran.code, ran.stdout, ran.stderr)
}
