//! The record: which image had which weakness, from when until when.

use sluicegate_model::Domain;
use sluicegate_model::access::Reach;
use sluicegate_model::finding::FindingStatus;

use super::{Subject, finding, put, repository, second, verdict};
use crate::ledger::{Judged, RecordFilter, RecordPage, Recorded};

fn all(weakness: &str) -> RecordFilter {
    RecordFilter {
        reach: Reach::EVERYTHING,
        weakness: weakness.to_owned(),
        repository: None,
        is_there: None,
    }
}

async fn page(subject: &dyn Subject, filter: &RecordFilter) -> RecordPage {
    let ledger = subject.ledger();
    ledger.recorded(filter, 100, None).await.unwrap()
}

async fn only(subject: &dyn Subject, weakness: &str) -> Recorded {
    let page = page(subject, &all(weakness)).await;
    let [only] = &page.items[..] else {
        panic!("one image is recorded with {weakness}: {page:?}")
    };
    only.clone()
}

/// From the first verdict that had it to the one that did not, by any of its names, also when that is
/// all that is left of it.
pub async fn a_weakness_is_recorded_from_its_first_verdict_to_the_first_without(
    subject: &mut dyn Subject,
) {
    let (one, other) = (finding("CVE-1", "zlib"), finding("CVE-2", "zlib"));
    let at = |second, findings| verdict("app", "image", second, findings);
    put(subject.ledger(), &at(0, vec![one.clone()])).await;
    put(subject.ledger(), &at(5, vec![one.clone(), other.clone()])).await;
    put(subject.ledger(), &at(10, vec![other.clone()])).await;
    subject.settle().await;
    subject.restart().await;
    for name in ["CVE-1", "cve-1", "GHSA-CVE-1", "DSA-CVE-1", "DEBIAN-CVE-1"] {
        let recorded = only(subject, name).await;
        assert_eq!(recorded.first_seen, second(0), "{name}");
        assert_eq!(recorded.withdrawn, Some(second(10)));
        assert_eq!(recorded.image.repository, repository("app"));
        let package = &recorded.packages[0];
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("zlib", "1.0")
        );
    }
    let there = only(subject, "CVE-2").await;
    assert_eq!((there.first_seen, there.withdrawn), (second(5), None));
    put(subject.ledger(), &at(20, vec![one, other])).await;
    let again = only(subject, "CVE-1").await;
    assert_eq!((again.first_seen, again.withdrawn), (second(0), None));
    assert!(page(subject, &all("CVE-3")).await.items.is_empty());
}

/// A verdict that finds the same says nothing new, and what is surely not there is not recorded.
pub async fn what_is_found_again_keeps_the_time_of_its_first_verdict(subject: &mut dyn Subject) {
    let mut absent = finding("CVE-9", "zlib");
    absent.status = FindingStatus::NotAffected;
    let mut found = vec![finding("CVE-1", "zlib"), absent];
    put(subject.ledger(), &verdict("app", "image", 0, found.clone())).await;
    found[0].epss = Some(0.5);
    put(subject.ledger(), &verdict("app", "image", 10, found)).await;
    let recorded = only(subject, "CVE-1").await;
    assert_eq!((recorded.first_seen, recorded.withdrawn), (second(0), None));
    assert!(page(subject, &all("CVE-9")).await.items.is_empty());
}

/// Every image once, those of the newest first verdict first, page by page, however many they are.
pub async fn images_are_listed_page_by_page_and_counted(subject: &mut dyn Subject) {
    let found = vec![finding("CVE-1", "zlib")];
    for number in 0..7 {
        let name = if number % 2 == 0 { "even" } else { "odd" };
        let image = format!("image {number}");
        put(
            subject.ledger(),
            &verdict(name, &image, number, found.clone()),
        )
        .await;
    }
    put(
        subject.ledger(),
        &verdict("even", "image 2", 10, Vec::new()),
    )
    .await;
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = subject
            .ledger()
            .recorded(&all("CVE-1"), 3, after)
            .await
            .unwrap();
        assert_eq!((page.have, page.had), (6, 1));
        seen.extend(page.items.iter().map(|it| it.first_seen));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let newest_first: Vec<_> = (0..7).rev().map(second).collect();
    assert_eq!(seen, newest_first);
    for (is_there, count) in [(true, 6), (false, 1)] {
        let filter = RecordFilter {
            is_there: Some(is_there),
            ..all("CVE-1")
        };
        assert_eq!(page(subject, &filter).await.items.len(), count);
    }
    let odd = RecordFilter {
        repository: Some(repository("odd")),
        ..all("CVE-1")
    };
    let odd = page(subject, &odd).await;
    assert_eq!((odd.items.len(), odd.have, odd.had), (3, 3, 0));
    let even = RecordFilter {
        reach: Reach::of(&["up.test/even".to_owned()]),
        ..all("CVE-1")
    };
    let even = page(subject, &even).await;
    assert_eq!((even.items.len(), even.have, even.had), (4, 3, 1));
    assert!(
        even.items
            .iter()
            .all(|it| it.image.repository == repository("even"))
    );
}

/// What was said of an image and taken back is what it had.
pub async fn what_is_taken_back_is_recorded_as_gone(subject: &mut dyn Subject) {
    let mut said = verdict("app", "image", 0, vec![finding("CVE-1", "zlib")]);
    said.domain = Domain::Reporter("key:ci".into());
    put(subject.ledger(), &said).await;
    let here = verdict("app", "image", 3, vec![finding("CVE-1", "zlib")]);
    put(subject.ledger(), &here).await;
    let gone = Judged {
        digest: said.digest.clone(),
        scope: said.scope(),
    };
    let ledger = subject.ledger();
    ledger
        .remove_verdicts(&[gone], Some(second(9)))
        .await
        .unwrap();
    let page = page(subject, &all("CVE-1")).await;
    let withdrawn: Vec<_> = page.items.iter().map(|it| it.withdrawn).collect();
    assert_eq!((page.have, page.had), (1, 1));
    assert_eq!(withdrawn, [None, Some(second(9))]);
}
