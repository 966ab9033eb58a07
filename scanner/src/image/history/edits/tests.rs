//! A database that an upper layer edits, and one that tools change.

use sluicegate_model::coverage::GapKind;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::Evidence;

use crate::testing::{Layer, image};

const STATUS: &str = "var/lib/dpkg/status";
const METADATA: &str = "usr/lib/python3/dist-packages/yaml-6.0.dist-info/METADATA";
const LIBRARY: &str = "usr/lib/x86_64-linux-gnu/libssl.so.3";

fn stanza(name: &str, version: &str, more: &str) -> String {
    format!("Package: {name}\nStatus: install ok installed\nVersion: {version}\n{more}\n")
}

fn status(stanzas: &[String]) -> Layer {
    Layer::new().file(STATUS, stanzas.concat())
}

/// A package whose metadata is read, one of which no file is, and one without files.
fn base() -> Layer {
    let list = |files: &[&str]| -> String {
        let line = |path: &&str| format!("{}  {path}\n", "0".repeat(32));
        files.iter().map(line).collect()
    };
    status(&[
        stanza("python3-yaml", "6.0-3", ""),
        stanza("libssl3", "3.0.9-1", ""),
        stanza("meta", "1-1", ""),
    ])
    .file("etc/os-release", "ID=debian\nVERSION_ID=12\n")
    .file("var/lib/dpkg/info/python3-yaml.md5sums", list(&[METADATA]))
    .file(
        "var/lib/dpkg/info/libssl3.md5sums",
        list(&[LIBRARY, "usr/share/doc/libssl3/copyright"]),
    )
    .file(METADATA, "Name: yaml\nVersion: 6.0\n")
    .file(LIBRARY, "x")
}

/// Gives the packages that are known from the lower layer's database alone.
fn remembered(upper: Layer) -> Vec<String> {
    let inventory: Inventory = image(&[base().facts(), upper.facts()]);
    let gone = inventory.components.iter();
    let gone = gone.filter(|component| component.evidence == Evidence::Historical);
    let gone: Vec<_> = gone
        .map(|component| format!("{} {}", component.package.name, component.package.version))
        .collect();
    let mut kinds = inventory
        .gaps
        .iter()
        .filter(|gap| gap.kind == GapKind::DbTampered && gap.detail.starts_with("a later layer"));
    assert_eq!(
        kinds.next().is_some(),
        !gone.is_empty(),
        "{:?}",
        inventory.gaps
    );
    gone
}

#[test]
fn what_a_layer_edits_is_matched_as_it_was() {
    let (yaml, ssl) = (
        stanza("python3-yaml", "6.0-3", ""),
        stanza("libssl3", "3.0.9-1", ""),
    );
    let meta = stanza("meta", "1-1", "");
    let absent = "Package: libssl3\nStatus: deinstall ok not-installed\nVersion: 3.0.9-1\n\n";
    for (number, (stanzas, wanted)) in [
        (vec![ssl.clone(), meta.clone()], "python3-yaml 6.0-3"),
        (vec![yaml.clone(), meta.clone()], "libssl3 3.0.9-1"),
        (vec![yaml.clone(), absent.to_owned()], "libssl3 3.0.9-1"),
        (
            vec![yaml.clone(), stanza("libssl3", "9-1", "")],
            "libssl3 3.0.9-1",
        ),
        (
            vec![yaml.clone(), stanza("libssl3", "1:3.0.9-1", "")],
            "libssl3 3.0.9-1",
        ),
        (
            vec![
                yaml.clone(),
                stanza("libssl3", "3.0.9-1", "Source: other (9-1)\n"),
            ],
            "libssl3 3.0.9-1",
        ),
        (
            vec![stanza("python3-yaml", "9-1", ""), ssl.clone()],
            "python3-yaml 6.0-3",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(remembered(status(&stanzas)), [wanted], "case {number}");
    }
}

#[test]
fn what_tools_change_is_what_they_say() {
    let (yaml, ssl) = (
        stanza("python3-yaml", "6.0-3", ""),
        stanza("libssl3", "3.0.9-1", ""),
    );
    let directory = "usr/lib/x86_64-linux-gnu";
    let (_, name) = LIBRARY.rsplit_once('/').unwrap();
    for (number, upper) in [
        // Upgrades write the files anew.
        status(&[yaml.clone(), stanza("libssl3", "3.0.11-1", "")]).file(LIBRARY, "y"),
        status(&[stanza("python3-yaml", "6.1-1", ""), ssl.clone()])
            .file(METADATA, "Name: yaml\nVersion: 6.1\n"),
        // Removals remove them, or a directory with them.
        status(std::slice::from_ref(&yaml)).file(&format!("{directory}/.wh.{name}"), ""),
        status(std::slice::from_ref(&yaml)).file("usr/lib/.wh.x86_64-linux-gnu", ""),
        status(std::slice::from_ref(&ssl))
            .file("usr/lib/python3/dist-packages/.wh.yaml-6.0.dist-info", ""),
        // Of a package without files nothing tells.
        status(&[yaml.clone(), ssl.clone()]),
        status(&[
            yaml,
            ssl,
            stanza("meta", "2-1", ""),
            stanza("new", "1-1", ""),
        ]),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(remembered(upper), [""; 0], "case {number}");
    }
}

#[test]
fn what_comes_back_or_goes_later_is_not_remembered() {
    let yaml = stanza("python3-yaml", "6.0-3", "");
    let without = || status(std::slice::from_ref(&yaml)).facts();
    let back = base().facts();
    let removed = Layer::new()
        .file("usr/lib/python3/dist-packages/.wh.yaml-6.0.dist-info", "")
        .facts();
    let without_yaml = status(&[stanza("libssl3", "3.0.9-1", "")]).facts();
    for layers in [
        vec![base().facts(), without(), back],
        vec![base().facts(), without_yaml, removed],
    ] {
        let inventory = image(&layers);
        let mut evidence = inventory
            .components
            .iter()
            .map(|component| component.evidence);
        assert!(evidence.all(|evidence| evidence != Evidence::Historical));
    }
}
