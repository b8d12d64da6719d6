//! What is written at a narrow terminal: no line is longer than it, and none breaks within a word.

use hub_tests::ctl::Ctl;
use hub_tests::{Hub, both_stores};

use super::words;

/// Asserts that each line fits, unless it is a single word that does not, or part of an example file.
fn fits(ctl: &Ctl, line: &str, columns: u16) {
    let seen = ctl.at_terminal(columns, &words(line)).end().expect(0).text;
    for shown in seen.lines() {
        let word = shown.split_whitespace().count() <= 1 || shown.contains(" = \"");
        let fits = shown.chars().count() <= usize::from(columns);
        assert!(fits || word, "{line} at {columns} columns: {shown:?} of\n{seen}");
    }
}

#[test]
fn help_is_wrapped_between_words() {
    for columns in [40, 60, 80, 100] {
        for topic in ["exit-codes", "environment", "output", "fleet"] {
            fits(&Ctl::default(), &format!("help {topic}"), columns);
        }
    }
}

/// A text is a paragraph: it fills wide lines too, and has no short line but the last.
#[test]
fn a_paragraph_is_wrapped_once() {
    let seen = Ctl::default().at_terminal(60, &words("help output")).end().expect(0).text;
    let paragraph: Vec<_> = seen.lines().take_while(|line| !line.is_empty()).collect();
    let (_, full) = paragraph.split_last().unwrap();
    assert!(full.iter().all(|line| line.chars().count() > 45), "{seen}");
}

both_stores!(checks_are_wrapped_between_words, a_question_that_is_left_ends_its_line);

async fn checks_are_wrapped_between_words(hub: Hub) {
    let ctl = hub.ctl();
    for columns in [40, 60, 80] {
        fits(&ctl, "doctor", columns);
    }
}

/// What is said after Ctrl-C begins a line, and so is measured from the margin.
async fn a_question_that_is_left_ends_its_line(hub: Hub) {
    hub.client("acme").await;
    hub.issue("acme", "acme-1").await;
    for line in ["instance suspend acme-1", "login prod --url http://127.0.0.1:9"] {
        let ctl = hub.ctl().env("NO_COLOR", "1");
        let terminal = ctl.at_terminal(80, &words(line));
        terminal.wait_for(": ");
        terminal.type_keys("\u{3}");
        let seen = terminal.end().expect(130).text;
        assert!(seen.lines().any(|line| line.starts_with("error[interrupted]")), "{seen:?}");
    }
}
