//! `NAME='value'` lines for `eval` in a POSIX shell, or for a file that `.` reads.

use serde_json::Value;

use super::select;
use crate::error::{Failure, Result};

/// One object. Members of nested objects have both names: `LICENSE_EXPIRES_AT`.
///
/// Two members whose names become the same get numbers: `LABELS_A_B` and `LABELS_A_B_2`.
pub(super) fn render(object: &Value) -> Result<String> {
    let mut lines = Vec::new();
    add(&mut lines, "", object)?;
    let mut text = String::new();
    for (name, value) in lines {
        text.extend([name.as_str(), "=", &value, "\n"]);
    }
    Ok(text)
}

fn add(lines: &mut Vec<(String, String)>, name: &str, value: &Value) -> Result<()> {
    if let Value::Object(members) = value {
        for (member, value) in members {
            let name = match name {
                "" => variable(member),
                outer => format!("{outer}_{}", variable(member)),
            };
            add(lines, &name, value)?;
        }
        return Ok(());
    }
    let text = select::cell(Some(value));
    let quoted = shlex::try_quote(&text)
        .map_err(|_| Failure::usage(format!("{name} cannot be written for a shell")))?;
    let name = if name.is_empty() { "VALUE" } else { name };
    let taken = |name: &str| lines.iter().any(|(taken, _)| taken == name);
    let mut unique = name.to_owned();
    for n in 2..=lines.len() + 1 {
        if !taken(&unique) {
            break;
        }
        unique = format!("{name}_{n}");
    }
    lines.push((unique, quoted.into_owned()));
    Ok(())
}

fn variable(name: &str) -> String {
    let word = |c: char| {
        if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }
    };
    name.chars().map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_shell_reads_back_what_there_is() {
        let object = json!({"instance_id": "acme-1", "name": "it's $HOME", "n": 3, "none": null,
            "license": {"entitlements": ["a", "b"]}, "labels": {"hubctl.fleet": "x y"}});
        let script = render(&object).unwrap()
            + r#"printf '%s|' "$INSTANCE_ID" "$NAME" "$N" "$NONE" "$LICENSE_ENTITLEMENTS" "$LABELS_HUBCTL_FLEET""#;
        let shell = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        let said = String::from_utf8(shell.stdout).unwrap();
        assert_eq!(said, "acme-1|it's $HOME|3||a,b|x y|");
    }
}
