use super::*;
use crate::fields::Fault;
use crate::time::Timestamp;

const ID: &str = "0191d6a0-0000-7000-8000-000000000001";

fn now() -> Timestamp {
    "2026-11-25T12:00:00Z".parse().unwrap()
}

fn framed(content: &str) -> String {
    format!(
        r#"{{"report_id":"{ID}","window_start":"2026-11-25T10:00:00Z","window_end":"2026-11-25T11:00:00Z"{content}}}"#
    )
}

fn read(content: &str) -> CleanReport {
    redact(framed(content).as_bytes(), now()).unwrap_or_else(|fault| panic!("{content}: {fault:?}"))
}

fn shown(report: &CleanReport) -> serde_json::Value {
    serde_json::to_value(report).unwrap()
}

fn refused(body: &str) -> Fault {
    redact(body.as_bytes(), now()).unwrap_err()
}

#[test]
fn a_report_keeps_exactly_what_is_allowed() {
    let report = read(
        r#","tools":[{"name":"browser.navigate","calls":12,"errors":{"TIMEOUT":2},
           "durations_ms":[12, 40.5, 0]}],"counts":{"agents_online":3}"#,
    );
    assert_eq!((report.redacted(), report.id().to_string().as_str()), (0, ID));
    let expected = serde_json::json!({
        "window_start": "2026-11-25T10:00:00.000Z", "window_end": "2026-11-25T11:00:00.000Z",
        "tools": [{"name": "browser.navigate", "calls": 12, "errors": {"TIMEOUT": 2},
            "duration_us": {"n": 3, "sum": 52_500, "max": 40_500,
                "buckets": [[0, 1], [167, 1], [195, 1]]}}],
        "counts": {"agents_online": 3},
    });
    assert_eq!(shown(&report), expected);
}

