//! What is read of a report, and what is not.

use serde_json::{Value, json};

use super::*;

fn report() -> Value {
    let scanned = json!({
        "content": "image",
        "inventory": sluicegate_model::samples::inventory(),
        "scanned_at": "2999-01-01T00:00:00Z",
        "scan_ms": 1,
        "read_by": format!("an\u{1b}other{}", "x".repeat(500)),
    });
    json!({
        "format": FORMAT,
        "repository": "team/app",
        "digest": Digest::of(b"image"),
        "tags": ["1"],
        "scanned": scanned,
    })
}

fn read(report: &Value) -> Result<Report, ReportError> {
    Report::read(report.to_string().as_bytes())
}

#[test]
fn a_report_is_what_was_written_and_no_more_than_can_be_true_now() {
    let now = Timestamp::from_second(1_700_000_000).unwrap();
    let scanned = read(&report()).unwrap().scanned_before(now);
    assert_eq!(scanned.scanned_at, now);
    assert_eq!(scanned.inventory, sluicegate_model::samples::inventory());
    let reader = scanned.read_by.unwrap();
    assert!(reader.starts_with("another") && reader.len() == MAX_READER_CHARS);
    let (digest, tags) = (Digest::of(b"image"), vec!["1".parse().unwrap()]);
    let ours = read(&report()).unwrap().scanned;
    let written =
        serde_json::to_vec(&Report::of("app".into(), digest, tags, (ours, "us"))).unwrap();
    let again = Report::read(&written).unwrap();
    assert_eq!(again.scanned.read_by.as_deref(), Some("us"));
}

#[test]
fn what_is_no_report_is_refused_in_words() {
    let with = |name: &str, value: Value| {
        let mut report = report();
        report[name] = value;
        read(&report).unwrap_err().to_string()
    };
    assert!(with("format", json!(FORMAT + 1)).contains("newer release"));
    assert!(with("digest", json!("sha256:12")).contains("no report"));
    assert!(with("scanned", json!({})).contains("no report"));
    let tags: Vec<String> = (0..=MAX_TAGS).map(|n| n.to_string()).collect();
    assert!(with("tags", json!(tags)).contains("tags"));
    let long = "x".repeat(MAX_TEXT_BYTES + 1);
    assert!(with("repository", json!(long)).contains("text of more"));
    assert!(Report::read(b"\"").is_err());
    assert!(
        Report::read(&b"[".repeat(100_000)).is_err(),
        "no stack is lost"
    );
}

#[test]
fn the_longest_text_is_found_whatever_is_escaped_in_it() {
    for (json, longest) in [
        (r#"{"a": "bcd", "e": 1234567}"#, 3),
        (r#"["a\"b", "c"]"#, 3),
        (r#"["\\", "ab"]"#, 2),
        (r#"["never ends"#, 10),
        ("", 0),
    ] {
        assert_eq!(longest_text(json.as_bytes()), longest, "{json}");
    }
}
