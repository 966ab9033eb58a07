//! Layer semantics, on images built in code; `system` has what the operating system is worth.

use sluicegate_model::coverage::{Coverage, CoverageStatus, GapKind};
use sluicegate_model::digest::DiffId;
use sluicegate_model::package::{Ecosystem, Evidence};
use tar::EntryType;

use super::*;
use crate::facts::LayerFacts;
use crate::testing::{Layer, config, image, image_with, layer_digest};

mod system;

const OS: &str = "ID=debian\nVERSION_ID=\"12\"\n";
const STATUS: &str = "var/lib/dpkg/status";
const INSTALLED: &str = "lib/apk/db/installed";

fn status(names: &[&str]) -> String {
    let stanza =
        |name: &&str| format!("Package: {name}\nStatus: install ok installed\nVersion: 1\n\n");
    names.iter().map(stanza).collect()
}

fn installed(names: &[&str]) -> String {
    let record = |name: &&str| format!("C:Q1x=\nP:{name}\nV:1-r0\n\n");
    names.iter().map(record).collect()
}

fn debian(names: &[&str]) -> Layer {
    Layer::new()
        .file("etc/os-release", OS)
        .file(STATUS, status(names))
}

fn alpine(names: &[&str]) -> Layer {
    Layer::new()
        .file("etc/os-release", "ID=alpine\nVERSION_ID=3.20.3\n")
        .file(INSTALLED, installed(names))
}

fn names(inventory: &Inventory) -> Vec<&str> {
    inventory
        .components
        .iter()
        .map(|component| component.package.name.as_str())
        .collect()
}

fn kinds(inventory: &Inventory) -> Vec<(GapKind, bool)> {
    inventory
        .gaps
        .iter()
        .map(|gap| (gap.kind, gap.fatal))
        .collect()
}

fn has_fatal(inventory: &Inventory, kind: GapKind) -> bool {
    kinds(inventory).contains(&(kind, true))
}

#[test]
fn a_debian_image_is_complete() {
    let inventory = image(&[debian(&["a", "b"]).facts()]);
    assert_eq!(names(&inventory), ["a", "b"]);
    assert_eq!(inventory.gaps, []);
    assert_eq!(inventory.platform, "linux/amd64");
    let component = &inventory.components[0];
    assert_eq!(component.ecosystem, Some(Ecosystem::new("Debian:12")));
    assert_eq!(component.purl, "pkg:deb/debian/a@1?distro=debian-12");
    assert_eq!(
        (component.path.as_str(), &component.layer),
        (STATUS, &layer_digest(0))
    );
}

#[test]
fn the_newest_database_is_the_truth_even_when_empty() {
    let replaced = Layer::new().file(STATUS, status(&["b"])).facts();
    let inventory = image(&[debian(&["a", "b"]).facts(), replaced]);
    assert_eq!(names(&inventory), ["b"]);
    let emptied = Layer::new().file(STATUS, "").facts();
    let inventory = image(&[debian(&["a"]).facts(), emptied]);
    assert!(has_fatal(&inventory, GapKind::OsDbEmpty));
    let evidence = inventory
        .components
        .iter()
        .map(|component| component.evidence);
    assert!(evidence.eq([Evidence::Historical]));
}

#[test]
fn every_way_of_removing_the_database_is_a_fatal_gap() {
    let removals = [
        Layer::new().file("var/lib/dpkg/.wh.status", ""),
        Layer::new().file("var/.wh.lib", ""),
        Layer::new()
            .dir("var/lib/dpkg")
            .file("var/lib/dpkg/.wh..wh..opq", ""),
        Layer::new()
            .file(".wh..wh..opq", "")
            .file("etc/os-release", OS),
        Layer::new().file("var/lib", "now a file"),
        Layer::new().symlink("var/lib/dpkg", "/nowhere"),
        Layer::new().dir(STATUS),
        Layer::new().entry(EntryType::Char, "var/lib/dpkg", "", b""),
        Layer::new().entry(EntryType::Fifo, STATUS, "", b""),
    ];
    for (number, removal) in removals.into_iter().enumerate() {
        let inventory = image(&[debian(&["a"]).facts(), removal.facts()]);
        assert!(
            has_fatal(&inventory, GapKind::OsDbMissing),
            "removal {number}: {:?}",
            inventory.gaps
        );
    }
}

#[test]
fn whiteouts_and_opaque_directories_hit_lower_layers_only() {
    let package = |name: &str| format!("app/node_modules/{name}/package.json");
    let text = |name: &str| format!("{{\"name\":\"{name}\",\"version\":\"1.0.0\"}}");
    let base = Layer::new()
        .file(&package("a"), text("a"))
        .file(&package("b"), text("b"));
    let upper = Layer::new()
        .file(&package("c"), text("c"))
        .file("app/node_modules/.wh..wh..opq", "")
        .file("app/node_modules/.wh..wh.aufs", "");
    let inventory = image(&[base.facts(), upper.facts()]);
    assert_eq!(names(&inventory), ["c"]);
    assert_eq!(inventory.gaps, []);
}

