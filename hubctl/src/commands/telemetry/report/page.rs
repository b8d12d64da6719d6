//! The page: words, tables and charts in one file. No script, and nothing is loaded from elsewhere.

use std::fmt::Write as _;
use std::time::Duration;

use hub_core::api::{Instance, ToolUsage};
use plotters::style::RGBColor;

use super::charts::{Line, over_time};
use super::read::Facts;
use crate::error::Result;
use crate::output::{milliseconds, percent};

const CALLS: RGBColor = RGBColor(37, 99, 235);
const ERRORS: RGBColor = RGBColor(220, 38, 38);
const INSTANCES: RGBColor = RGBColor(5, 150, 105);

/// How many tools and codes are shown.
const SHOWN: usize = 20;

const STYLE: &str = "\
:root{font:16px/1.5 system-ui,sans-serif;color:#1f2937;background:#fff}\
body{max-width:60rem;margin:0 auto;padding:1rem}\
h1{font-size:1.5rem;margin:.5rem 0}h2{font-size:1.1rem;margin:2rem 0 .5rem}\
p{margin:.25rem 0;color:#4b5563}svg{width:100%;height:auto;display:block}svg.narrow{display:none}\
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(8rem,1fr));gap:.75rem;margin:1rem 0}\
dl div{border:1px solid #e5e7eb;border-radius:.5rem;padding:.5rem .75rem}\
dt{font-size:.8rem;color:#6b7280}dd{margin:0;font-size:1.4rem;font-weight:600}\
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}\
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #e5e7eb;white-space:nowrap}\
.n{text-align:right;font-variant-numeric:tabular-nums}th{color:#6b7280;font-weight:500}\
.track{width:8rem}.bar{background:#93c5fd;height:.5rem;border-radius:.25rem;min-width:1px}\
.calls{color:#2563eb}.errors{color:#dc2626}.good{color:#059669}\
@media screen and (max-width:36rem){svg.narrow{display:block}svg.wide,.track{display:none}\
table{font-size:.75rem}th,td{padding:.3rem .2rem}\
th{white-space:normal}td:first-child{white-space:normal;overflow-wrap:anywhere}}\
@media print{body{max-width:none;padding:0}h2,figure,table{break-inside:avoid}.scroll{overflow:visible}}";

/// The whole page.
pub(super) fn render(facts: &Facts) -> Result<String> {
    let mut page = String::new();
    let of = facts.of.as_deref().unwrap_or("the fleet");
    let title = format!("Usage of {}", escaped(of));
    // The end itself is no longer part of it.
    let until = facts.until.before(Duration::from_millis(1));
    let (since, until, made) = (facts.since.to_string(), until.to_string(), facts.made.to_string());
    let (since, until) = (day(&since), day(&until));
    let (made, at) = (day(&made), &made[11..16]);
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head><body>\n\
         <h1>{title}</h1><p>{since} to {until}. Made on {made} at {at}. All times are UTC.</p>\n"
    );
    figures(&mut page, facts);
    charts(&mut page, facts)?;
    tools(&mut page, &facts.tools);
    errors(&mut page, facts);
    counts(&mut page, facts);
    instances(
        &mut page,
        "License ends within 30 days, or is in grace",
        &facts.ending,
        "Ends",
        |i| i.license.expires_at.map(|at| at.to_string()),
    );
    instances(&mut page, "Not seen for 24 hours", &facts.silent, "Last seen", |i| {
        i.last_seen_at.map(|at| at.to_string())
    });
    page.push_str("</body></html>\n");
    Ok(page)
}

