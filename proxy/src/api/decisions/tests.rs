//! What the log looks like to programs: the texts are a contract.

use jiff::Timestamp;
use sluicegate_model::samples;

use super::super::tests::assert_pinned;
use super::*;

fn line() -> DecisionLine {
    let (verdict, digest) = (samples::verdict(), Digest::of(b"image"));
    DecisionLine {
        seq: 7,
        time: Timestamp::from_second(1_700_000_000).unwrap(),
        kind: LineKind::BreakGlass,
        client: Some("192.0.2.1".into()),
        user_agent: Some("a \"quoted\" agent".into()),
        principal: Some("ci".into()),
        repository: Some(verdict.repository.to_string()),
        tag: Some("1".into()),
        asked: Some(digest.clone()),
        served: Some(digest.clone()),
        platform: Some(verdict.platform),
        decision: Some(verdict.decision),
        reasons: verdict.reasons,
        policy: Some("default".into()),
        policies: Some(digest.clone()),
        feeds: Some("none".into()),
        fingerprint: Some("75eb7d40".into()),
        allowed_by: vec!["until-june".into()],
        count: 2,
        prev: digest.clone(),
        hash: Some(digest),
    }
}

/// Gives a line of which as little is known as can be.
fn sparse() -> DecisionLine {
    DecisionLine {
        kind: LineKind::Policy,
        client: None,
        user_agent: None,
        principal: None,
        repository: None,
        tag: None,
        asked: None,
        served: None,
        platform: None,
        decision: None,
        reasons: Vec::new(),
        policy: None,
        policies: None,
        feeds: None,
        fingerprint: None,
        allowed_by: Vec::new(),
        ..line()
    }
}

#[test]
fn lines_are_answered_as_ever() {
    let list = List {
        items: vec![line(), sparse()],
        next: None,
        searched: Searched {
            lines: 2,
            bytes: 300,
            to_seq: Some(7),
        },
    };
    let document = PolicyDocument {
        kind: "policy".into(),
        name: "default".into(),
        file: "policy.yaml".into(),
        text: "rules: []".into(),
        canonical: "{}".into(),
    };
    let shown = Shown {
        line: line(),
        documents: Some(vec![document.clone()]),
    };
    let kept = KeptPolicies {
        digest: Digest::of(b"set"),
        documents: vec![document],
    };
    let lines = [
        serde_json::to_string(&list).unwrap(),
        serde_json::to_string(&shown).unwrap(),
        serde_json::to_string(&ShownPolicies(kept)).unwrap(),
    ];
    assert_pinned("api/decisions/pinned.jsonl", &(lines.join("\n") + "\n"));
}
