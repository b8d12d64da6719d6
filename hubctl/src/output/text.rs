//! Text for people: wrapped between words, coloured, and without characters that nobody can see.

use std::borrow::Cow;
use std::fmt::Write as _;

use console::{Style, measure_text_width};
use hub_core::text::is_unseen;

/// What a colour says. The word beside it says the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hue {
    /// As it should be.
    Good,
    /// Somebody should look at it.
    Warn,
    /// It does not work.
    Bad,
    /// Nothing.
    Plain,
}

impl Hue {
    /// The colour of a state.
    pub(super) fn of_state(state: &str) -> Self {
        match state {
            "active" | "ok" | "applied" | "ready" | "true" => Self::Good,
            "active, grace" | "pending" | "warn" | "skipped" | "in_grace" | "ends" | "silent"
            | "admin_key_ends" => Self::Warn,
            "suspended" | "client_suspended" | "expired" | "fail" | "failed" | "false" => Self::Bad,
            _ => Self::Plain,
        }
    }

    /// The text in this colour.
    pub(super) fn paint(self, text: &str) -> String {
        let style = Style::new().force_styling(true);
        let style = match self {
            Self::Good => style.green(),
            Self::Warn => style.yellow(),
            Self::Bad => style.red(),
            Self::Plain => return text.to_owned(),
        };
        if text.is_empty() { String::new() } else { style.apply_to(text).to_string() }
    }
}

/// A text whose unseen characters are shown as `\u{202e}`: what comes from elsewhere must not steer the
/// terminal, nor show something else than it is.
pub(crate) fn visible(text: &str) -> String {
    if !text.chars().any(is_unseen) {
        return text.to_owned();
    }
    let shown = |c: char| if is_unseen(c) { c.escape_unicode().to_string() } else { c.to_string() };
    text.chars().map(shown).collect()
}

/// A text for a terminal, with line ends, tabs and colours, and nothing else that is no text.
pub(super) fn harmless(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| is_unseen(c) && c != '\n') {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let rest = &text[at + c.len_utf8()..];
        let stays = match c {
            '\n' | '\t' => true,
            '\r' => rest.starts_with('\n'),
            '\u{1b}' => is_colour(rest),
            c => !is_unseen(c),
        };
        if stays { shown.push(c) } else { shown.extend(c.escape_unicode()) }
    }
    Cow::Owned(shown)
}

/// Whether this is what follows the escape of a colour: `[31m`.
fn is_colour(rest: &str) -> bool {
    let numbers = rest.strip_prefix('[');
    let numbers =
        numbers.map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';'));
    numbers.is_some_and(|rest| rest.starts_with('m'))
}

/// The same for JSON, where it has to stay the same text.
pub(super) fn visible_json(json: &str) -> String {
    if !json.chars().any(|c| is_unseen(c) && c != '\n') {
        return json.to_owned();
    }
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        if is_unseen(c) && c != '\n' {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    shown
}

/// The lines of a text, none longer than `width` unless a word is. What is continued is indented by as
/// much as the line, and by two more.
pub(super) fn wrapped(text: &str, width: usize) -> String {
    let mut lines = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if measure_text_width(line.trim_end_matches('\n')) <= width {
            lines.push_str(line);
            continue;
        }
        let indent = line.len() - line.trim_start_matches(' ').len();
        let margin = " ".repeat(indent + 2);
        lines.push_str(&broken(line.trim_end_matches('\n'), width, &margin));
        lines.push_str(if line.ends_with('\n') { "\n" } else { "" });
    }
    lines
}

/// One line, broken between words; the blanks between two words stay where they are in one line.
fn broken(line: &str, width: usize, margin: &str) -> String {
    let mut lines = String::new();
    let mut used = 0;
    for word in line.split_inclusive(' ') {
        let bare = measure_text_width(word.trim_end_matches(' '));
        if used > margin.len() && used + bare > width {
            lines.truncate(lines.trim_end_matches(' ').len());
            lines.push('\n');
            lines.push_str(margin);
            used = margin.len();
        }
        if word == " " && used == margin.len() && lines.contains('\n') {
            continue;
        }
        lines.push_str(word);
        used += measure_text_width(word);
    }
    // Typed answers begin after the blank at the end of a question.
    lines
}

