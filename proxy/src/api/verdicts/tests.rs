//! What lists and single verdicts look like to programs: the texts are a contract.

use serde::Serialize;
use sluicegate_model::samples;

use super::super::tests::assert_pinned;
use super::*;

fn list<T: Serialize>(items: Vec<T>) -> String {
    let next = Some("cursor".to_owned());
    serde_json::to_string(&List { items, next }).unwrap()
}

#[test]
fn verdicts_are_answered_as_ever() {
    let verdicts = || [samples::verdict(), samples::verdict_with_everything()];
    let summaries = verdicts().map(|verdict| Listed::Short(Summary::of(&verdict)));
    let mut lines = vec![
        list(summaries.into()),
        list(verdicts().map(WithFindings::of).into()),
    ];
    for verdict in verdicts() {
        let shown = ShownVerdict {
            other_repositories: vec![verdict.repository.clone()],
            remedy: None,
            verdict,
        };
        let shown = Shown::Verdict(Box::new(shown));
        lines.push(serde_json::to_string(&shown).unwrap());
    }
    assert_pinned("api/verdicts/pinned.jsonl", &(lines.join("\n") + "\n"));
}
