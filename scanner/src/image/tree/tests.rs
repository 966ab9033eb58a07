//! What a layer replaces or removes, and through which links.

use sluicegate_model::coverage::GapKind;
use sluicegate_model::inventory::Inventory;

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
