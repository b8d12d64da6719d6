//! A plan as text for people.

use std::fmt::Write as _;

use super::action::Action;
use super::item::{Item, ItemState};
use super::plan::{Plan, Summary};
use crate::output::{FieldChange, visible};

/// All of a plan, with its last line.
pub(crate) fn words(plan: &Plan) -> String {
    let mut words = String::new();
    for item in &plan.items {
        line(&mut words, item);
        words.push_str(&FieldChange::lines(&item.changes));
    }
    let changes = plan.changes().count();
    if changes == 0 && plan.summary.failed == 0 {
        words.push_str("No changes: the hub is as the file says.\n");
    } else {
        let _ = writeln!(words, "Plan: {}.", told(&plan.summary, "to "));
    }
    words
}

/// A plan for the comment of a pull request.
pub(crate) fn markdown(plan: &Plan) -> String {
    let (summary, hub) = (told(&plan.summary, "to "), &plan.hub);
    let mut text = format!("**Plan for {hub}**: {summary}.\n");
    if !plan.items.is_empty() {
        let mut lines = String::new();
        for item in &plan.items {
            line(&mut lines, item);
            lines.push_str(&FieldChange::lines(&item.changes));
        }
        // A diff has colours there: lines that begin with + or -, and ! for a change.
        let colored: Vec<String> = lines.lines().map(in_diff).collect();
        let _ = write!(text, "\n```diff\n{}\n```\n", colored.join("\n"));
    }
    if !plan.warnings.is_empty() {
        text.push('\n');
    }
    for warning in &plan.warnings {
        let _ = writeln!(text, "> :warning: {warning}");
    }
    text
}

/// A line of a plan as a line of a diff.
fn in_diff(line: &str) -> String {
    // Nothing in a plan may end the block that it is in.
    let line = visible(&line.replace("```", "` ` `"));
    let changes = ['~', '↻', '⏸', '▶'].iter().find_map(|sign| line.strip_prefix(*sign));
    match changes {
        Some(rest) => format!("!{rest}"),
        None => line,
    }
}

fn line(words: &mut String, item: &Item) {
    let (verb, what) = (item.action().as_str(), item.what());
    if let (ItemState::Failed, Some(error)) = (item.state, &item.error) {
        let _ = writeln!(words, "! {verb} {what}: {}", error.parts().message);
        return;
    }
    if item.state == ItemState::Applied {
        let _ = writeln!(words, "  {verb} {what}: done already");
        return;
    }
    let _ = write!(words, "{} {verb} {what}", item.action().sign());
    if item.handle != item.client {
        let _ = write!(words, " of {}", item.client);
    }
    if item.adopt {
        words.push_str(" (adopt)");
    }
    if let Some(sink) = item.sink() {
        let _ = write!(words, " → {}", sink.text);
    }
    words.push('\n');
}

/// "3 to create, 1 to update, 0 to delete" or, with an empty `to`, "3 created, 1 updated, 0 deleted".
pub(crate) fn told(summary: &Summary, to: &str) -> String {
    let form = |(action, n): (Action, usize)| match to {
        "" => format!("{n} {}", action.done()),
        to => format!("{n} {to}{}", action.as_str()),
    };
    let mut parts: Vec<_> = summary.told().map(form).collect();
    let failed = if to.is_empty() { "failed" } else { "that cannot be done" };
    let others = [(summary.failed, failed), (summary.skipped, "skipped")];
    parts.extend(others.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::fleet::planner::{ClientChange, InstanceChange, ObjectKind, Step};
    use crate::error::Failure;
    use hub_core::api::{NewClient, NewInstance};
    use hub_core::model::InstancePatch;
    use serde_json::Value;
    use serde_json::json;

    fn instance(handle: &str, change: InstanceChange) -> Item {
        Item::of(Step::Instance { change, seen: None }, handle, "acme")
    }

    #[test]
    fn a_plan_reads_line_by_line() {
        let change = |field: &str, before: Value, after: Value| FieldChange {
            field: field.to_owned(),
            before,
            after,
        };
        let new: NewClient =
            hub_core::fields::from_json(br#"{"name": "Acme"}"#, hub_core::fields::Unknown::Named)
                .unwrap();
        let client = Step::Client { change: ClientChange::Create(new), seen: None };
        let create = InstanceChange::Create {
            new: NewInstance::default().into(),
            sink: "file:a.key".parse().ok(),
        };
        let no_patch = InstanceChange::Update(InstancePatch::default().into());
        let mut update = instance("acme-2", no_patch).adopting(true);
        update.changes = vec![
            change("expires_at", Value::Null, json!("2027-01-01T00:00:00.000Z")),
            change("labels", json!({}), json!({"env": "prod", "hubctl.fleet": "f"})),
            change("entitlements", json!(["a", "b"]), json!([])),
            change("grace_days", json!(0), json!(7)),
            change("max_activations", json!(3), Value::Null),
        ];
        let rotate = InstanceChange::Rotate { sink: "file:b.key".parse().unwrap() };
        let refused = (ObjectKind::Instance, "acme-9");
        let items = vec![
            Item::of(client, "acme", "acme"),
            instance("acme-1", create),
            update,
            instance("acme-3", rotate),
            instance("acme-4", InstanceChange::Suspend),
            instance("acme-5", InstanceChange::Reactivate),
            instance("acme-6", InstanceChange::Delete),
            Item::refused(Action::Create, refused, "acme", Failure::usage("exists")),
        ];
        let expected = "\
            + create client acme\n\
            + create instance acme-1 of acme → file:a.key\n\
            ~ update instance acme-2 of acme (adopt)\n    \
                expires_at: never → 2027-01-01T00:00:00.000Z\n    \
                labels: none → env=prod,hubctl.fleet=f\n    \
                entitlements: a,b → none\n    \
                grace_days: 0 → 7\n    \
                max_activations: 3 → none\n\
            ↻ rotate instance acme-3 of acme → file:b.key\n\
            ⏸ suspend instance acme-4 of acme\n\
            ▶ reactivate instance acme-5 of acme\n\
            - delete instance acme-6 of acme\n\
            ! create instance acme-9: exists\n\
            Plan: 2 to create, 1 to update, 1 to rotate, 1 to suspend, 1 to reactivate, 1 to delete, \
            1 that cannot be done.\n";
        assert_eq!(words(&Plan::of(None, items, Vec::new())), expected);
    }

    #[test]
    fn no_changes_are_said() {
        let plan = Plan::of(None, Vec::new(), Vec::new());
        assert_eq!(words(&plan), "No changes: the hub is as the file says.\n");
        assert_eq!(told(&plan.summary, ""), "0 created, 0 updated, 0 deleted");
    }
}