/// A word in a margin of so many columns, and a text beside it, wrapped between words; the text is below the
/// word where there is little room beside it.
pub(crate) fn fitted(word: &str, margin: usize, text: &str, width: Option<usize>) -> String {
    const LITTLE: usize = 24;
    const BELOW: usize = 4;
    let width = width.unwrap_or(usize::MAX);
    if margin > BELOW && width < margin + LITTLE && margin + measure_text_width(text) > width {
        let head = if word.trim().is_empty() { "" } else { &format!("{}\n", word.trim_end()) };
        return head.to_owned() + &fitted("", BELOW, text, Some(width));
    }
    let gap = " ".repeat(margin.saturating_sub(measure_text_width(word)));
    let room = width.saturating_sub(margin).max(1);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_inclusive(' ') {
        let bare = measure_text_width(word.trim_end_matches(' '));
        match lines.last_mut() {
            Some(line) if measure_text_width(line) + bare <= room => line.push_str(word),
            _ => lines.push(word.to_owned()),
        }
    }
    let begun = lines.iter().enumerate().map(|(at, line)| {
        let head = if at == 0 { format!("{word}{gap}") } else { " ".repeat(margin) };
        format!("{head}{}\n", line.trim_end())
    });
    begun.collect()
}

/// So many things: `1 instance`, `2 instances`.
pub(crate) fn counted(n: u64, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// A number of bytes, with two or three digits.
pub(crate) fn bytes(n: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "two or three digits of it are shown")]
    let n = n as f64;
    match n {
        n if n < 1_000.0 => format!("{n:.0} B"),
        n if n < 1e6 => format!("{:.1} kB", n / 1e3),
        n if n < 1e9 => format!("{:.1} MB", n / 1e6),
        n => format!("{:.1} GB", n / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrapped("one two three\n", 80), "one two three\n");
        assert_eq!(wrapped("one two three", 8), "one two\n  three");
        assert_eq!(wrapped("  next: a b-c d\n", 11), "  next: a\n    b-c d\n");
        assert_eq!(
            wrapped("a-very-long-handle-stays whole\n", 10),
            "a-very-long-handle-stays\n  whole\n"
        );
        assert_eq!(wrapped("Go on? [y/N]: ", 80), "Go on? [y/N]: ", "its blank stays");
        assert_eq!(fitted("hub", 5, "one two three", Some(25)), "hub  one two three\n");
        assert_eq!(fitted("hub", 9, "one two three", Some(20)), "hub\n    one two three\n");
        assert_eq!(
            fitted("hub", 4, "one two three four five", Some(20)),
            "hub one two three\n    four five\n"
        );
    }

    #[test]
    fn what_cannot_be_seen_is_shown() {
        assert_eq!(visible("Söhne"), "Söhne");
        assert_eq!(visible("a\u{202e}b\u{1b}[2J"), "a\\u{202e}b\\u{1b}[2J");
        assert_eq!(harmless("\u{1b}[1;31mred\u{1b}[0m\ta\r\n"), "\u{1b}[1;31mred\u{1b}[0m\ta\r\n");
        assert_eq!(harmless("a\rb\u{1b}[2J\u{200b}"), "a\\u{d}b\\u{1b}[2J\\u{200b}");
        let json = "{\"a\": \"x\u{202e}\u{e0001}\"}\n";
        let shown = visible_json(json);
        assert!(shown.is_ascii(), "{shown}");
        let read = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
        assert_eq!(read(&shown), read(json));
    }

    #[test]
    fn sizes_are_short() {
        assert_eq!(
            [0, 999, 1_500, 2_345_678, 5_000_000_000].map(bytes),
            ["0 B", "999 B", "1.5 kB", "2.3 MB", "5.0 GB"]
        );
    }
}
