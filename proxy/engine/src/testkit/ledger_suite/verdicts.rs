//! Verdicts: whole, replaced only by whoever knew them.

use sluicegate_model::{Audience, Digest, Scope, Tag};

use super::{Subject, finding, many_findings, put, repository, verdict};
use crate::ledger::{Judged, Ledger, Replacement, VerdictFilter};
use sluicegate_model::verdict::Verdict;

pub async fn small_and_large_verdicts_come_back_whole(subject: &mut dyn Subject) {
    let ledger = subject.ledger();
    for findings in [Vec::new(), many_findings()] {
        let verdict = verdict("app", "image", 0, findings);
        put(ledger, &verdict).await;
        let (scope, digest) = (&verdict.scope(), &verdict.digest);
        let got = ledger.verdict(scope, digest).await.unwrap();
        assert_eq!(got.as_ref(), Some(&verdict));
        assert_eq!(
            ledger
                .verdict(&Scope::for_all(repository("other")), digest)
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
        .known_verdict(&old.scope(), &old.digest)
        .await
        .unwrap();
    put(ledger, &old).await;
    let other = verdict("app", "other", 8, Vec::new());
    let batch =
        [&late, &other].map(|verdict| Replacement::new(&mut verdict.clone(), &known).unwrap());
    let written = ledger.replace_verdicts(batch.into()).await.unwrap();
    assert_eq!(written, [false, true]);
    let got = ledger.verdict(&old.scope(), &old.digest).await.unwrap();
    assert_eq!(got, Some(old));
}

pub async fn tags_that_are_added_at_once_are_all_there(subject: &mut dyn Subject) {
    let ledger = subject.ledger();
    let verdict = verdict("app", "image", 0, Vec::new());
    put(ledger, &verdict).await;
    let (scope, digest) = (&verdict.scope(), &verdict.digest);
    let tags: Vec<Tag> = (1..=8).map(|n| n.to_string().parse().unwrap()).collect();
    let adding = tags.iter().map(|tag| ledger.add_tag(scope, digest, tag));
    for tagged in futures_util::future::join_all(adding).await {
        tagged.unwrap().unwrap();
    }
    let got = ledger.verdict(scope, digest).await.unwrap().unwrap();
    assert_eq!(got.tags, tags);
    let absent = Digest::of(b"none");
    let tagged = ledger.add_tag(scope, &absent, &tags[0]).await;
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

/// Makes a verdict for those to whom these bindings apply.
pub fn verdict_for(bindings: &[&str], verdict: Verdict) -> Verdict {
    let bindings = bindings.iter().map(|name| (*name).to_owned());
    Verdict {
        audience: Audience::of_bindings(bindings),
        ..verdict
    }
}

/// Gives the verdict on its image in its scope.
async fn same(ledger: &dyn Ledger, verdict: &Verdict) -> Option<Verdict> {
    let found = ledger.verdict(&verdict.scope(), &verdict.digest).await;
    found.unwrap()
}

/// Names the scopes of all verdicts, by walking through them.
async fn walked(ledger: &dyn Ledger) -> Vec<Scope> {
    let (mut scopes, mut after) = (Vec::new(), None);
    loop {
        let page = ledger.judged(after.as_ref(), 1).await.unwrap();
        scopes.extend(page.items.into_iter().map(|judged| judged.scope));
        after = page.next;
        if after.is_none() {
            scopes.sort();
            return scopes;
        }
    }
}

pub async fn verdicts_for_two_audiences_never_mix(subject: &mut dyn Subject) {
    let base = |at| verdict("app", "image", at, many_findings());
    let everybody = base(1);
    let prod = verdict_for(&["prod"], base(2));
    let mut both = verdict_for(&["office", "prod"], base(3));
    both.findings.truncate(1);
    let all = [&everybody, &prod, &both];
    for verdict in all {
        put(subject.ledger(), verdict).await;
    }
    for _ in 0..2 {
        let ledger = subject.ledger();
        for verdict in all {
            assert_eq!(same(ledger, verdict).await.as_ref(), Some(verdict));
        }
        let nobody = verdict_for(&["office"], base(0));
        assert_eq!(same(ledger, &nobody).await, None);
        let newest = [&both, &prod, &everybody].map(Verdict::scope);
        assert_eq!(ledger.judged_in(&prod.digest).await.unwrap(), newest);
        let mut scopes = newest.to_vec();
        scopes.sort();
        assert_eq!(walked(ledger).await, scopes);
        assert_eq!(ledger.count_verdicts().await.unwrap(), 3);
        let summaries = ledger.summaries_of(&prod.digest).await.unwrap();
        assert_eq!(summaries.len(), 3);
        let filter = VerdictFilter::default();
        let listed = ledger.list_verdicts(&filter, 9, None).await.unwrap();
        assert_eq!(
            listed.items,
            [both.clone(), prod.clone(), everybody.clone()]
        );
        subject.restart().await;
    }
}

pub async fn each_audience_s_verdict_is_replaced_alone(subject: &mut dyn Subject) {
    let base = |at, findings| verdict("app", "image", at, findings);
    let everybody = base(1, many_findings());
    let prod = verdict_for(&["prod"], base(1, many_findings()));
    for verdict in [&everybody, &prod] {
        put(subject.ledger(), verdict).await;
    }
    let anew = verdict_for(&["prod"], base(2, vec![finding("CVE-2", "zlib")]));
    put(subject.ledger(), &anew).await;
    for _ in 0..2 {
        let ledger = subject.ledger();
        assert_eq!(same(ledger, &everybody).await.as_ref(), Some(&everybody));
        assert_eq!(same(ledger, &prod).await.as_ref(), Some(&anew));
        subject.restart().await;
    }
    let ledger = subject.ledger();
    let scope = everybody.scope();
    let known = ledger.known_verdict(&scope, &everybody.digest);
    let late = Replacement::new(&mut prod.clone(), &known.await.unwrap()).unwrap();
    let written = ledger.replace_verdicts(vec![late]).await.unwrap();
    assert_eq!(written, [false], "it knew another audience's");
}

pub async fn removed_verdicts_are_gone_and_leave_all_others(subject: &mut dyn Subject) {
    let base = |at, image| verdict("app", image, at, vec![finding("CVE-1", "zlib")]);
    let kept = [base(1, "image"), base(2, "other")];
    let gone = [
        verdict_for(&["prod"], base(3, "image")),
        verdict_for(&["prod"], verdict("app", "large", 4, many_findings())),
        verdict_for(&["last"], base(5, "image")),
    ];
    for verdict in kept.iter().chain(&gone) {
        put(subject.ledger(), verdict).await;
    }
    subject.settle().await;
    let judged = |verdict: &Verdict| Judged {
        digest: verdict.digest.clone(),
        scope: verdict.scope(),
    };
    let mut all: Vec<Judged> = gone.iter().map(judged).collect();
    all.push(judged(&verdict("never", "was", 0, Vec::new())));
    subject.ledger().remove_verdicts(&all, None).await.unwrap();
    let by_name = VerdictFilter {
        vulnerability: Some("CVE-1".into()),
        ..VerdictFilter::default()
    };
    for _ in 0..2 {
        let ledger = subject.ledger();
        for verdict in &gone {
            assert_eq!(same(ledger, verdict).await, None);
        }
        assert_eq!(ledger.count_verdicts().await.unwrap(), 2);
        let listed = ledger.list_verdicts(&by_name, 9, None).await.unwrap();
        assert_eq!(listed.items, [kept[1].clone(), kept[0].clone()]);
        subject.restart().await;
    }
    // Whatever number it gets has none of the names that were another's.
    put(subject.ledger(), &verdict("app", "new", 6, Vec::new())).await;
    let ledger = subject.ledger();
    let listed = ledger.list_summaries(&by_name, 9, None).await.unwrap();
    assert_eq!(listed.items.len(), 2);
    put(ledger, &gone[0]).await;
    assert_eq!(same(ledger, &gone[0]).await.as_ref(), Some(&gone[0]));
}