/// Each position that is not allowed, with how much `redacted` grows for it.
#[test]
fn everything_else_is_dropped_and_counted() {
    for (content, redacted) in [
        (r#","secret":"s""#, 1),
        (r#","secret":{"a":{"b":[1,2,3]}},"more":[{}]"#, 2),
        (r#","tools":"s""#, 1),
        (r#","tools":null"#, 1),
        (r#","tools":{"name":"a"}"#, 1),
        (r#","tools":[1,"s",null,[2],true]"#, 5),
        (r#","tools":[{"name":"a","args":{"path":"/etc"},"user":"u"}]"#, 2),
        (r#","tools":[{"name":"a","calls":"12"}]"#, 1),
        (r#","tools":[{"name":"a","calls":-1}]"#, 1),
        (r#","tools":[{"name":"a","calls":1.5}]"#, 1),
        (r#","tools":[{"name":"a","calls":1000000001}]"#, 1),
        (r#","tools":[{"name":"a","calls":1e400}]"#, 1),
        (r#","tools":[{"name":"a","errors":["TIMEOUT"]}]"#, 1),
        (r#","tools":[{"name":"a","errors":{"not a code":1}}]"#, 1),
        (r#","tools":[{"name":"a","errors":{"TIMEOUT":"many"}}]"#, 1),
        (r#","tools":[{"name":"a","errors":{"bad":"bad"}}]"#, 2),
        (r#","tools":[{"name":"a","durations_ms":7}]"#, 1),
        (r#","tools":[{"name":"a","durations_ms":[1,"2",-3,86400001,null,[4],{}]}]"#, 6),
        (r#","tools":[{"name":7}]"#, 1),
        (r#","tools":[{"calls":7}]"#, 1),
        (r#","tools":[{"name":"/home/alice/run.sh"}]"#, 1),
        (r#","tools":[{"name":"ghp_a"},{"name":"a"}]"#, 1),
        (r#","counts":[1]"#, 1),
        (r#","counts":{"bad name":1,"good":2,"worse name":3}"#, 2),
        (r#","counts":{"good":null}"#, 1),
    ] {
        let report = read(content);
        assert_eq!(report.redacted(), redacted, "{content}");
        let kept = shown(&report).to_string();
        for secret in ["secret", "alice", "bad", "user", "args", "ghp"] {
            assert!(!kept.contains(secret), "{content}: {kept}");
        }
    }
}

#[test]
fn numbers_of_names_that_are_not_kept_stay_in_the_totals() {
    let report = read(
        r#","tools":[{"name":"A B","calls":2,"errors":{"bad":1,"worse":2,"OTHER":4}},
           {"name":"akiaiosfodnn7example","calls":3,"durations_ms":[1]},{"name":"other","calls":4}],
           "counts":{"A":1,"B":2}"#,
    );
    let expected = serde_json::json!([{"name": "other", "calls": 9, "errors": {"OTHER": 7},
        "duration_us": {"n": 1, "sum": 1000, "max": 1000, "buckets": [[111, 1]]}}]);
    assert_eq!(shown(&report)["tools"], expected);
    assert_eq!(shown(&report)["counts"], serde_json::json!({"other": 3}));
    assert_eq!(report.redacted(), 6);
}

#[test]
fn a_tool_named_twice_is_added_up() {
    let report = read(
        r#","tools":[{"name":"a","calls":1,"errors":{"X":1},"durations_ms":[1]},
           {"n\u0061me":"a","calls":2,"errors":{"X":2,"Y":1},"durations_ms":[2,3]}]"#,
    );
    let tools = shown(&report)["tools"].clone();
    assert_eq!(
        (&tools[0]["calls"], &tools[0]["errors"]),
        (&serde_json::json!(3), &serde_json::json!({"X": 3, "Y": 1}))
    );
    assert_eq!(tools[0]["duration_us"]["n"], 3);
    assert_eq!(tools.as_array().unwrap().len(), 1);
}

#[test]
fn what_is_ambiguous_or_no_json_is_refused_as_a_whole() {
    let twice = framed(&format!(r#","report_id":"{ID}""#));
    let mut cases = vec![
        String::new(),
        "[]".into(),
        "3".into(),
        "null".into(),
        "\"x\"".into(),
        "{".into(),
        format!("{}x", framed("")),
        format!("{0}{0}", framed("")),
        twice,
        format!("\u{feff}{}", framed("")),
    ];
    for content in [
        r#","tools":[],"tools":[]"#,
        r#","tools":[],"t\u006fols":[]"#,
        r#","counts":{},"counts":{}"#,
        r#","tools":[{"name":"a","name":"b"}]"#,
        r#","tools":[{"name":"a","calls":1,"calls":1}]"#,
        r#","tools":[{"name":"a","errors":{"X":1,"X":1}}]"#,
        r#","tools":[{"name":"a","errors":{"bad code":1,"bad code":1}}]"#,
        r#","tools":[{"name":"a","durations_ms":[],"durations_ms":[]}]"#,
        r#","counts":{"a":1,"a":1}"#,
        r#","tools":[{"name":"a","durations_ms":[NaN]}]"#,
        r#","tools":[{"name":"a","calls":Infinity}]"#,
        r#","tools":[{"name":"a",}]"#,
    ] {
        cases.push(framed(content));
    }
    for body in cases {
        assert_eq!(refused(&body), Fault::NotAnObject, "{body}");
    }
    let mut invalid = framed(r#","x":"?""#).into_bytes();
    let at = invalid.iter().position(|b| *b == b'?').unwrap();
    invalid[at] = 0xff;
    assert_eq!(redact(&invalid, now()), Err(Fault::NotAnObject));
}

#[test]
fn a_frame_needs_an_id_and_a_window_of_these_days() {
    let fields = |body: &str| match refused(body) {
        Fault::Fields(errors) => errors.into_iter().map(|e| e.field).collect::<Vec<_>>(),
        Fault::NotAnObject => panic!("{body}"),
    };
    assert_eq!(fields("{}"), ["report_id", "window_start", "window_end"]);
    let wrong = r#"{"report_id":7,"window_start":"now","window_end":{}}"#;
    assert_eq!(fields(wrong), ["report_id", "window_start", "window_end"]);
    let window = |start: &str, end: &str| {
        format!(r#"{{"report_id":"{ID}","window_start":"{start}","window_end":"{end}"}}"#)
    };
    for (start, end, wrong) in [
        ("2026-11-25T11:00:00Z", "2026-11-25T10:00:00Z", "window_end"),
        ("2026-11-24T10:00:00Z", "2026-11-25T10:00:00.001Z", "window_end"),
        ("2026-11-25T11:00:00Z", "2026-11-25T12:05:00.001Z", "window_end"),
        ("2026-11-18T11:59:59.999Z", "2026-11-18T12:00:00Z", "window_start"),
    ] {
        assert_eq!(fields(&window(start, end)), [wrong], "{start} {end}");
    }
    for (start, end) in [
        ("2026-11-25T11:00:00Z", "2026-11-25T12:05:00Z"),
        ("2026-11-18T12:00:00Z", "2026-11-19T12:00:00Z"),
        ("2026-11-25T12:00:00+02:00", "2026-11-25T10:00:00Z"),
    ] {
        assert!(redact(window(start, end).as_bytes(), now()).is_ok(), "{start} {end}");
    }
    for id in ["0191d6a00000700080000000000000 01", "{0191d6a0-0000-7000-8000-000000000001}", ""] {
        let body = framed("").replace(ID, id);
        assert_eq!(fields(&body), ["report_id"], "{id}");
    }
}

#[test]
fn limits_fold_the_rest_into_other_without_counting_it_as_redacted() {
    let word = |n: usize| {
        format!(
            "{}{}",
            char::from(b'a' + u8::try_from(n / 26).unwrap()),
            char::from(b'a' + u8::try_from(n % 26).unwrap())
        )
    };
    let tools: Vec<_> =
        (0..260).map(|n| format!(r#"{{"name":"t.{}","calls":1}}"#, word(n))).collect();
    let report = read(&format!(r#","tools":[{}]"#, tools.join(",")));
    assert_eq!((report.tools().count(), report.redacted()), (MOST_TOOLS + 1, 0));
    assert_eq!(report.tools().map(|(_, usage)| usage.calls).sum::<u64>(), 260);
    let codes: Vec<_> = (0..60).map(|n| format!(r#""E_{}":1"#, word(n).to_uppercase())).collect();
    let report = read(&format!(r#","tools":[{{"name":"a","errors":{{{}}}}}]"#, codes.join(",")));
    let (_, usage) = report.tools().next().unwrap();
    assert_eq!((usage.errors.len(), usage.errors[&CodeName::other()]), (MOST_CODES + 1, 10));
    let counts: Vec<_> = (0..60).map(|n| format!(r#""c_{}":1"#, word(n))).collect();
    let report = read(&format!(r#","counts":{{{}}}"#, counts.join(",")));
    assert_eq!((report.counts().count(), report.redacted()), (MOST_COUNTS + 1, 0));
}

#[test]
fn a_catalogue_keeps_only_its_names_and_the_totals() {
    let mut report =
        read(r#","tools":[{"name":"a","calls":1},{"name":"b","calls":2},{"name":"c","calls":4}]"#);
    let before = report.digest();
    report.confine(&std::collections::BTreeSet::new());
    assert_eq!(report.digest(), before, "an empty catalogue admits every name");
    report.confine(&[ToolName::clean("b").unwrap()].into());
    let calls: Vec<_> = report.tools().map(|(tool, usage)| (tool.as_str(), usage.calls)).collect();
    assert_eq!(calls, [("b", 2), ("other", 5)]);
    assert_eq!(report.redacted(), 0);
}

#[test]
fn a_digest_is_of_what_is_kept() {
    let plain = read(r#","tools":[{"name":"a","calls":1}]"#);
    let same = read(r#" , "junk":"x", "tools":[{"calls":1,"extra":2,"name":"a"}]"#);
    assert_eq!(plain.digest(), same.digest());
    assert_ne!(plain.digest(), read(r#","tools":[{"name":"a","calls":2}]"#).digest());
}

/// Nothing of a deeply nested or huge unknown value is followed or kept.
#[test]
fn depth_and_size_of_what_is_unknown_do_not_matter() {
    let deep = format!(r#","x":{}1{}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(read(&deep).redacted(), 1);
    let wide = format!(r#","x":"{}""#, "s".repeat(900_000));
    assert_eq!(read(&wide).redacted(), 1);
}
