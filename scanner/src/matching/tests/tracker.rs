//! What Debian's tracker says of its packages, in records of the shape that OSV's bucket has.
//!
//! Sources: the tracker's JSON and what it gives `debsecan`; OSV's converter, which carries `urgency` and
//! gives what is open and what is undetermined the same range.

use super::*;

const CRITICAL: &str = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";

/// A record on `package` of Debian 12, with NVD's score and what the tracker says beside it.
fn tracked(package: &str, fixed: Option<&str>, extra: Value) -> Value {
    let id = format!("DEBIAN-CVE-2024-{:04}", package.len());
    let mut record = record(&id, "Debian:12", package, fixed.unwrap_or("0"));
    let affected = &mut record["affected"][0];
    if fixed.is_none() {
        affected["ranges"][0]["events"] = json!([{"introduced": "0"}]);
    }
    affected["ecosystem_specific"] = extra;
    record["upstream"] = json!([id.trim_start_matches("DEBIAN-")]);
    record["severity"] = json!([{"type": "CVSS_V3", "score": CRITICAL}]);
    record
}

fn installed(package: &str) -> Component {
    let installed = component(
        PackageType::Deb,
        "Debian:12",
        &format!("lib{package}1"),
        "1.2-3",
    );
    from_source(installed, package, "1.2-3")
}

/// The findings on one package with one record on it.
fn found(fixed: Option<&str>, extra: Value) -> Vec<Finding> {
    let (_home, feeds) = feeds(&[tracked("zlib", fixed, extra)]);
    judge(&inventory(vec![installed("zlib")]), &feeds, now()).findings
}

#[test]
fn each_state_of_the_tracker_is_told_from_the_others() {
    use FindingStatus::{Affected, Unknown};
    use Severity::{Critical, Low, Negligible};
    let urgency = |word: &str| json!({"urgency": word});
    let no_dsa = |reason: &str| json!({"urgency": "not yet assigned", "nodsa": "Minor issue", "nodsa_reason": reason});
    for (fixed, extra, status, severity) in [
        // Open, and what the security team puts off: nobody rates it but NVD.
        (None, urgency("not yet assigned"), Affected, Critical),
        (None, no_dsa(""), Affected, Critical),
        (None, no_dsa("postponed"), Affected, Critical),
        (None, no_dsa("ignored"), Affected, Critical),
        (
            Some("1.2-4"),
            urgency("not yet assigned"),
            Affected,
            Critical,
        ),
        // Debian's own word counts before anybody's score.
        (None, urgency("unimportant"), Affected, Negligible),
        (Some("1.2-4"), urgency("unimportant"), Affected, Negligible),
        (None, urgency("low"), Affected, Low),
        (None, urgency("low**"), Affected, Low),
        // Not looked into: listed, and how bad it is elsewhere is not how bad it is here.
        (
            None,
            json!({"urgency": "not yet assigned", "status": "undetermined"}),
            Unknown,
            Severity::Unknown,
        ),
        (
            None,
            json!({"urgency": "low", "status": "undetermined"}),
            Unknown,
            Low,
        ),
        (None, urgency("undetermined"), Unknown, Severity::Unknown),
        // What has a fix was looked into.
        (Some("1.2-4"), urgency("undetermined"), Affected, Critical),
        (
            None,
            json!({"urgency": ["unimportant"], "status": 7}),
            Affected,
            Critical,
        ),
    ] {
        let shown = format!("{fixed:?} {extra}");
        let findings = found(fixed, extra);
        let [finding] = findings.as_slice() else {
            panic!("wanted one finding: {shown} {findings:?}");
        };
        assert_eq!(
            (finding.status, finding.severity),
            (status, severity),
            "{shown}"
        );
        assert_eq!(finding.kind, FindingKind::Vulnerability, "{shown}");
        assert_eq!(finding.fixed.as_deref(), fixed, "{shown}");
        assert_eq!(finding.detail.is_some(), status == Unknown, "{shown}");
        assert_eq!(finding.quieted_by, None, "{shown}");
    }
    assert_eq!(found(Some("1.2-3"), urgency("unimportant")), []);
}

#[test]
fn the_end_of_a_packages_support_is_a_finding_beside_its_weaknesses() {
    let end = || json!({"urgency": "end-of-life"});
    let mut records = vec![
        tracked("zlib", None, end()),
        tracked("bzip2", None, json!({})),
    ];
    let mut second = tracked("zlib", None, end());
    second["id"] = json!("DEBIAN-CVE-2024-0099");
    second["upstream"] = json!(["CVE-2024-0099"]);
    records.push(second);
    let (_home, feeds) = feeds(&records);
    let report = judge(
        &inventory(vec![installed("zlib"), installed("bzip2")]),
        &feeds,
        now(),
    );
    let told: Vec<_> = report
        .findings
        .iter()
        .map(|it| (it.id.as_str(), it.kind, it.severity, it.detail.as_deref()))
        .collect();
    let unsupported =
        Some("the distribution mends this package no longer: no fix is to be expected");
    let (eol, weakness) = (FindingKind::Eol, FindingKind::Vulnerability);
    let expected = [
        ("CVE-2024-0004", weakness, Severity::Critical, unsupported),
        ("CVE-2024-0005", weakness, Severity::Critical, None),
        ("CVE-2024-0099", weakness, Severity::Critical, unsupported),
        (
            "EOL-debian-12-zlib",
            eol,
            Severity::Unknown,
            Some("Debian mends zlib in Debian:12 no longer"),
        ),
    ];
    assert_eq!(told, expected);
    let end_of_zlib = report.findings.last().unwrap();
    assert_eq!(end_of_zlib.package.name, "libzlib1");
    assert_eq!(
        end_of_zlib.advisories,
        ["DEBIAN-CVE-2024-0004", "DEBIAN-CVE-2024-0099"]
    );
}

#[test]
fn an_advisory_that_names_a_fix_settles_what_was_undetermined() {
    let open = tracked("zlib", None, json!({"status": "undetermined"}));
    let dsa = with(
        record("DSA-1-1", "Debian:12", "zlib", "1.2-4"),
        "upstream",
        json!(["CVE-2024-0004"]),
    );
    let (_home, feeds) = feeds(&[open, dsa]);
    let findings = judge(&inventory(vec![installed("zlib")]), &feeds, now()).findings;
    let told: Vec<_> = findings
        .iter()
        .map(|it| {
            (
                it.status,
                it.severity,
                it.fixed.as_deref(),
                it.detail.as_deref(),
            )
        })
        .collect();
    let wanted = (
        FindingStatus::Affected,
        Severity::Critical,
        Some("1.2-4"),
        None,
    );
    assert_eq!(told, [wanted]);
}

#[test]
fn words_of_debians_tracker_are_no_words_of_others() {
    let mut record = tracked("zlib", None, json!({"urgency": "end-of-life"}));
    record["affected"][0]["package"]["ecosystem"] = json!("Ubuntu:22.04");
    let (_home, feeds) = feeds(&[record]);
    let mut installed = installed("zlib");
    installed.ecosystem = Some(Ecosystem::new("Ubuntu:22.04"));
    let findings = judge(&inventory(vec![installed]), &feeds, now()).findings;
    let kinds: Vec<_> = findings
        .iter()
        .map(|it| (it.kind, it.detail.is_none()))
        .collect();
    assert_eq!(kinds, [(FindingKind::Vulnerability, true)]);
}
