//! What is signed of the sample's verdict, field by field.

use serde_json::{Value, json};
use sluicegate_model::coverage::CoverageStatus;
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_model::{Digest, samples};

use super::{
    IndexedImage, Predicate, VERIFICATION_SUMMARY, VULNERABILITIES, index_statement, statement,
};

fn said(predicate: Predicate, verdict: &Verdict) -> Value {
    let text = statement(predicate, verdict).unwrap();
    assert!(text.iter().all(|byte| !byte.is_ascii_control()));
    serde_json::from_slice(&text).unwrap()
}

#[test]
fn both_name_the_image_and_are_the_same_each_time() {
    let verdict = samples::verdict();
    for (predicate, uri) in [
        (Predicate::VerificationSummary, VERIFICATION_SUMMARY),
        (Predicate::Vulnerabilities, VULNERABILITIES),
    ] {
        let said = said(predicate, &verdict);
        assert_eq!(said["_type"], "https://in-toto.io/Statement/v1");
        assert_eq!(said["predicateType"], uri);
        let subject = json!([{
            "name": "docker.io/library/app", "digest": {"sha256": verdict.digest.hex()},
        }]);
        assert_eq!(said["subject"], subject);
        let once = statement(predicate, &verdict).unwrap();
        assert_eq!(once, statement(predicate, &verdict).unwrap());
        // By which tag it was pulled last changes nothing of what was decided.
        let tagged = Verdict {
            tags: Vec::new(),
            ..verdict.clone()
        };
        assert_eq!(once, statement(predicate, &tagged).unwrap());
    }
}

#[test]
fn a_summary_says_who_decided_what_by_which_policy_and_when() {
    let verdict = samples::verdict();
    let said = said(Predicate::VerificationSummary, &verdict)["predicate"].clone();
    assert_eq!(said["verifier"]["id"], "urn:sluicegate:verifier");
    let version = json!({"sluicegate": "sluicegate/0.1.0 75eb7d40"});
    assert_eq!(said["verifier"]["version"], version);
    assert_eq!(said["timeVerified"], "2026-11-20T10:00:01.5Z");
    let image = format!(
        "pkg:oci/app@sha256%3A{}?arch=amd64&repository_url=docker.io%2Flibrary%2Fapp",
        verdict.digest.hex()
    );
    assert_eq!(said["resourceUri"], image);
    let policy = json!({
        "uri": "urn:sluicegate:policy:default", "digest": {"sha256": verdict.policy.digest.hex()},
    });
    assert_eq!(said["policy"], policy);
    assert_eq!(said["verificationResult"], "FAILED");
    assert_eq!(said["verifiedLevels"], json!(["FAILED"]));
    let reason = &said["urn:sluicegate:reasons"][0];
    assert_eq!(reason["rule"], "known-exploited");
    let exceptions = json!({"until-june": ["CVE-2023-0286"]});
    assert_eq!(said["urn:sluicegate:exceptions"], exceptions);
    let feeds = json!({"snapshot": "sha256:aa", "time": "2026-11-01T00:00:00Z"});
    assert_eq!(said["urn:sluicegate:feeds"], feeds);
    let gaps = json!({"unattributed-elf": 5, "os-db-missing": 1});
    let coverage = json!({"status": "unscannable", "gaps": gaps});
    assert_eq!(said["urn:sluicegate:coverage"], coverage);
}

#[test]
fn what_is_served_has_passed_and_says_how() {
    for (decision, result, level) in [
        (Decision::Allow, "PASSED", "SLUICEGATE_ALLOW"),
        (Decision::Annotate, "PASSED", "SLUICEGATE_ANNOTATE"),
        (Decision::Refuse, "FAILED", "FAILED"),
    ] {
        let verdict = Verdict {
            decision,
            allowed_by: vec!["until-june".into()],
            ..samples::verdict()
        };
        let said = said(Predicate::VerificationSummary, &verdict)["predicate"].clone();
        assert_eq!(said["verificationResult"], result, "{decision}");
        assert_eq!(said["verifiedLevels"], json!([level]), "{decision}");
        assert_eq!(said["urn:sluicegate:decision"], decision.as_str());
        assert_eq!(said["urn:sluicegate:allowedBy"], json!(["until-june"]));
    }
}

#[test]
fn a_scan_lists_what_bears_and_counts_what_does_not() {
    let verdict = samples::verdict();
    let said = said(Predicate::Vulnerabilities, &verdict)["predicate"].clone();
    let (scanner, found) = (&said["scanner"], &said["scanner"]["result"]);
    assert_eq!(scanner["version"], "sluicegate/0.1.0 75eb7d40");
    let db = json!({
        "uri": "urn:sluicegate:feeds:sha256%3Aaa", "version": "sha256:aa",
        "lastUpdate": "2026-11-01T00:00:00Z",
    });
    assert_eq!(scanner["db"], db);
    assert_eq!(said["metadata"]["scanStartedOn"], "2026-11-20T10:00:00Z");
    assert_eq!(said["metadata"]["scanFinishedOn"], "2026-11-20T10:00:01.5Z");
    assert_eq!(found.as_array().unwrap().len(), 4);
    assert_eq!(found[0]["id"], "CVE-2021-44228");
    let severity = json!([
        {"method": "sluicegate", "score": "critical"},
        {"method": "cvss_score", "score": "10"},
        {"method": "epss", "score": "0.97"},
    ]);
    assert_eq!(found[0]["severity"], severity);
    let told = &found[0]["annotations"][0];
    assert_eq!(told["package"]["name"], "org.example:app");
    assert_eq!(
        (&told["fixed"], &told["status"]),
        (&json!("1.1"), &json!("affected"))
    );
    // What nobody knows is said, and is not "not there".
    assert_eq!(found[3]["annotations"][0]["status"], "unknown");
    assert_eq!(found[3]["severity"][0]["score"], "unknown");
    let gaps = said["urn:sluicegate:coverage"]["gaps"].as_array().unwrap();
    assert_eq!(gaps.len(), 6);
    assert_eq!(said["urn:sluicegate:notAffected"], 0);
}

