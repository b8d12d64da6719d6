//! apply at a terminal: the plan, the question, and changes of the hub while the question stands.

use std::fmt::Write as _;

use super::super::words;
use super::*;

const ASK: &str = "apply -f fleet.toml";

both_stores!(
    it_shows_the_plan_and_takes_only_yes_for_an_answer,
    the_plan_is_shown_whatever_the_format,
    deletes_at_a_terminal_need_no_number,
    a_change_during_the_question_is_not_overwritten,
    a_hub_that_went_away_is_not_asked_for_everything
);

async fn it_shows_the_plan_and_takes_only_yes_for_an_answer(hub: Hub) {
    let ctl = with_fleet(&hub, FLEET);
    let mut all = String::new();
    for (typed, code) in [("n\r", 12), ("\r", 12), ("\u{4}", 12), ("\u{3}", 130), ("y\r", 0)] {
        let terminal = ctl.at_terminal(120, &words(ASK));
        terminal.wait_for("Go on? [y/N]");
        assert!(!is_there(&hub, "acme-1").await);
        terminal.type_keys(typed);
        let seen = terminal.end().expect(code);
        assert_eq!(is_there(&hub, "acme-1").await, code == 0, "{}", seen.text);
        write!(all, "typed {typed:?}, exit {code}\n{}\n", seen.text).unwrap();
    }
    compare("question_of_apply", &all);
    assert_eq!(
        ctl.at_terminal(120, &words(ASK)).end().expect(0).text.replace('\r', ""),
        NO_CHANGES,
        "there is nothing to ask"
    );
}

/// With output as a document, the plan is still shown before the question.
async fn the_plan_is_shown_whatever_the_format(hub: Hub) {
    let ctl = with_fleet(&hub, FLEET);
    let terminal = ctl.at_terminal(120, &words("apply -f fleet.toml -q"));
    terminal.wait_for("Go on? [y/N]");
    assert!(terminal.text().contains("+ create client acme"), "{}", terminal.text());
    terminal.type_line("n");
    let _ = terminal.end().expect(12);
}

/// At a terminal the deletes are shown, so there is no limit unless one is given.
async fn deletes_at_a_terminal_need_no_number(hub: Hub) {
    let ctl = with_applied(&hub, FLEET);
    write(&ctl, "fleet.toml", &FLEET.replace("\"suspended\"", "\"absent\""));
    let limited = ctl.at_terminal(120, &words("apply -f fleet.toml --max-deletes 0"));
    compare("more_deletes_than_the_limit", &limited.end().expect(12).text);
    let terminal = ctl.at_terminal(120, &words(ASK));
    terminal.wait_for("Go on? [y/N]");
    terminal.type_line("yes");
    let _ = terminal.end().expect(0);
    assert!(!is_there(&hub, "acme-2").await);
}

/// A change by somebody else while the question stands is not overwritten.
async fn a_change_during_the_question_is_not_overwritten(hub: Hub) {
    let ctl = with_applied(&hub, FLEET);
    write(
        &ctl,
        "fleet.toml",
        &FLEET.replace("2099-12", "2098-12").replace("\"suspended\"", "\"active\""),
    );
    let terminal = ctl.at_terminal(120, &words(ASK));
    terminal.wait_for("Go on? [y/N]");
    hub.patch_instance("acme-1", value!({"expires_at": "2097-01-01T00:00:00Z"})).await;
    terminal.type_line("y");
    let seen = terminal.end().expect(11).text;
    compare("changed_during_the_question", &seen);
    assert_eq!(hub.show("acme-1").await["license"]["expires_at"], "2097-01-01T00:00:00.000Z");
    assert_eq!(hub.show("acme-2").await["status"], "pending", "the other one is done");
}

/// Once the hub is gone, no request is sent for the remaining instances.
async fn a_hub_that_went_away_is_not_asked_for_everything(mut hub: Hub) {
    let mut file = String::from("version = 1\n");
    for n in 10..60 {
        let _ = writeln!(file, "[[client]]\nslug = \"client-{n}\"");
    }
    let ctl = with_fleet(&hub, &file);
    let terminal = ctl.at_terminal(120, &words("apply -f fleet.toml --retries 0 -o csv"));
    terminal.wait_for("Go on? [y/N]");
    hub.kill();
    terminal.type_line("y");
    let seen = terminal.end().expect(11).text;
    let (failed, skipped) = (seen.matches(",failed,").count(), seen.matches(",skipped,").count());
    // As many as were on their way at once.
    assert!(failed <= 32 && failed + skipped == 50, "{seen}");
    assert!(
        seen.contains("error[unreachable]") && seen.contains("the same command goes on"),
        "{seen}"
    );
}
