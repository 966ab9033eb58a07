//! Membership, releases, tags and platforms: each repository's own.

use sluicegate_model::Digest;

use super::{Subject, repository, second};
use crate::ledger::{Ledger, MAX_PLATFORMS, MAX_TAGGED, Release, TagRecord, Tagged};

pub async fn membership_and_release_belong_to_one_repository(subject: &mut dyn Subject) {
    let ledger = subject.ledger();
    let (app, other) = (repository("app"), repository("app/other"));
    let [manifest, second, layer] = [&b"m"[..], b"n", b"l"].map(Digest::of);
    let list = [layer.clone()];
    for manifest in [&manifest, &second] {
        ledger
            .add_membership(&app, manifest, "type", &list, &[])
            .await
            .unwrap();
    }
    ledger
        .mark_released(&app, &manifest, Release::Announced)
        .await
        .unwrap();
    assert!(!ledger.is_given(&app, &manifest).await.unwrap());
    ledger
        .mark_released(&app, &manifest, Release::Given)
        .await
        .unwrap();
    assert!(ledger.is_given(&app, &manifest).await.unwrap());
    assert!(!ledger.is_given(&other, &manifest).await.unwrap());
    let member = ledger.membership(&app, &manifest).await.unwrap().unwrap();
    assert_eq!(
        (member.media_type.as_str(), &member.blobs[..]),
        ("type", &list[..])
    );
    assert!(member.released && member.children.is_empty());
    assert!(
        !ledger
            .membership(&app, &second)
            .await
            .unwrap()
            .unwrap()
            .released
    );
    assert_eq!(ledger.membership(&other, &manifest).await.unwrap(), None);
    assert!(!ledger.is_released(&other, &manifest).await.unwrap());

    let mut listing = ledger.manifests_listing(&app, &layer).await.unwrap();
    listing.sort();
    let mut expected = vec![manifest, second];
    expected.sort();
    assert_eq!(listing, expected);
    assert!(
        ledger
            .manifests_listing(&other, &layer)
            .await
            .unwrap()
            .is_empty()
    );

    ledger.mark_blob_present(&app, &layer).await.unwrap();
    assert!(ledger.blob_present(&app, &layer).await.unwrap());
    assert!(!ledger.blob_present(&other, &layer).await.unwrap());
}

pub async fn tags_and_platforms_are_remembered_within_bounds(subject: &mut dyn Subject) {
    let ledger = subject.ledger();
    let (app, tag) = (repository("app"), "latest".parse().unwrap());
    assert_eq!(ledger.tag(&app, &tag).await.unwrap(), None);
    let record = TagRecord {
        digest: Digest::of(b"m"),
        media_type: "type".into(),
        checked_at: second(0),
    };
    ledger.put_tag(&app, &tag, &record).await.unwrap();
    assert_eq!(ledger.tag(&app, &tag).await.unwrap(), Some(record));
    assert_eq!(ledger.tag(&repository("b"), &tag).await.unwrap(), None);

    for number in 0..100 {
        ledger
            .add_platform(&app, &format!("linux/{number}"))
            .await
            .unwrap();
        ledger.add_platform(&app, "linux/0").await.unwrap();
    }
    assert_eq!(ledger.platforms(&app).await.unwrap().len(), MAX_PLATFORMS);
    assert!(ledger.platforms(&repository("b")).await.unwrap().is_empty());
}

/// Has the upstream say where `app:1` points.
async fn point(ledger: &dyn Ledger, image: &str, at: i64) {
    let record = TagRecord {
        digest: Digest::of(image.as_bytes()),
        media_type: "type".into(),
        checked_at: second(at),
    };
    let (app, tag) = (repository("app"), "1".parse().unwrap());
    ledger.put_tag(&app, &tag, &record).await.unwrap();
    assert_eq!(ledger.tag(&app, &tag).await.unwrap(), Some(record));
}

async fn pointed(ledger: &dyn Ledger) -> Vec<Tagged> {
    let (app, tag) = (repository("app"), "1".parse().unwrap());
    ledger.tag_history(&app, &tag).await.unwrap()
}

fn tagged(image: &str, first: i64, last: i64) -> Tagged {
    Tagged {
        digest: Digest::of(image.as_bytes()),
        media_type: "type".into(),
        first: second(first),
        last: second(last),
    }
}

pub async fn a_tag_remembers_where_it_pointed_newest_first(subject: &mut dyn Subject) {
    assert_eq!(pointed(subject.ledger()).await, []);
    for (image, at) in [("a", 1), ("a", 2), ("b", 3), ("b", 5), ("c", 7), ("c", 8)] {
        point(subject.ledger(), image, at).await;
    }
    let wanted = [tagged("c", 7, 8), tagged("b", 3, 5), tagged("a", 1, 2)];
    for _ in 0..2 {
        assert_eq!(pointed(subject.ledger()).await, wanted);
        subject.restart().await;
    }
    // What it pointed to before and points to again is there once, since when it first did.
    point(subject.ledger(), "a", 9).await;
    let wanted = [tagged("a", 1, 9), tagged("c", 7, 8), tagged("b", 3, 5)];
    assert_eq!(pointed(subject.ledger()).await, wanted);
    let ledger = subject.ledger();
    let (app, other) = (repository("app"), "2".parse().unwrap());
    assert_eq!(ledger.tag_history(&app, &other).await.unwrap(), []);
}

pub async fn a_tag_remembers_the_newest_manifests_and_no_more(subject: &mut dyn Subject) {
    for number in 0..100 {
        point(subject.ledger(), &number.to_string(), number).await;
    }
    let found = pointed(subject.ledger()).await;
    assert_eq!(found.len(), MAX_TAGGED);
    assert_eq!(found[0], tagged("99", 99, 99));
    let oldest = 100 - i64::try_from(MAX_TAGGED).unwrap();
    assert_eq!(
        found.last(),
        Some(&tagged(&oldest.to_string(), oldest, oldest))
    );
}