#[test]
fn what_does_not_bear_and_what_is_no_vulnerability_stand_apart() {
    let said = |verdict: Verdict| said(Predicate::Vulnerabilities, &verdict)["predicate"].clone();
    let absent = said(samples::verdict_with_everything());
    assert_eq!(absent["urn:sluicegate:notAffected"], 1);
    let mut ids = absent["scanner"]["result"].as_array().unwrap().iter();
    assert!(ids.all(|it| it["id"] != "CVE-2021-44228"));
    assert_eq!(absent["scanner"]["db"]["lastUpdate"], Value::Null);
    let licence = said(samples::verdict_with_a_licence());
    assert_eq!(licence["scanner"]["result"].as_array().unwrap().len(), 4);
    let others = licence["urn:sluicegate:otherFindings"].as_array().unwrap();
    assert_eq!(others[0]["id"], "AGPL-3.0-only");
}

/// An index of two images whose verdicts differ in what the whole takes from the stricter or older.
fn of_index(decision: Decision) -> Option<Value> {
    let index = Digest::of(b"index");
    let other = (Digest::of(b"other"), Some("linux/s390x".to_owned()));
    let one = Verdict {
        decision: Decision::Allow,
        allowed_by: vec!["until-june".into()],
        valid_until: Some("2026-12-02T00:00:00Z".parse().unwrap()),
        ..samples::verdict()
    };
    let mut two = Verdict {
        digest: Digest::of(b"two"),
        platform: "linux/arm64".into(),
        decision,
        allowed_by: vec!["until-june".into(), "grace:new".into()],
        valid_until: Some("2026-12-01T00:00:00Z".parse().unwrap()),
        ..samples::verdict()
    };
    two.provenance.decided_at = "2026-11-21T00:00:00Z".parse().unwrap();
    two.provenance.feed_time = Some("2026-10-31T00:00:00Z".parse().unwrap());
    two.coverage.status = CoverageStatus::Partial;
    let attestations = [Digest::of(b"signed")];
    let images = [&one, &two].map(|verdict| IndexedImage {
        verdict,
        attestations: &attestations,
    });
    let text = index_statement(&index, &images, &[other]).unwrap()?;
    Some(serde_json::from_slice(&text).unwrap())
}

#[test]
fn an_index_has_passed_with_what_was_judged_of_it_by_the_strictest_and_the_oldest() {
    let said = of_index(Decision::Annotate).unwrap();
    let index = Digest::of(b"index");
    let subject = json!([{"name": "docker.io/library/app", "digest": {"sha256": index.hex()}}]);
    assert_eq!(said["subject"], subject);
    assert_eq!(said["predicateType"], VERIFICATION_SUMMARY);
    let said = &said["predicate"];
    assert_eq!(said["verificationResult"], "PASSED");
    assert_eq!(said["verifiedLevels"], json!(["SLUICEGATE_ANNOTATE"]));
    assert_eq!(said["timeVerified"], "2026-11-20T10:00:01.5Z");
    let uri = format!(
        "pkg:oci/app@sha256%3A{}?repository_url=docker.io%2Flibrary%2Fapp",
        index.hex()
    );
    assert_eq!(said["resourceUri"], uri);
    let allowed_by = json!(["grace:new", "until-june"]);
    assert_eq!(said["urn:sluicegate:allowedBy"], allowed_by);
    assert_eq!(said["urn:sluicegate:validUntil"], "2026-12-01T00:00:00Z");
    assert_eq!(said["urn:sluicegate:feeds"]["time"], "2026-10-31T00:00:00Z");
    assert_eq!(said["urn:sluicegate:coverage"]["status"], "unscannable");
    let images = &said["urn:sluicegate:images"];
    assert_eq!(images[1]["digest"], Digest::of(b"two").as_str());
    assert_eq!(images[1]["platform"], "linux/arm64");
    assert_eq!(images[0]["decision"], "allow");
    let other = json!([{"digest": Digest::of(b"other"), "platform": "linux/s390x"}]);
    assert_eq!(said["urn:sluicegate:notJudged"], other);
    let signed = json!({"digest": {"sha256": Digest::of(b"signed").hex()}});
    assert_eq!(said["inputAttestations"], json!([signed, signed]));
}

#[test]
fn nothing_is_said_of_an_index_of_which_an_image_was_refused_or_none_was_judged() {
    assert_eq!(of_index(Decision::Refuse), None);
    let nothing = index_statement(&Digest::of(b"index"), &[], &[]).unwrap();
    assert_eq!(nothing, None);
}
