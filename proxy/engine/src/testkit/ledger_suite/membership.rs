//! Membership, releases, tags and platforms: each repository's own.

use sluicegate_model::Digest;

use super::{Subject, repository, second};
use crate::ledger::{MAX_PLATFORMS, TagRecord};

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
    ledger.mark_released(&app, &manifest).await.unwrap();
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
