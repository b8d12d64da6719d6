use super::invariants::listed;
use super::*;
use crate::api::Preview;
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
    let read = redact(framed(content).as_bytes(), listed(), now());
    read.unwrap_or_else(|fault| panic!("{content}: {fault:?}"))
}

fn preview(content: &str) -> Preview {
    let read = inspect(framed(content).as_bytes(), listed(), now());
    let (report, places) = read.unwrap_or_else(|fault| panic!("{content}: {fault:?}"));
    Preview::of(&report, listed(), places.into_dropped())
}

fn shown(content: &str) -> serde_json::Value {
    serde_json::to_value(preview(content).report).unwrap()
}

fn refused(body: &str) -> Fault {
    redact(body.as_bytes(), listed(), now()).unwrap_err()
}

fn fields(body: &str) -> Vec<String> {
    match refused(body) {
        Fault::Fields(errors) => errors.into_iter().map(|error| error.field).collect(),
        Fault::NotAnObject => panic!("{body}"),
    }
}

#[test]
fn a_report_keeps_exactly_what_is_allowed() {
    let content = r#","tools":[{"name":"browser.navigate","calls":12,"errors":{"TIMEOUT":2},
           "durations_ms":[12, 40.5, 0]}],"counts":{"agents_online":3}"#;
    let report = read(content);
    assert_eq!((report.reasons().total(), report.id().to_string().as_str()), (0, ID));
    let expected = serde_json::json!({
        "window_start": "2026-11-25T10:00:00.000Z", "window_end": "2026-11-25T11:00:00.000Z",
        "tools": [{"name": "browser.navigate", "calls": 12, "errors": {"TIMEOUT": 2},
            "duration_us": {"n": 3, "sum": 52_500, "max": 40_500,
                "buckets": [[0, 1], [167, 1], [195, 1]]}}],
        "counts": {"agents_online": 3},
    });
    assert_eq!(shown(content), expected);
}

