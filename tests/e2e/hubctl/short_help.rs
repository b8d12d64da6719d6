//! `-h`: what fits on a screen, with an example.

use hub_tests::ctl::Ctl;

use super::{ran, words};

/// The lines and columns of a small terminal.
const LINES: usize = 24;
const COLUMNS: u16 = 80;

/// The commands below one: the help in full lists them.
fn below(ctl: &Ctl, path: &str) -> Vec<String> {
    let text = ran(ctl, &format!("{path} --help"), 0).stdout;
    let commands = text.split_once("\nCommands:\n").map_or("", |(_, rest)| rest);
    let commands = commands.lines().take_while(|line| line.starts_with("  "));
    let commands = commands.filter(|line| !line.starts_with("   "));
    let names = commands.filter_map(|line| line.split_whitespace().next());
    names.map(|name| format!("{path} {name}").trim().to_owned()).collect()
}

/// All commands, the program itself first.
fn all(ctl: &Ctl) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut at = 0;
    while let Some(path) = all.get(at) {
        let below = below(ctl, path);
        all.extend(below);
        at += 1;
    }
    all
}

/// What is wrong with the short help of a command.
fn fault(path: &str, seen: &str) -> Option<&'static str> {
    let program = format!("hubctl {path}");
    let examples = seen.split_once("\nExamples:").map_or("", |(_, examples)| examples);
    let mut examples = examples.lines().skip(1).take_while(|line| !line.trim().is_empty());
    // A pipe at the end of a line goes on in the next one.
    let is_whole =
        |line: &str| ["    hubctl ", "      hubctl "].iter().any(|start| line.starts_with(start));
    if seen.lines().count() > LINES {
        Some("is longer than a screen")
    } else if seen.lines().any(|line| line.chars().count() > usize::from(COLUMNS)) {
        Some("is wider than a screen")
    } else if !examples.clone().any(|line| line.contains(program.trim())) {
        Some("has no example")
    } else if !examples.all(is_whole) {
        Some("breaks an example")
    } else if seen.contains("\nGlobal options:") || !seen.contains("--help") {
        Some("has the options of every command, or does not say where they are")
    } else {
        None
    }
}

#[test]
fn a_screen_holds_the_short_help_of_every_command() {
    let ctl = Ctl::default();
    let commands = all(&ctl);
    assert!(commands.len() > 60, "{commands:?}");
    let mut faults = Vec::new();
    for path in commands {
        let seen = ctl.at_terminal(COLUMNS, &words(&format!("{path} -h"))).end().expect(0).text;
        faults.extend(fault(&path, &seen).map(|fault| format!("hubctl {path} -h {fault}\n{seen}")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The first screen names every command, and where the rest is told.
#[test]
fn the_first_screen_names_every_command() {
    let ctl = Ctl::default();
    let text = ran(&ctl, "-h", 0).stdout;
    let named: Vec<&str> = text.split([' ', ',', '\n']).collect();
    for command in below(&ctl, "") {
        assert!(named.contains(&command.as_str()), "{command}:\n{text}");
    }
    assert!(text.contains("--help"), "{text}");
    let missing = ran(&ctl, "", 2).stderr;
    assert!(missing.contains("\nExamples:\n") && missing.lines().count() <= LINES, "{missing}");
    super::snapshot::compare("first_screen", &text);
}
