//! Images by the packages they hold.

use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Package, PackageType, SourcePackage};

use super::*;

fn inventory(names: impl IntoIterator<Item = String>) -> Inventory {
    let package = |name: String| samples::component(&name, "1.0", PackageType::Npm, None);
    Inventory {
        components: names.into_iter().map(package).collect(),
        ..Inventory::default()
    }
}

async fn judge(records: &Records, image: &str, inventory: Option<&Inventory>) {
    let verdict = verdict("app", image, 0, Vec::new());
    let (repository, digest) = (&verdict.repository, &verdict.digest);
    let known = records.known_verdict(repository, digest).await.unwrap();
    let mut new = Replacement::new(&verdict, &known).unwrap();
    if let Some(inventory) = inventory {
        new = new.listing(inventory);
    }
    records.replace_verdicts(vec![new]).await.unwrap();
}

/// Names the images that hold a package, in the order in which they were listed.
async fn holders(records: &Records, name: &str, version: Option<&str>) -> Vec<Digest> {
    let found = records.images_with(name, version, 0, 9).await.unwrap();
    found.into_iter().map(|holder| holder.digest).collect()
}

#[tokio::test]
async fn finds_every_image_with_a_name_however_many_names_it_has() {
    let (_directory, records) = records();
    let many = (0..4_000).map(|n| format!("name-{n}"));
    judge(&records, "many", Some(&inventory(many))).await;
    judge(&records, "few", Some(&inventory(["Name-7".into()]))).await;
    judge(&records, "none", Some(&inventory([]))).await;
    judge(&records, "unlisted", None).await;
    let [many, few, none, unlisted] =
        ["many", "few", "none", "unlisted"].map(|image| Digest::of(image.as_bytes()));
    for is_folded in [false, true] {
        if is_folded {
            records.index.fold(&records.store).await.unwrap();
        }
        for n in 0..4_000 {
            let held = holders(&records, &format!("name-{n}"), Some("1.0")).await;
            assert_eq!(held.contains(&few), n == 7, "{n}");
            assert!(held.contains(&many), "{n}");
        }
        let both = vec![many.clone(), few.clone()];
        assert_eq!(holders(&records, "NAME-7", None).await, both);
        assert!(holders(&records, "name-7", Some("1.1")).await.is_empty());
        assert!(holders(&records, "unheard of", None).await.is_empty());
    }
    let from = records.images_with("name-7", None, 1, 9).await.unwrap();
    assert_eq!(
        from,
        [Holder {
            digest: few,
            number: 1
        }]
    );
    assert_eq!(records.unlisted().await.unwrap(), 1);
    assert!(records.lists_packages(&none).await.unwrap());
    assert!(!records.lists_packages(&unlisted).await.unwrap());
}

#[tokio::test]
async fn an_image_that_is_listed_anew_is_found_by_what_it_holds_now() {
    let (directory, records) = records();
    judge(
        &records,
        "image",
        Some(&inventory(["old".into(), "kept".into()])),
    )
    .await;
    judge(
        &records,
        "image",
        Some(&inventory(["new".into(), "kept".into()])),
    )
    .await;
    let content = ContentStore::open(directory.path(), 1 << 30).unwrap();
    let later = Records::new(Arc::clone(&records.store), content);
    for records in [&records, &later] {
        assert!(holders(records, "old", None).await.is_empty());
        assert_eq!(holders(records, "new", None).await.len(), 1);
        assert_eq!(holders(records, "kept", None).await.len(), 1);
    }
}

#[test]
fn packages_have_the_name_of_their_source_and_of_their_artifact() {
    let log4j = "org.apache.logging.log4j:log4j-core";
    let maven = Package::of_language(PackageType::Maven, log4j, "2.14.1");
    let names: Vec<&str> = names_of(&maven).collect();
    assert_eq!(names, [log4j, "log4j-core"]);
    let mut deb = Package::of_language(PackageType::Deb, "libssl3", "3.0");
    deb.source = Some(SourcePackage {
        name: "openssl".into(),
        version: "3.0".into(),
        module: None,
    });
    let names: Vec<&str> = names_of(&deb).collect();
    assert_eq!(names, ["libssl3", "openssl"]);
}