/// Each position that is not allowed, with the places that are told for it.
#[test]
fn everything_else_is_dropped_and_told_by_its_place() {
    for (content, told) in [
        (r#","secret":"s""#, "/* unknown_member"),
        (r#","secret":{"a":{"b":[1,2,3]}},"more":[{}]"#, "/* unknown_member, /* unknown_member"),
        (r#","tools":[1,{"name":"a"},[2]]"#, "/tools/0 wrong_type, /tools/2 wrong_type"),
        (
            r#","tools":[{"name":"a","args":{"path":"/etc"},"user":"u"}]"#,
            "/tools/0/* unknown_member, /tools/0/* unknown_member",
        ),
        (r#","tools":[{"name":"a","calls":"12"}]"#, "/tools/0/calls wrong_type"),
        (r#","tools":[{"name":"a","calls":-1}]"#, "/tools/0/calls bad_number"),
        (r#","tools":[{"name":"a","calls":1.5}]"#, "/tools/0/calls bad_number"),
        (r#","tools":[{"name":"a","calls":1000000001}]"#, "/tools/0/calls bad_number"),
        (r#","tools":[{"name":"a","calls":1e400}]"#, "/tools/0/calls bad_number"),
        (r#","tools":[{"name":"a","errors":["TIMEOUT"]}]"#, "/tools/0/errors wrong_type"),
        (
            r#","tools":[{"name":"a","errors":{"not a code":1,"SSN_123_45_6789":1}}]"#,
            "/tools/0/errors/* unlisted_code, /tools/0/errors/* unlisted_code",
        ),
        (
            r#","tools":[{"name":"a","errors":{"TIMEOUT":"many","bad":-1}}]"#,
            "/tools/0/errors/TIMEOUT wrong_type, /tools/0/errors/* bad_number",
        ),
        (r#","tools":[{"name":"a","durations_ms":7}]"#, "/tools/0/durations_ms wrong_type"),
        (
            r#","tools":[{"name":"a","durations_ms":[1,"2",-3,86400001,{}]}]"#,
            "/tools/0/durations_ms/1 wrong_type, /tools/0/durations_ms/2 bad_number, \
             /tools/0/durations_ms/3 bad_number, /tools/0/durations_ms/4 wrong_type",
        ),
        (r#","tools":[{"name":7}]"#, "/tools/0/name wrong_type"),
        (r#","tools":[{"calls":7}]"#, "/tools/0/name unlisted_tool"),
        (r#","tools":[{"name":"/home/alice/run.sh"}]"#, "/tools/0/name unlisted_tool"),
        (r#","tools":[{"name":"CC_4111_1111_1111_1111"}]"#, "/tools/0/name unlisted_tool"),
        (
            r#","tools":[{"name":"john.smith.gmail.com"},{"name":"a"}]"#,
            "/tools/0/name unlisted_tool",
        ),
        (
            r#","counts":{"bad name":1,"good":2,"user_12345":3}"#,
            "/counts/* unlisted_count, /counts/* unlisted_count",
        ),
        (r#","counts":{"good":null,"bad":1.5}"#, "/counts/good wrong_type, /counts/* bad_number"),
        (
            r#","tools":[{"name":"a","calls":1,"errors":{"TIMEOUT":1000000000}}]"#,
            "/tools/0/errors/TIMEOUT inconsistent",
        ),
        (
            r#","tools":[{"name":"a","calls":0,"errors":{"A":5,"b":1}}]"#,
            "/tools/0/errors/* unlisted_code, /tools/0/errors/* inconsistent, \
             /tools/0/errors/A inconsistent",
        ),
    ] {
        let preview = preview(content);
        let places = preview.dropped.iter().map(|one| format!("{} {}", one.at, one.reason));
        let places: Vec<_> = places.collect();
        assert_eq!(places.join(", "), told, "{content}");
        assert_eq!(preview.redacted, places.len() as u64, "{content}");
        let kept = serde_json::to_string(&preview).unwrap();
        for secret in ["secret", "alice", "4111", "12345", "john", "SSN", "user", "args"] {
            assert!(!kept.contains(secret), "{content}: {kept}");
        }
    }
}

/// JSON by RFC 8259, with what serde cannot read as a value.
#[test]
fn half_a_character_and_a_number_without_bounds_cost_no_more_than_their_place() {
    for (content, told) in [
        (r#","na\ud83d":1"#, "/* unknown_member"),
        (r#","a\ud83d":1,"a\ud83c":{"\udead":2}"#, "/* unknown_member, /* unknown_member"),
        (
            r#","counts":{"na\ud83d":1,"na\ud83c":2}"#,
            "/counts/* unlisted_count, /counts/* unlisted_count",
        ),
        (r#","tools":[{"name":"a","x\ud83d":1}]"#, "/tools/0/* unknown_member"),
        (
            r#","tools":[{"name":"a","calls":1,"errors":{"E\ud83d":1}}]"#,
            "/tools/0/errors/* unlisted_code",
        ),
        (
            r#","tools":[{"name":"\ud83d"},"\ud800"]"#,
            "/tools/0/name unlisted_tool, /tools/1 wrong_type",
        ),
        (r#","tools":[{"name":"a","errors":"\ud800"}]"#, "/tools/0/errors wrong_type"),
        (
            r#","tools":[{"name":"a","errors":1e999},-1e999]"#,
            "/tools/0/errors wrong_type, /tools/1 wrong_type",
        ),
        (r#","tools":[{"name":"a","durations_ms":1e999}]"#, "/tools/0/durations_ms wrong_type"),
        (
            r#","tools":[{"name":"a","calls":1e999},1e999]"#,
            "/tools/0/calls bad_number, /tools/1 wrong_type",
        ),
    ] {
        let preview = preview(content);
        let places = preview.dropped.iter().map(|one| format!("{} {}", one.at, one.reason));
        assert_eq!(places.collect::<Vec<_>>().join(", "), told, "{content}");
    }
    assert_eq!(fields(&framed(r#","tools":1e999,"counts":"\ud800""#)), ["tools", "counts"]);
    for broken in [
        r#","\ud83d":"#,
        r#","a\x":1"#,
        ",\"\\ud83d\n\":1",
        r#","x\ud83d":1,"tools":[],"tools":[]"#,
    ] {
        assert_eq!(refused(&framed(broken)), Fault::NotAnObject, "{broken}");
    }
}

#[test]
fn numbers_of_unlisted_names_stay_in_the_totals() {
    let content = r#","tools":[{"name":"A B","calls":7,"errors":{"bad":1,"worse":2,"OTHER":4}},
           {"name":"akiaiosfodnn7example","calls":3,"durations_ms":[1]},{"name":"other","calls":4}],
           "counts":{"A":1,"B":2}"#;
    let expected = serde_json::json!([{"name": "other", "calls": 14, "errors": {"OTHER": 7},
        "duration_us": {"n": 1, "sum": 1000, "max": 1000, "buckets": [[111, 1]]}}]);
    assert_eq!(shown(content)["tools"], expected);
    assert_eq!(shown(content)["counts"], serde_json::json!({"other": 3}));
    assert_eq!(read(content).reasons().total(), 6);
}

/// What `calls` is when it is absent or dropped, and which errors go when there are too many.
#[test]
fn calls_are_made_up_for_and_never_passed_by_errors() {
    let of = |tool: &str| {
        let shown = shown(&format!(r#","tools":[{{"name":"a",{tool}}}]"#));
        (shown["tools"][0]["calls"].as_u64().unwrap(), shown["tools"][0]["errors"].to_string())
    };
    assert_eq!(of(r#""durations_ms":[1,2,3]"#), (3, "{}".to_owned()));
    assert_eq!(of(r#""errors":{"X":2,"Y":3},"durations_ms":[1]"#).0, 5);
    assert_eq!(of(r#""calls":1.5,"errors":{"X":2}"#), (2, r#"{"X":2}"#.to_owned()));
    assert_eq!(of(r#""calls":3,"errors":{"Y":2,"X":2}"#), (3, r#"{"X":1,"Y":2}"#.to_owned()));
    assert_eq!(of(r#""calls":2,"errors":{"Y":2,"X":2}"#), (2, r#"{"Y":2}"#.to_owned()));
    assert_eq!(of(r#""calls":0,"errors":{"X":5}"#), (0, "{}".to_owned()));
}

#[test]
fn tools_and_counts_of_a_wrong_type_are_refused() {
    for (content, field) in [
        (r#","tools":"s""#, "tools"),
        (r#","tools":null"#, "tools"),
        (r#","tools":{"a.b":3}"#, "tools"),
        (r#","counts":[1]"#, "counts"),
        (r#","counts":null"#, "counts"),
        (r#","counts":7"#, "counts"),
    ] {
        assert_eq!(fields(&framed(content)), [field], "{content}");
    }
}

#[test]
fn a_tool_named_twice_is_added_up() {
    let content = r#","tools":[{"name":"a","calls":1,"errors":{"X":1},"durations_ms":[1]},
           {"n\u0061me":"a","calls":3,"errors":{"X":2,"Y":1},"durations_ms":[2,3]}]"#;
    let tools = shown(content)["tools"].clone();
    assert_eq!(
        (&tools[0]["calls"], &tools[0]["errors"]),
        (&serde_json::json!(4), &serde_json::json!({"X": 3, "Y": 1}))
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
    assert_eq!(redact(&invalid, listed(), now()), Err(Fault::NotAnObject));
}

#[test]
fn a_frame_needs_an_id_and_a_window_of_these_days() {
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
        assert!(redact(window(start, end).as_bytes(), listed(), now()).is_ok(), "{start} {end}");
    }
    for id in ["0191d6a00000700080000000000000 01", "{0191d6a0-0000-7000-8000-000000000001}", ""] {
        let body = framed("").replace(ID, id);
        assert_eq!(fields(&body), ["report_id"], "{id}");
    }
}

#[test]
fn what_is_over_a_limit_counts_under_other() {
    let word = |n: u8| format!("{}{}", char::from(b'a' + n / 26), char::from(b'a' + n % 26));
    let over = |content: &str| {
        let reasons = read(content).reasons().iter().collect::<Vec<_>>();
        assert!(reasons.iter().all(|(reason, _)| *reason == Reason::OverLimit), "{reasons:?}");
        reasons.first().map_or(0, |(_, n)| *n)
    };
    let tools: Vec<_> =
        (0..250).map(|n| format!(r#"{{"name":"t.{}","calls":1}}"#, word(n))).collect();
    let content = format!(r#","tools":[{}]"#, tools.join(","));
    let report = read(&content);
    assert_eq!((report.tools().len(), over(&content)), (MOST_TOOLS + 1, 50));
    assert_eq!(report.tools().iter().map(|usage| usage.calls).sum::<u64>(), 250);
    let codes: Vec<_> = (0..60).map(|n| format!(r#""E_{}":1"#, word(n).to_uppercase())).collect();
    let content = format!(r#","tools":[{{"name":"a","errors":{{{}}}}}]"#, codes.join(","));
    let report = read(&content);
    assert_eq!((report.tools()[0].errors.len(), over(&content)), (MOST_CODES + 1, 10));
    assert_eq!(report.tools()[0].errors[0], (OTHER, 10));
    let counts: Vec<_> = (0..60).map(|n| format!(r#""c_{}":1"#, word(n))).collect();
    let content = format!(r#","counts":{{{}}}"#, counts.join(","));
    assert_eq!((read(&content).counts().len(), over(&content)), (MOST_COUNTS + 1, 10));
}

#[test]
fn codes_can_be_folded_and_the_totals_stay() {
    let mut report = read(
        r#","tools":[{"name":"a","calls":9,"errors":{"X":1,"Y":2}},{"name":"b","calls":9,"errors":{"X":4}}]"#,
    );
    let y = listed().codes.number("Y").unwrap();
    report.fold_codes(|_, code| code == y);
    let errors: Vec<_> = report.tools().iter().map(|usage| usage.errors.clone()).collect();
    assert_eq!(errors, [vec![(OTHER, 1), (y, 2)], vec![(OTHER, 4)]]);
    assert_eq!(report.reasons().total(), 2);
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
    assert_eq!(read(&deep).reasons().total(), 1);
    let wide = format!(r#","x":"{}""#, "s".repeat(900_000));
    assert_eq!(read(&wide).reasons().total(), 1);
}