#[test]
fn a_path_both_removed_and_present_is_a_union_and_a_gap() {
    let both = [
        Layer::new()
            .file("var/lib/dpkg/.wh.status", "")
            .file(STATUS, status(&["b"])),
        Layer::new()
            .file(STATUS, status(&["b"]))
            .file("var/lib/dpkg/.wh.status", ""),
    ];
    for layer in both {
        let inventory = image(&[debian(&["a"]).facts(), layer.facts()]);
        assert_eq!(names(&inventory), ["b"]);
        assert_eq!(kinds(&inventory), [(GapKind::AmbiguousLayer, false)]);
    }
    let package = "Name: x\nVersion: 1\n";
    let lower = Layer::new()
        .file("opt/lib/x.dist-info/METADATA", package)
        .facts();
    let upper = Layer::new().file("opt/.wh.lib", "").dir("opt/lib").facts();
    let inventory = image(&[lower, upper]);
    assert_eq!(names(&inventory), ["x"]);
    assert_eq!(kinds(&inventory), [(GapKind::AmbiguousLayer, false)]);
}

#[test]
fn parents_are_resolved_through_links_of_the_merged_tree() {
    for target in ["usr/lib", "/usr/lib", "./usr/../usr/lib", "../../usr/lib"] {
        let base = Layer::new()
            .dir("usr/lib")
            .symlink("lib", target)
            .file("etc/os-release", "ID=alpine\nVERSION_ID=3.20.3\n")
            .file("lib/apk/db/installed", installed(&["a"]));
        let upper = Layer::new().file("usr/lib/apk/db/installed", installed(&["b"]));
        let inventory = image(&[base.facts(), upper.facts()]);
        assert_eq!(names(&inventory), ["b"], "{target}");
        assert_eq!(inventory.components[0].path, "usr/lib/apk/db/installed");
        assert_eq!(inventory.gaps, [], "{target}");
    }
}

#[test]
fn whiteouts_are_resolved_through_links_too() {
    let base = alpine(&["a"]).symlink("alias", "lib/apk").facts();
    let inventory = image(&[
        base,
        Layer::new().file("alias/db/.wh.installed", "").facts(),
    ]);
    assert!(has_fatal(&inventory, GapKind::OsDbMissing));
}

#[test]
fn a_database_written_through_a_link_is_found() {
    let base = alpine(&["a"]).symlink("alias", "lib/apk").facts();
    let upper = Layer::new()
        .file("alias/db/installed", installed(&["b"]))
        .facts();
    let inventory = image(&[base, upper]);
    // Overlay file systems have it beside the other, in a directory in the place of the link.
    assert_eq!(names(&inventory), ["a", "b", "b"]);
    let both = [
        (GapKind::DbRelocated, false),
        (GapKind::AmbiguousLayer, false),
    ];
    assert_eq!(kinds(&inventory), both);
}

#[test]
fn a_directory_that_replaces_a_link_cuts_it() {
    let base = alpine(&["old"]).symlink("x", "lib").facts();
    let upper = Layer::new()
        .dir("x")
        .file("x/apk/db/installed", installed(&["moved"]))
        .facts();
    let inventory = image(&[base, upper]);
    assert_eq!(names(&inventory), ["moved", "old"]);
    assert_eq!(kinds(&inventory), [(GapKind::DbRelocated, false)]);
}

#[test]
fn databases_behind_symbolic_and_hard_links_are_followed() {
    let moved = || {
        Layer::new()
            .file("etc/os-release", OS)
            .file("opt/db", status(&["a"]))
    };
    let layers = [
        moved().symlink(STATUS, "/opt/db"),
        moved().symlink(STATUS, "../../../opt/db"),
        moved().hardlink(STATUS, "opt/db"),
        moved().hardlink(STATUS, "./opt/db"),
    ];
    for layer in layers {
        let inventory = image(&[layer.facts()]);
        assert_eq!(names(&inventory)[0], "a");
        assert!(
            !has_fatal(&inventory, GapKind::OsDbMissing),
            "{:?}",
            inventory.gaps
        );
        let status = Coverage::from_gaps(inventory.gaps.clone()).status;
        assert_ne!(status, CoverageStatus::Unscannable);
    }
    let linked_across_layers = Layer::new().hardlink(STATUS, "opt/db").facts();
    let inventory = image(&[moved().facts(), linked_across_layers]);
    assert_eq!(names(&inventory)[0], "a");
}

#[test]
fn a_database_that_was_moved_is_read_and_flagged() {
    let layer = Layer::new()
        .file("etc/os-release", OS)
        .file("opt/db/status", status(&["a"]));
    let inventory = image(&[layer.facts()]);
    assert_eq!(names(&inventory), ["a"]);
    assert_eq!(
        kinds(&inventory),
        [(GapKind::OsDbMissing, true), (GapKind::DbRelocated, false)]
    );
}

