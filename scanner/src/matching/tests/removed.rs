//! A law: a feed that spoke in a verdict and is removed leaves a gap that names it.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use sluicegate_model::package::Owner;

use super::*;

const BASEOS: &str = "Red Hat:enterprise_linux:9::baseos";
const APPSTREAM: &str = "Red Hat:enterprise_linux:9::appstream";

/// Ecosystems whose packages an image may have, and where the advisories on them are filed.
const KINDS: [(PackageType, &str, &[&str]); 8] = [
    (PackageType::Deb, "Debian:12", &["Debian:12"]),
    (PackageType::Apk, "Alpine:v3.18", &["Alpine:v3.18"]),
    (PackageType::Rpm, "AlmaLinux:9", &["AlmaLinux:9"]),
    (PackageType::Rpm, BASEOS, &[BASEOS, APPSTREAM]),
    (PackageType::Python, "PyPI", &["PyPI"]),
    (PackageType::Npm, "npm", &["npm"]),
    (PackageType::Maven, "Maven", &["Maven"]),
    (PackageType::Gem, "RubyGems", &["RubyGems"]),
];

/// Components by kind, name, and whether a system package owns the file.
type Drawn = (usize, usize, bool);

fn drawn(system: usize, (kind, name, is_owned): Drawn) -> Component {
    let (package_type, ecosystem, _) = KINDS[kind];
    let name = if package_type == PackageType::Maven {
        format!("g:p{name}")
    } else {
        format!("p{name}")
    };
    let drawn = component(package_type, ecosystem, &name, "1.0");
    let (of_system, system, _) = KINDS[system];
    if !is_owned || package_type.is_operating_system() {
        return drawn;
    }
    let owner = component(of_system, system, "owner", "1.0");
    let owner = Owner {
        package: owner.package,
        ecosystem: owner.ecosystem,
        purl: owner.purl,
    };
    Component {
        standing: Standing::OwnedBy(Box::new(owner)),
        ..drawn
    }
}

/// A record on every second name in every folder.
fn records(without: &str) -> Vec<Value> {
    let mut records = vec![record("GHSA-never", "Hex", "never", "1")];
    for (package_type, _, folders) in KINDS {
        for (at, folder) in folders.iter().enumerate().filter(|(_, it)| **it != without) {
            for name in (0..6).step_by(2) {
                let group = if package_type == PackageType::Maven {
                    "g:"
                } else {
                    ""
                };
                let name = format!("{group}p{}", name + at);
                let id = format!("X-{}-{name}", folder.replace([':', ' '], "-"));
                records.push(record(&id, folder, &name, "2.0"));
            }
        }
    }
    records
}

proptest! {
    #![proptest_config(Config {
        cases: 40,
        rng_seed: RngSeed::Fixed(47),
        ..Config::default()
    })]

    #[test]
    fn a_feed_that_spoke_and_is_removed_leaves_a_gap_that_names_it(
        system in 0..4_usize,
        languages in prop::collection::vec((4..8_usize, 0..6_usize, any::<bool>()), 0..8),
        packages in prop::collection::vec(0..6_usize, 0..8),
    ) {
        let of_system = packages.into_iter().map(|name| (system, name, false));
        let components = of_system.chain(languages).map(|it| drawn(system, it));
        let image = inventory(components.collect());
        let (_home, all) = feeds(&records(""));
        let before = judge(&image, &all, now());
        let spoke: BTreeSet<String> = (before.findings.iter())
            .map(|finding| finding.source.clone())
            .collect();
        for source in spoke {
            let (_home, fewer) = feeds(&records(&source));
            let after = judge(&image, &fewer, now());
            let mut gaps = after.coverage.gaps.iter();
            let told = gaps.any(|gap| {
                gap.kind == GapKind::NoFeed && gap.detail.contains(&source)
            });
            prop_assert!(told, "{source}: {:?}", after.coverage.gaps);
        }
    }
}
