//! Verdicts: whole, replaced only by whoever knew them.

use sluicegate_model::{Digest, Tag};

use super::{Subject, finding, many_findings, put, repository, verdict};
use crate::ledger::{Replacement, VerdictFilter};

pub async fn small_and_large_verdicts_come_back_whole(subject: &mut dyn Subject) {
    let ledger = subject.ledger();
    for findings in [Vec::new(), many_findings()] {
        let verdict = verdict("app", "image", 0, findings);
        put(ledger, &verdict).await;
        let (repository, digest) = (&verdict.repository, &verdict.digest);
        let got = ledger.verdict(repository, digest).await.unwrap();
        assert_eq!(got.as_ref(), Some(&verdict));
        assert_eq!(
            ledger
                .verdict(&self::repository("other"), digest)
                .await
                .unwrap(),
            None
        );
    }
}

pub async fn a_replaced_verdict_is_gone_from_every_list(subject: &mut dyn Subject) {
    let ledger = subject.ledger();
    let old = verdict("app", "image", 0, many_findings());
    let new = verdict("app", "image", 9, vec![finding("CVE-2", "zlib")]);
    put(ledger, &old).await;
    put(ledger, &new).await;
    let all = ledger
        .list_verdicts(&VerdictFilter::default(), 9, None)
        .await
        .unwrap();
    assert_eq!(all.items, std::slice::from_ref(&new));
    assert_eq!(ledger.verdicts_of(&old.digest).await.unwrap(), [new]);
}

pub async fn whoever_knew_another_verdict_writes_nothing(subject: &mut dyn Subject) {
    let ledger = subject.ledger();
    let old = verdict("app", "image", 0, many_findings());
    let mut late = verdict("app", "image", 8, many_findings());
    late.findings.pop();
    let known = ledger
        .known_verdict(&old.repository, &old.digest)
        .await
        .unwrap();
    put(ledger, &old).await;
    let other = verdict("app", "other", 8, Vec::new());
    let batch =
        [&late, &other].map(|verdict| Replacement::new(&mut verdict.clone(), &known).unwrap());
    let written = ledger.replace_verdicts(batch.into()).await.unwrap();
    assert_eq!(written, [false, true]);
    let got = ledger.verdict(&old.repository, &old.digest).await.unwrap();
    assert_eq!(got, Some(old));
}

pub async fn tags_that_are_added_at_once_are_all_there(subject: &mut dyn Subject) {
    let ledger = subject.ledger();
    let verdict = verdict("app", "image", 0, Vec::new());
    put(ledger, &verdict).await;
    let (repository, digest) = (&verdict.repository, &verdict.digest);
    let tags: Vec<Tag> = (1..=8).map(|n| n.to_string().parse().unwrap()).collect();
    let adding = tags
        .iter()
        .map(|tag| ledger.add_tag(repository, digest, tag));
    for tagged in futures_util::future::join_all(adding).await {
        tagged.unwrap().unwrap();
    }
    let got = ledger.verdict(repository, digest).await.unwrap().unwrap();
    assert_eq!(got.tags, tags);
    let absent = Digest::of(b"none");
    let tagged = ledger.add_tag(repository, &absent, &tags[0]).await;
    assert_eq!(tagged.unwrap(), None);
}

pub async fn verdicts_of_one_image_come_from_every_repository(subject: &mut dyn Subject) {
    let ledger = subject.ledger();
    let [a, b] = [
        verdict("a", "image", 1, Vec::new()),
        verdict("b", "image", 2, Vec::new()),
    ];
    for verdict in [&a, &b] {
        put(ledger, verdict).await;
    }
    assert_eq!(ledger.verdicts_of(&a.digest).await.unwrap(), [b, a]);
    assert!(
        ledger
            .verdicts_of(&Digest::of(b"?"))
            .await
            .unwrap()
            .is_empty()
    );
}
