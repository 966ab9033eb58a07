//! Images by the packages they hold.

use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::PackageType;
use sluicegate_model::{Digest, Domain, Sighting, samples};

use super::{Subject, verdict};
use crate::ledger::{Holder, Ledger, Replacement};
use crate::plugins::ActivePlugins;

pub fn inventory(names: impl IntoIterator<Item = String>) -> Inventory {
    let package = |name: String| samples::component(&name, "1.0", PackageType::Npm, None);
    Inventory {
        components: names.into_iter().map(package).collect(),
        ..Inventory::default()
    }
}

pub async fn judge(ledger: &dyn Ledger, image: &str, inventory: Option<&Inventory>) {
    let verdict = verdict("app", image, 0, Vec::new());
    let (scope, digest) = (&verdict.scope(), &verdict.digest);
    let known = ledger.known_verdict(scope, digest).await.unwrap();
    let mut new = Replacement::new(&mut verdict.clone(), &known).unwrap();
    if let Some(inventory) = inventory {
        new = new.listing(inventory, &ActivePlugins::built_in());
    }
    ledger.replace_verdicts(vec![new]).await.unwrap();
}

/// Names the images that hold a package, in the order in which they were listed.
pub async fn holders(ledger: &dyn Ledger, name: &str, version: Option<&str>) -> Vec<Digest> {
    let found = ledger.images_with(name, version, 0, 9).await.unwrap();
    found
        .into_iter()
        .map(|holder| holder.image.digest)
        .collect()
}

pub async fn finds_every_image_with_a_name_however_many_names_it_has(subject: &mut dyn Subject) {
    let ledger = subject.ledger();
    let many = (0..4_000).map(|n| format!("name-{n}"));
    judge(ledger, "many", Some(&inventory(many))).await;
    judge(ledger, "few", Some(&inventory(["Name-7".into()]))).await;
    judge(ledger, "none", Some(&inventory([]))).await;
    judge(ledger, "unlisted", None).await;
    let [many, few, none, unlisted] =
        ["many", "few", "none", "unlisted"].map(|image| Digest::of(image.as_bytes()));
    for is_settled in [false, true] {
        if is_settled {
            subject.settle().await;
        }
        let ledger = subject.ledger();
        for n in 0..4_000 {
            let held = holders(ledger, &format!("name-{n}"), Some("1.0")).await;
            assert_eq!(held.contains(&few), n == 7, "{n}");
            assert!(held.contains(&many), "{n}");
        }
        let both = vec![many.clone(), few.clone()];
        assert_eq!(holders(ledger, "NAME-7", None).await, both);
        assert!(holders(ledger, "name-7", Some("1.1")).await.is_empty());
        assert!(holders(ledger, "unheard of", None).await.is_empty());
    }
    let ledger = subject.ledger();
    let from = ledger.images_with("name-7", None, 1, 9).await.unwrap();
    assert_eq!(
        from,
        [Holder {
            image: Sighting::here(few),
            number: 1
        }]
    );
    assert_eq!(ledger.unlisted().await.unwrap(), 1);
    let (none, unlisted) = (Sighting::here(none), Sighting::here(unlisted));
    assert!(ledger.lists_packages(&none).await.unwrap());
    assert!(!ledger.lists_packages(&unlisted).await.unwrap());
    let said = Sighting {
        domain: Domain::Reporter("key:ci".into()),
        ..none
    };
    assert!(!ledger.lists_packages(&said).await.unwrap());
}

pub async fn an_image_that_is_listed_anew_is_found_by_what_it_holds_now(subject: &mut dyn Subject) {
    let ledger = subject.ledger();
    judge(
        ledger,
        "image",
        Some(&inventory(["old".into(), "kept".into()])),
    )
    .await;
    judge(
        ledger,
        "image",
        Some(&inventory(["new".into(), "kept".into()])),
    )
    .await;
    for is_restarted in [false, true] {
        if is_restarted {
            subject.restart().await;
        }
        let ledger = subject.ledger();
        assert!(holders(ledger, "old", None).await.is_empty());
        assert_eq!(holders(ledger, "new", None).await.len(), 1);
        assert_eq!(holders(ledger, "kept", None).await.len(), 1);
    }
}
