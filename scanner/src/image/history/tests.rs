//! Databases that go while what they list stays.

use sluicegate_model::coverage::GapKind;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Ecosystem, Evidence};

use crate::facts::LayerFacts;
use crate::testing::{Layer, PROGRAM, image, layer_digest, with_program};

const STATUS: &str = "var/lib/dpkg/status";

fn record(name: &str, version: &str) -> String {
    format!("Package: {name}\nStatus: install ok installed\nVersion: {version}\n\n")
}

fn list(path: &str) -> String {
    format!("{}  {path}\n", "0".repeat(32))
}

/// Adds programs to a layer.
fn with_programs(layer: Layer, paths: &[&str]) -> LayerFacts {
    let add = |facts, path: &&str| with_program(facts, path, PROGRAM);
    paths.iter().fold(layer.facts(), add)
}

fn debian() -> LayerFacts {
    let layer = Layer::new()
        .file("etc/os-release", "ID=debian\nVERSION_ID=12\n")
        .symlink("bin", "usr/bin")
        .file(
            STATUS,
            record("a", "1+deb12u1") + &record("b", "1") + &record("data", "1"),
        )
        .file("var/lib/dpkg/info/a.md5sums", list("usr/bin/a"))
        .file("var/lib/dpkg/info/b.md5sums", list("bin/b"))
        .file("var/lib/dpkg/info/data.md5sums", list("usr/share/x"));
    with_programs(layer, &["usr/bin/a", "usr/bin/b"])
}

fn shown(inventory: &Inventory) -> Vec<(&str, Evidence)> {
    let components = inventory.components.iter();
    components
        .map(|component| (component.package.name.as_str(), component.evidence))
        .collect()
}

fn has_fatal(inventory: &Inventory, kind: GapKind) -> bool {
    let mut gaps = inventory.gaps.iter();
    gaps.any(|gap| gap.kind == kind && gap.fatal)
}

#[test]
fn packages_whose_files_stay_are_remembered() {
    let all = ["a", "b", "data"].map(|name| (name, Evidence::Historical));
    let without_b = ["a", "data"].map(|name| (name, Evidence::Historical));
    let table = [
        (Layer::new().file("var/lib/dpkg/.wh.status", ""), &all[..]),
        (Layer::new().file("var/lib/.wh.dpkg", ""), &all[..]),
        (Layer::new().file("var/.wh.lib", ""), &all[..]),
        (Layer::new().dir(STATUS), &all[..]),
        (Layer::new().file(STATUS, ""), &all[..]),
        (
            Layer::new()
                .file("var/lib/.wh.dpkg", "")
                .file("usr/bin/.wh.b", ""),
            &without_b[..],
        ),
        (
            Layer::new()
                .file("var/lib/.wh.dpkg", "")
                .file("bin/.wh.b", "")
                .file("bin/c", "not read"),
            // Overlay file systems have a directory in the place of the link, and keep the file.
            &all[..],
        ),
    ];
    for (number, (removal, wanted)) in table.into_iter().enumerate() {
        let inventory = image(&[debian(), removal.facts()]);
        assert_eq!(shown(&inventory), wanted, "removal {number}");
        assert!(has_fatal(&inventory, GapKind::OsDbMissing), "{number}");
        for component in &inventory.components {
            assert_eq!(component.ecosystem, Some(Ecosystem::new("Debian:12")));
            assert_eq!(
                (component.path.as_str(), &component.layer),
                (STATUS, &layer_digest(0))
            );
        }
    }
}

#[test]
fn the_newest_database_that_had_packages_is_remembered() {
    let layers = [
        debian(),
        Layer::new().file(STATUS, record("a", "2+deb12u1")).facts(),
        Layer::new().file("var/lib/dpkg/.wh.status", "").facts(),
        Layer::new().file("unrelated", "").facts(),
    ];
    let inventory = image(&layers);
    assert_eq!(shown(&inventory), [("a", Evidence::Historical)]);
    let component = &inventory.components[0];
    assert_eq!(component.package.version, "2+deb12u1");
    assert_eq!(component.layer, layer_digest(1));
}

#[test]
fn another_kind_of_database_hides_nothing() {
    let other = Layer::new()
        .file("var/lib/.wh.dpkg", "")
        .file("etc/os-release", "ID=alpine\nVERSION_ID=3.20.3\n")
        .file("lib/apk/db/installed", "C:Q1x=\nP:musl\nV:1-r0\n");
    let inventory = image(&[debian(), other.facts()]);
    assert!(has_fatal(&inventory, GapKind::OsDbMissing));
    assert_eq!(inventory.components.len(), 4);
}

#[test]
fn packages_that_a_moved_database_lists_are_not_told_twice() {
    let text = record("a", "1+deb12u1");
    let moved = Layer::new()
        .file("var/lib/.wh.dpkg", "")
        .file("opt/status", text);
    let inventory = image(&[debian(), moved.facts()]);
    let installed = shown(&inventory)
        .into_iter()
        .filter(|(name, _)| *name == "a");
    assert!(installed.eq([("a", Evidence::Installed)]));
}

#[test]
fn an_image_without_name_and_database_is_named_by_what_is_remembered() {
    let removed = Layer::new()
        .file("var/lib/.wh.dpkg", "")
        .file("etc/.wh.os-release", "");
    let inventory = image(&[debian(), removed.facts()]);
    assert!(has_fatal(&inventory, GapKind::OsUnknown));
    assert_eq!(inventory.distro.unwrap().id, "debian");
}
