//! What tables that were fed find, what they have read again, and that without them nothing changes.

use sluicegate_model::image_config::ImageConfig;

use super::*;
use crate::analyzers::binary::testing::elf;
use crate::analyzers::tests::zip;
use crate::facts::LayerFacts;
use crate::limits::Limits;
use crate::plugin_set::{Kept, PluginSet};
use crate::testing::{Layer, config, gzip, layer_digest};
use crate::{LayerInput, fingerprint, fingerprint_by, merge_by, scan_layer_again};

const PRODUCTS: &[u8] = br#"{"format": 1, "of": "2027-01-02", "products": [
    {"name": "acme", "anchor": "Acme server", "place": "near", "version": "server (\\d+\\.\\d+)"}]}"#;
/// What the JAR is by its name alone.
const GROUPLESS: &str = "pkg:maven/acme-x@1.0";
const JARS: &[u8] = b"format 1\nof 2027-01-02\nacme-x org.acme = net/y/\n";

fn fed(name: &str) -> NameTables {
    let bytes = if name == ProductTable::FILE {
        PRODUCTS
    } else {
        JARS
    };
    let mut tables = NameTables::default();
    tables.take(name, bytes.to_vec()).unwrap();
    tables
}

fn going_by(tables: NameTables) -> PluginSet {
    PluginSet::with_tables(Vec::new(), tables).unwrap()
}

fn scan(layer: &[u8], set: &PluginSet, earlier: Option<&LayerFacts>) -> LayerFacts {
    scan_layer_again(layer, &Limits::default(), set, earlier)
}

fn program() -> Vec<u8> {
    elf(&[(".rodata", b"\0Acme server 3.1\0")])
}

fn jar() -> Vec<u8> {
    zip(&[("net/y/A.class", b"")])
}

/// Layers of a program, a JAR, an unpacked JAR, and nothing of the kind.
fn layers() -> [Vec<u8>; 4] {
    [
        Layer::new().file("usr/bin/acme", program()).tar(),
        Layer::new().file("app/acme-x-1.0.jar", jar()).tar(),
        Layer::new()
            .file("app/acme-x-2.0/META-INF/MANIFEST.MF", "A: b\n")
            .tar(),
        Layer::new()
            .file("usr/share/doc/a.gz", gzip(b"text"))
            .file("usr/bin/script", "#!/bin/sh\n")
            .file("etc/x.conf", "x = 1\n")
            .tar(),
    ]
}

/// Gives the packages that a set finds in an image of one layer.
fn packages(set: &PluginSet, facts: &LayerFacts) -> Vec<String> {
    let config: ImageConfig = config(std::slice::from_ref(facts));
    let digest = layer_digest(0);
    let layer = LayerInput {
        digest: &digest,
        facts,
    };
    let inventory = merge_by(set, Some(&config), &[layer]);
    let components = inventory.components.into_iter();
    components.map(|component| component.purl).collect()
}

#[test]
fn without_tables_that_were_fed_a_set_is_the_one_that_comes_with_the_program() {
    let set = going_by(NameTables::default());
    assert!(set.is_built_in());
    assert_eq!(fingerprint_by(&set), fingerprint());
    assert_eq!(set.names(), PluginSet::built_in().names());
    let layer = layers().concat();
    assert!(PluginSet::built_in().has_made(&scan(&layer, &set, None).to_bytes()));
}

#[test]
fn a_table_that_was_fed_is_part_of_who_goes_by_it_and_of_nobody_else() {
    for (name, wanted) in [
        (ProductTable::FILE, &["binary/content"][..]),
        (
            JarNames::FILE,
            &["archive/content", "language/jar-unpacked"],
        ),
    ] {
        let set = going_by(fed(name));
        assert!(!set.is_built_in() && fingerprint_by(&set) != fingerprint());
        assert_eq!(fingerprint_by(&set), fingerprint_by(&going_by(fed(name))));
        let own = PluginSet::built_in().names();
        let names = set.names().into_iter();
        let mut others: Vec<String> = names
            .filter(|name| !own.contains(name))
            .map(|name| name.name)
            .collect();
        others.sort();
        let begun = others.iter().zip(wanted);
        assert!(
            others.len() == wanted.len() && begun.clone().all(|(it, own)| it.starts_with(*own))
        );
        let table = set.tables().fed().next().unwrap();
        assert_eq!(
            (table.name, table.of.to_string().as_str()),
            (name, "2027-01-02")
        );
        assert!(others.iter().all(|it| it.ends_with(table.file.digest())));
    }
    assert_ne!(
        fingerprint_by(&going_by(fed(ProductTable::FILE))),
        fingerprint_by(&going_by(fed(JarNames::FILE)))
    );
}

#[test]
fn a_new_table_has_only_layers_read_again_that_it_concerns_and_an_old_one_too() {
    let own = going_by(NameTables::default());
    for (name, again, wanted) in [
        (
            ProductTable::FILE,
            [true, false, false, false],
            ["pkg:generic/acme@3.1", "", ""],
        ),
        (
            JarNames::FILE,
            [false, true, true, false],
            [
                "",
                "pkg:maven/org.acme/acme-x@1.0",
                "pkg:maven/org.acme/acme-x@2.0",
            ],
        ),
    ] {
        let fed = going_by(fed(name));
        for (before, after, finds) in [(&own, &fed, true), (&fed, &own, false)] {
            for (number, layer) in layers().iter().enumerate() {
                let stored = scan(layer, before, None).to_bytes();
                assert!(!after.has_made(&stored));
                let (is_read, facts) = match after.review(LayerFacts::from_bytes(&stored).unwrap())
                {
                    Kept::Current(_) => panic!("facts of another table are taken"),
                    Kept::Adopted(facts) => (false, *facts),
                    Kept::Outdated(earlier) => (true, scan(layer, after, Some(&earlier))),
                };
                assert_eq!(is_read, again[number], "{name} {number} {finds}");
                assert_eq!(facts, scan(layer, after, None), "{name} {number}");
                let found = packages(after, &facts).join(" ");
                let wanted = wanted.get(number).copied().unwrap_or_default();
                let own = if number == 1 { GROUPLESS } else { "" };
                let wanted = if finds && !wanted.is_empty() {
                    wanted
                } else {
                    own
                };
                assert_eq!(found, wanted, "{name} {number}");
            }
        }
    }
}

#[test]
fn links_name_a_jar_by_the_table_in_force() {
    let set = going_by(fed(JarNames::FILE));
    let layer = Layer::new()
        .file("app/x.jar", jar())
        .symlink("app/acme-x-1.0.jar", "x.jar")
        .tar();
    let own = PluginSet::built_in();
    assert!(packages(own, &scan(&layer, own, None)).is_empty());
    let found = packages(&set, &scan(&layer, &set, None));
    assert_eq!(found, ["pkg:maven/org.acme/acme-x@1.0"]);
}

#[test]
fn a_table_that_is_none_leaves_the_one_before() {
    let mut tables = fed(ProductTable::FILE);
    let before = tables.clone();
    assert!(tables.take(ProductTable::FILE, b"{".to_vec()).is_err());
    assert!(tables.take(JarNames::FILE, b"<html>".to_vec()).is_err());
    assert!(tables == before && tables != NameTables::default());
    assert!(NameTables::have("products.json") && !NameTables::have("malware.txt"));
}
