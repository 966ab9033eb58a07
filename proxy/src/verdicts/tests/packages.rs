//! Marks of packages: they never say wrongly that a name is absent.

use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Component, Evidence, Package, PackageType, SourcePackage};

use super::*;

fn component(package: Package) -> Component {
    Component {
        purl: format!("pkg:generic/{}", package.name),
        package,
        ecosystem: None,
        path: "somewhere".into(),
        layer: Digest::of(b"layer"),
        evidence: Evidence::Installed,
    }
}

fn inventory(names: impl IntoIterator<Item = String>) -> Inventory {
    let package = |name| component(Package::of_language(PackageType::Npm, name, "1.0"));
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
        new = new.listing(inventory).unwrap();
    }
    records.replace_verdicts(vec![new]).await.unwrap();
}

/// Tells which of the images may hold a package of this name.
async fn may_hold<'a>(records: &Records, images: &[&'a str], name: &str) -> Vec<&'a str> {
    let page = records.judged(None, 99).await.unwrap();
    let without = records.images_without(&page.items, name).await.unwrap();
    let may = |image: &&&str| !without.contains(&Digest::of(image.as_bytes()));
    images.iter().filter(may).copied().collect()
}

#[tokio::test]
async fn finds_every_image_with_a_name_however_many_names_it_has() {
    let (_directory, records) = records();
    let many = (0..4_000).map(|n| format!("name-{n}"));
    judge(&records, "many", Some(&inventory(many))).await;
    judge(&records, "few", Some(&inventory(["Name-7".into()]))).await;
    judge(&records, "none", Some(&inventory([]))).await;
    judge(&records, "unmarked", None).await;
    let images = ["many", "few", "none", "unmarked"];
    for n in 0..4_000 {
        let held = may_hold(&records, &images, &format!("name-{n}")).await;
        assert!(held.contains(&"many") && held.contains(&"unmarked"), "{n}");
        assert_eq!(held.contains(&"few"), n == 7);
    }
    let held = may_hold(&records, &images, "unheard of").await;
    assert_eq!(held, ["unmarked"]);
    assert!(records.has_marks(&Digest::of(b"none")).await.unwrap());
    assert!(!records.has_marks(&Digest::of(b"unmarked")).await.unwrap());
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