/// The numbers that are asked for first.
fn figures(page: &mut String, facts: &Facts) {
    let (calls, errors) = (facts.calls(), facts.failed());
    let rate = if calls == 0 { 0.0 } else { ratio(errors, calls) };
    let most = facts.days.iter().map(|day| day.instances).max().unwrap_or(0);
    page.push_str("<dl>");
    for (name, value) in [
        ("Calls", thousands(calls)),
        ("Errors", thousands(errors)),
        ("Error rate", percent(rate)),
        ("Tools", facts.tools.len().to_string()),
        ("Most instances a day", thousands(most)),
    ] {
        let _ = write!(page, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    }
    page.push_str("</dl>\n");
}

fn charts(page: &mut String, facts: &Facts) -> Result<()> {
    let days = &facts.days;
    let line = |name, color, filled, value: fn(&hub_core::api::UsageStep) -> f64| Line {
        name,
        color,
        filled,
        values: days.iter().map(value).collect(),
    };
    let calls = line("calls", CALLS, true, |day| number(day.calls));
    let errors = line("errors", ERRORS, false, |day| number(day.errors));
    let svg = over_time(days, &[calls, errors], "")?;
    let title = "<span class=\"calls\">Calls</span> and <span class=\"errors\">errors</span> a day";
    figure(page, title, &svg);
    let rate = line("error rate", ERRORS, false, |day| match day.calls {
        0 => 0.0,
        calls => ratio(day.errors, calls) * 100.0,
    });
    figure(
        page,
        "<span class=\"errors\">Error rate</span> a day",
        &over_time(days, &[rate], " %")?,
    );
    let active = line("instances", INSTANCES, true, |day| number(day.instances));
    let svg = over_time(days, &[active], "")?;
    figure(page, "<span class=\"good\">Instances</span> that reported a day", &svg);
    Ok(())
}

fn figure(page: &mut String, title: &str, svg: &str) {
    let _ = writeln!(page, "<h2>{title}</h2><figure style=\"margin:0\">{svg}</figure>");
}

fn table(page: &mut String, title: &str, heads: &[(&str, bool)], rows: &[Vec<String>]) {
    if rows.is_empty() {
        return;
    }
    let _ = write!(page, "<h2>{title}</h2><div class=\"scroll\"><table><tr>");
    let class = |right: bool| if right { " class=\"n\"" } else { "" };
    for (head, right) in heads {
        let _ = write!(page, "<th{}>{head}</th>", class(*right));
    }
    page.push_str("</tr>\n");
    for row in rows {
        page.push_str("<tr>");
        for (cell, (_, right)) in row.iter().zip(heads) {
            let _ = write!(page, "<td{}>{cell}</td>", class(*right));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table></div>\n");
}

fn tools(page: &mut String, tools: &[ToolUsage]) {
    let most = tools.iter().map(|tool| tool.calls).max().unwrap_or(0).max(1);
    let row = |tool: &ToolUsage| {
        let stats = tool.duration_ms.as_ref();
        let of = |ms: Option<f64>| ms.map(milliseconds).unwrap_or_default();
        let width = ratio(tool.calls, most) * 100.0;
        vec![
            escaped(tool.tool.as_ref()),
            format!(
                "<div class=\"track\"><div class=\"bar\" style=\"width:{width:.0}%\"></div></div>"
            ),
            thousands(tool.calls),
            percent(tool.error_rate),
            of(stats.and_then(|stats| stats.p50)),
            of(stats.and_then(|stats| stats.p90)),
            of(stats.and_then(|stats| stats.p99)),
            thousands(tool.instances),
        ]
    };
    let heads = [
        ("Tool", false),
        ("", false),
        ("Calls", true),
        ("Failed", true),
        ("p50", true),
        ("p90", true),
        ("p99", true),
        ("Instances", true),
    ];
    let rows: Vec<_> = tools.iter().take(SHOWN).map(row).collect();
    table(page, "Tools, most calls first", &heads, &rows);
    if tools.len() > SHOWN {
        let _ = writeln!(page, "<p>And {} more tools.</p>", tools.len() - SHOWN);
    }
}

fn errors(page: &mut String, facts: &Facts) {
    let mut errors: Vec<_> = facts.errors.iter().collect();
    errors.sort_by_key(|error| std::cmp::Reverse(error.count));
    let row = |error: &&hub_core::api::ErrorCount| {
        vec![escaped(error.code.as_ref()), escaped(error.tool.as_ref()), thousands(error.count)]
    };
    let rows: Vec<_> = errors.iter().take(SHOWN).map(row).collect();
    table(page, "Errors", &[("Code", false), ("Tool", false), ("Count", true)], &rows);
}

fn counts(page: &mut String, facts: &Facts) {
    let row = |count: &hub_core::api::NamedCount| {
        vec![
            escaped(count.name.as_ref()),
            thousands(count.sum),
            thousands(count.max),
            thousands(count.instances),
        ]
    };
    let rows: Vec<_> = facts.counts.iter().map(row).collect();
    let heads = [("Count", false), ("Sum", true), ("Most", true), ("Instances", true)];
    table(page, "Counts", &heads, &rows);
}

fn instances(
    page: &mut String,
    title: &str,
    instances: &[Instance],
    head: &str,
    at: impl Fn(&Instance) -> Option<String>,
) {
    let row = |instance: &Instance| {
        let at = at(instance).map_or_else(|| "never".to_owned(), |at| day(&at).to_owned());
        let id = escaped(instance.instance_id.as_str());
        vec![id, escaped(instance.client_slug.as_str()), at]
    };
    let rows: Vec<_> = instances.iter().take(SHOWN).map(row).collect();
    table(page, title, &[("Instance", false), ("Client", false), (head, false)], &rows);
    if instances.len() > SHOWN {
        let _ = writeln!(page, "<p>And {} more.</p>", instances.len() - SHOWN);
    }
}

/// The date of a time.
fn day(at: &str) -> &str {
    at.split('T').next().unwrap_or(at)
}

fn ratio(part: u64, whole: u64) -> f64 {
    number(part) / number(whole)
}

#[expect(clippy::cast_precision_loss, reason = "a few digits of it are drawn")]
fn number(n: u64) -> f64 {
    n as f64
}

/// `1 234 567`, with blanks that do not break.
fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A text that is no markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_no_markup_and_numbers_are_grouped() {
        assert_eq!(escaped("<b>&\"x\""), "&lt;b&gt;&amp;&quot;x&quot;");
        assert_eq!(thousands(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(thousands(999), "999");
    }
}
