//! What a layer replaces or removes, and through which links.

use sluicegate_model::coverage::GapKind;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::Evidence;

use crate::testing::{Layer, image};

const DATABASE: &str = "lib/apk/db/installed";

fn base() -> Layer {
    Layer::new()
        .file("etc/os-release", "ID=alpine\nVERSION_ID=3.20.3\n")
        .file(DATABASE, "C:Q1x=\nP:a\nV:1-r0\n\n")
        .symlink("alias", "lib")
        .symlink("b", "alias")
}

fn has_lost_its_database(inventory: &Inventory) -> bool {
    let mut gaps = inventory.gaps.iter();
    gaps.any(|gap| gap.kind == GapKind::OsDbMissing && gap.fatal)
}

#[test]
fn a_file_of_no_interest_replaces_through_links() {
    for (upper, is_replaced) in [
        (Layer::new().file("alias/apk/db", "a file"), true),
        (Layer::new().file("b/apk", "a file"), true),
        (Layer::new().file("alias/apk/other", "a file"), false),
        (Layer::new().dir("alias").file("alias/apk", "a file"), false),
    ] {
        let facts = upper.facts();
        let inventory = image(&[base().facts(), facts.clone()]);
        assert_eq!(has_lost_its_database(&inventory), is_replaced, "{facts:?}");
    }
}

#[test]
fn a_hard_link_keeps_what_goes() {
    let moved = Layer::new()
        .hardlink("opt/db", DATABASE)
        .file("lib/apk/db/.wh.installed", "");
    let back = Layer::new()
        .hardlink(DATABASE, "opt/db")
        .file("opt/.wh.db", "");
    let inventory = image(&[base().facts(), moved.facts(), back.facts()]);
    let paths = inventory.components.iter().map(|found| found.path.as_str());
    assert!(paths.eq([DATABASE]), "{:?}", inventory.components);
}

#[test]
fn removals_go_through_the_links_that_there_are_by_then() {
    for (upper, is_lost) in [
        (
            Layer::new().symlink("c", "lib/apk").file("c/.wh.db", ""),
            true,
        ),
        (
            Layer::new().file("c/.wh.db", "").symlink("c", "lib/apk"),
            false,
        ),
        (Layer::new().dir("b").file("b/.wh.apk", ""), false),
        (Layer::new().file("b/.wh.apk", "").dir("b"), true),
        (Layer::new().file("b/.wh..wh..opq", ""), true),
        (Layer::new().dir("b").file("b/.wh..wh..opq", ""), false),
        (
            Layer::new()
                .dir("alias")
                .file("alias/apk", "a file")
                .symlink("d", "alias"),
            false,
        ),
    ] {
        let facts = upper.facts();
        let inventory = image(&[base().facts(), facts.clone()]);
        assert_eq!(has_lost_its_database(&inventory), is_lost, "{facts:?}");
    }
}

#[test]
fn a_removal_spares_what_its_own_layer_has() {
    let upper = Layer::new()
        .file("lib/apk/db/installed", "C:Q1x=\nP:b\nV:1-r0\n\n")
        .file("alias/.wh.apk", "");
    let inventory = image(&[base().facts(), upper.facts()]);
    let mut names = inventory
        .components
        .iter()
        .map(|found| &*found.package.name);
    assert!(names.any(|name| name == "b"), "{:?}", inventory.components);
}

fn is_ambiguous(inventory: &Inventory) -> bool {
    let mut gaps = inventory.gaps.iter();
    gaps.any(|gap| gap.kind == GapKind::AmbiguousLayer && !gap.fatal && gap.path.is_some())
}

#[test]
fn what_any_applier_leaves_behind_is_there() {
    for upper in [
        // Overlay file systems join the roots of all layers.
        Layer::new().file(".wh..wh..opq", "").file("other", ""),
        // They have a directory in the place of a lower layer's link.
        Layer::new().file("alias/apk/.wh.db", ""),
        Layer::new().file("alias/apk/db/.wh..wh..opq", ""),
        Layer::new().file("alias/apk/db", "a file"),
    ] {
        let facts = upper.facts();
        let inventory = image(&[base().facts(), facts.clone()]);
        let mut found = inventory.components.iter();
        let is_there =
            found.any(|found| found.package.name == "a" && found.evidence == Evidence::Installed);
        assert!(is_there, "{facts:?}");
        assert!(is_ambiguous(&inventory), "{facts:?}");
    }
    // What all leave behind is told without a word.
    let upper = Layer::new().file("lib/apk/.wh.db", "").file("b/x", "");
    let inventory = image(&[base().facts(), upper.facts()]);
    assert!(has_lost_its_database(&inventory) && !is_ambiguous(&inventory));
}

#[test]
fn a_layer_comes_through_a_link_before_it_replaces_it() {
    let database = "C:Q1x=\nP:b\nV:1-r0\n\n";
    let upper = Layer::new().file("alias/apk/db/installed", database).entry(
        tar::EntryType::Fifo,
        "alias",
        "",
        b"",
    );
    let inventory = image(&[base().facts(), upper.facts()]);
    let found = inventory.components.iter();
    let found = found.map(|found| (found.path.as_str(), &*found.package.name));
    assert!(
        found.clone().any(|found| found == (DATABASE, "b")),
        "{found:?}"
    );
}

#[test]
fn a_file_that_links_to_itself_stays() {
    let upper = Layer::new().hardlink(DATABASE, DATABASE);
    for layers in [
        vec![base().hardlink(DATABASE, DATABASE).facts()],
        vec![base().facts(), upper.facts()],
    ] {
        let inventory = image(&layers);
        let paths = inventory.components.iter().map(|found| found.path.as_str());
        assert!(paths.eq([DATABASE]), "{:?}", inventory.components);
    }
}

#[test]
fn names_that_are_no_text_are_told_apart() {
    let names: [&[u8]; 2] = [b"\xff.dist-info", b"\\xff.dist-info"];
    let layer = names.into_iter().fold(Layer::new(), |layer, name| {
        let path = [b"lib/", name, b"/METADATA"].concat();
        layer.raw(&path, "Name: a\nVersion: 1\n\n")
    });
    let lower = layer.facts();
    for (name, stays) in names.into_iter().zip([
        r"lib/\\xff.dist-info/METADATA",
        r"lib/\xff.dist-info/METADATA",
    ]) {
        let upper = Layer::new().raw(&[b"lib/.wh.", name].concat(), "").facts();
        let inventory = image(&[lower.clone(), upper]);
        let paths = inventory.components.iter().map(|found| found.path.as_str());
        assert!(paths.eq([stays]), "{:?}", inventory.components);
    }
}
