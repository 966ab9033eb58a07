//! Whose word it is: verdicts on what somebody else says stand beside our own and in no other place.

use sluicegate_model::Domain;
use sluicegate_model::verdict::Verdict;

use super::verdicts::verdict_for;
use super::{Subject, finding, put, verdict};
use crate::ledger::{Judged, VerdictFilter};

fn as_said_by(domain: &str, verdict: Verdict) -> Verdict {
    Verdict {
        domain: domain.parse().unwrap(),
        read_by: Some("sluicegate/0.1.0".into()),
        ..verdict
    }
}

pub async fn words_of_two_domains_never_mix(subject: &mut dyn Subject) {
    let base = |at| verdict("app", "image", at, vec![finding("CVE-1", "zlib")]);
    let ours = base(1);
    let mut said = as_said_by("key:ci", base(2));
    said.findings.clear();
    let scanned = as_said_by("scanner:eu/7f", base(3));
    let again = as_said_by("scanner:eu/80", base(4));
    let prod = as_said_by("key:ci", verdict_for(&["prod"], base(5)));
    let all = [&ours, &said, &scanned, &again, &prod];
    for verdict in all {
        put(subject.ledger(), verdict).await;
    }
    let only = |who: &str| VerdictFilter {
        reported_by: Some(who.to_owned()),
        ..VerdictFilter::default()
    };
    for _ in 0..2 {
        let ledger = subject.ledger();
        for verdict in all {
            let found = ledger.verdict(&verdict.scope(), &verdict.digest).await;
            assert_eq!(found.unwrap().as_ref(), Some(verdict));
        }
        let scopes = ledger.judged_in(&ours.digest).await.unwrap();
        assert_eq!(
            scopes,
            all.map(Verdict::scope)
                .into_iter()
                .rev()
                .collect::<Vec<_>>()
        );
        let listed = async |who: &str| {
            let page = ledger.list_verdicts(&only(who), 9, None).await;
            page.unwrap().items
        };
        assert_eq!(listed("key:ci").await, [prod.clone(), said.clone()]);
        assert_eq!(listed("scanner:eu").await, [again.clone(), scanned.clone()]);
        assert_eq!(listed("key:other").await, []);
        assert_eq!(listed("*").await.len(), 4);
        subject.restart().await;
    }
    let gone = Judged {
        digest: said.digest.clone(),
        scope: said.scope(),
    };
    subject
        .ledger()
        .remove_verdicts(&[gone], None)
        .await
        .unwrap();
    let scopes = subject.ledger().judged_in(&ours.digest).await.unwrap();
    assert_eq!(scopes.len(), 4);
    assert!(scopes.iter().any(|scope| scope.domain == Domain::Here));
}