#[test]
fn backups_of_the_database_are_no_second_one() {
    let layer = debian(&["a"])
        .file("var/lib/dpkg/status-old", status(&["gone"]))
        .file("var/backups/dpkg.status.0", status(&["gone"]));
    let inventory = image(&[layer.facts()]);
    assert_eq!(names(&inventory), ["a"]);
    assert_eq!(inventory.gaps, []);
}

#[test]
fn endless_links_are_a_fatal_gap() {
    let layer = Layer::new()
        .symlink("a", "b")
        .symlink("b", "a")
        .file("a/x.dist-info/METADATA", "Name: x\nVersion: 1\n");
    assert!(has_fatal(&image(&[layer.facts()]), GapKind::UnsafePath));
}

#[test]
fn names_are_cleaned_and_pax_names_win() {
    for path in [
        "./var/lib/dpkg/status",
        "/var/lib/dpkg/status",
        "x/../var/lib/dpkg/./status",
    ] {
        let layer = Layer::new()
            .file("./etc/os-release", OS)
            .file(path, status(&["a"]));
        assert_eq!(names(&image(&[layer.facts()])), ["a"], "{path}");
    }
    let layer = Layer::new()
        .file("etc/os-release", OS)
        .pax("path", STATUS)
        .file("harmless", status(&["a"]));
    assert_eq!(names(&image(&[layer.facts()])), ["a"]);
    let escaping = Layer::new().file("../../etc/passwd", "");
    assert!(has_fatal(&image(&[escaping.facts()]), GapKind::UnsafePath));
}

#[test]
fn the_last_of_two_equal_names_counts_and_is_flagged() {
    let layer = debian(&["a"]).file(STATUS, status(&["b"]));
    let inventory = image(&[layer.facts()]);
    assert_eq!(names(&inventory), ["b"]);
    assert_eq!(kinds(&inventory), [(GapKind::AmbiguousLayer, false)]);
}

#[test]
fn a_path_of_two_kinds_in_one_layer_is_a_fatal_gap() {
    let layer = debian(&["a"])
        .symlink("var/lib/dpkg", "/x")
        .dir("var/lib/dpkg");
    assert!(has_fatal(&image(&[layer.facts()]), GapKind::AmbiguousLayer));
    for layer in [
        debian(&["a"]).file("var/lib", ""),
        Layer::new().file("var", "").file("var/lib/dpkg/status", ""),
    ] {
        assert!(has_fatal(&image(&[layer.facts()]), GapKind::AmbiguousLayer));
    }
}

#[test]
fn a_package_belongs_to_the_layer_since_which_it_stays() {
    let layers = [
        debian(&["stays", "returns"]).facts(),
        Layer::new().file(STATUS, status(&["stays"])).facts(),
        Layer::new()
            .file(STATUS, status(&["stays", "returns", "comes"]))
            .facts(),
        Layer::new().file("unrelated", "").facts(),
    ];
    let inventory = image(&layers);
    let since: Vec<_> = inventory
        .components
        .iter()
        .map(|component| (component.package.name.as_str(), component.layer.clone()))
        .collect();
    let wanted = [
        ("comes", layer_digest(2)),
        ("returns", layer_digest(2)),
        ("stays", layer_digest(0)),
    ];
    assert_eq!(since, wanted);
}

#[test]
fn config_and_layers_must_agree() {
    let layers = [debian(&["a"]).facts()];
    assert!(has_fatal(
        &image_with(None, &layers),
        GapKind::ConfigUnreadable
    ));
    let mut wrong = config(&layers);
    wrong.rootfs.diff_ids = vec![DiffId(sluicegate_model::Digest::of(b"other"))];
    assert!(has_fatal(
        &image_with(Some(&wrong), &layers),
        GapKind::DigestMismatch
    ));
    let mut short = config(&layers);
    short.rootfs.diff_ids.clear();
    assert!(has_fatal(
        &image_with(Some(&short), &layers),
        GapKind::DigestMismatch
    ));
    let mut windows = config(&layers);
    windows.os = "windows".to_owned();
    assert!(has_fatal(
        &image_with(Some(&windows), &layers),
        GapKind::UnsupportedOs
    ));
}

#[test]
fn layers_that_were_not_read_make_the_image_unscannable() {
    for (facts, kind) in [
        (LayerFacts::foreign(), GapKind::ForeignLayer),
        (LayerFacts::encrypted(), GapKind::EncryptedLayer),
        (LayerFacts::unknown("application/x"), GapKind::UnknownLayer),
        (LayerFacts::unreadable("gone"), GapKind::LayerUnreadable),
    ] {
        let inventory = image(&[debian(&["a"]).facts(), facts]);
        assert_eq!(kinds(&inventory), [(kind, true)]);
        assert_eq!(inventory.gaps[0].layer, Some(layer_digest(1)));
    }
}
