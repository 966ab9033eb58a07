//! Ways to hide packages from a scanner, on a Debian and on an Alpine image: none ends clean.
//!
//! Source of the tricks: "Malicious Compliance", KubeCon Europe 2023, and one probe for each rule
//! of layers and databases.

use sluicegate_model::coverage::{Coverage, CoverageStatus, GapKind};
use sluicegate_model::image_config::HistoryEntry;
use sluicegate_model::inventory::Inventory;
use tar::EntryType;

use super::*;
use crate::facts::LayerFacts;
use crate::testing::{Layer, PACKED, PROGRAM, config, gzip, image, image_with, scan, with_program};

const STATUS: &str = "var/lib/dpkg/status";
const INSTALLED: &str = "lib/apk/db/installed";
const LIBRARY: &str = "lib/ld-musl-x86_64.so.1";
const NPM: &str = "app/node_modules/lodash/package.json";
const PIP: &str = "usr/lib/python3/site-packages/yaml-5.1.dist-info/METADATA";

/// A distribution's image with a system package `lib` and packages of two languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Base {
    Debian,
    Alpine,
}

const BASES: [Base; 2] = [Base::Debian, Base::Alpine];

impl Base {
    fn os(self) -> &'static str {
        match self {
            Self::Debian => "ID=debian\nVERSION_ID=\"12\"\n",
            Self::Alpine => "ID=alpine\nVERSION_ID=3.20.3\n",
        }
    }

    fn database(self) -> (&'static str, String) {
        match self {
            Self::Debian => (
                STATUS,
                ["lib", "base", "tool"]
                    .map(|name| {
                        format!(
                            "Package: {name}\nStatus: install ok installed\nVersion: 1-2+deb12u1\n\n"
                        )
                    })
                    .concat(),
            ),
            Self::Alpine => (
                INSTALLED,
                "C:Q1x=\nP:alpine-release\nV:3.20.3-r0\n\nC:Q1x=\nP:lib\nV:1-r2\nF:lib\nR:ld-musl-x86_64.so.1\n\n"
                    .to_owned(),
            ),
        }
    }

    /// The database's directory and name.
    fn place(self) -> (&'static str, &'static str) {
        self.database().0.rsplit_once('/').unwrap()
    }

    fn layer(self) -> Layer {
        let (path, text) = self.database();
        let layer = files().file("etc/os-release", self.os()).file(path, text);
        match self {
            Self::Debian => layer.file(
                "var/lib/dpkg/info/lib.md5sums",
                format!("{}  {LIBRARY}\n", "0".repeat(32)),
            ),
            Self::Alpine => layer,
        }
    }

    fn facts(self) -> LayerFacts {
        with_program(self.layer().facts(), LIBRARY, PROGRAM)
    }
}

/// The first layer, but for what the database and the name of the system are.
fn files() -> Layer {
    Layer::new()
        .file(NPM, r#"{"name":"lodash","version":"4.17.0"}"#)
        .file("app/node_modules/lodash/index.js", "x")
        .file(PIP, "Name: yaml\nVersion: 5.1\n")
        .file("usr/lib/python3/site-packages/yaml/__init__.py", "x")
}

fn has(inventory: &Inventory, name: &str) -> bool {
    let mut components = inventory.components.iter();
    components.any(|component| component.package.name == name)
}

/// Tells whether nothing would keep the image from being called clean.
fn is_complete(inventory: &Inventory) -> bool {
    let coverage = Coverage::from_gaps(inventory.gaps.clone());
    let is_matched = inventory
        .components
        .iter()
        .all(|component| component.ecosystem.is_some());
    coverage.status == CoverageStatus::Complete && is_matched
}

/// Asserts that a layer over each base leaves a gap of a kind.
fn leaves(kind: GapKind, over: impl Fn(Base) -> Layer) {
    for base in BASES {
        let inventory = image(&[base.facts(), over(base).facts()]);
        let mut kinds = inventory.gaps.iter().map(|gap| gap.kind);
        assert!(
            kinds.any(|got| got == kind),
            "{base:?}: {:?}",
            inventory.gaps
        );
    }
}

#[test]
fn a_system_without_its_name_or_with_another_is_never_clean() {
    leaves(GapKind::OsUnknown, |_| {
        Layer::new().file("etc/.wh.os-release", "")
    });
    for base in BASES {
        let made_up = Layer::new().file("etc/os-release", "ID=bagelos\n").facts();
        let inventory = image(&[base.facts(), made_up]);
        assert!(!is_complete(&inventory), "{base:?}");
    }
    leaves(GapKind::OsForged, |base| {
        let other = if base == Base::Debian {
            Base::Alpine
        } else {
            Base::Debian
        };
        Layer::new().file("etc/os-release", other.os())
    });
    leaves(GapKind::OsForged, |base| {
        let release = base.os().replace("12", "11").replace("3.20.3", "3.16.9");
        Layer::new().file("etc/os-release", release)
    });
    leaves(GapKind::OsForged, |base| {
        let relative = if base == Base::Debian {
            "ubuntu\nVERSION_ID=22.04"
        } else {
            "wolfi"
        };
        let layer = Layer::new().file("etc/os-release", format!("ID={relative}\n"));
        match base {
            Base::Debian => layer,
            Base::Alpine => layer.file(INSTALLED, "C:Q1=\nP:alpine-baselayout\nV:3-r0\n"),
        }
    });
}

#[test]
fn a_database_that_was_taken_away_is_never_clean() {
    type Trick = fn(Base) -> Layer;
    let tricks: [Trick; 8] = [
        |base| {
            let (dir, file) = base.place();
            Layer::new().file(&format!("{dir}/.wh.{file}"), "")
        },
        |base| {
            let (above, dir) = base.place().0.rsplit_once('/').unwrap();
            Layer::new().file(&format!("{above}/.wh.{dir}"), "")
        },
        |base| {
            let dir = base.place().0;
            Layer::new()
                .dir(dir)
                .file(&format!("{dir}/.wh..wh..opq"), "")
        },
        |base| Layer::new().file(base.database().0, ""),
        |base| Layer::new().dir(base.database().0),
        |base| Layer::new().symlink(base.database().0, "/nowhere"),
        |base| Layer::new().file(base.place().0, "a file"),
        |base| Layer::new().entry(EntryType::Fifo, base.database().0, "", b""),
    ];
    for trick in tricks {
        leaves(GapKind::OsDbMissing, trick);
        for base in BASES {
            let inventory = image(&[base.facts(), trick(base).facts()]);
            assert!(
                has(&inventory, "lib"),
                "{base:?}: {:?}",
                inventory.components
            );
        }
    }
    leaves(GapKind::DbRelocated, |base| {
        let (path, text) = base.database();
        Layer::new().dir(path).file("opt/db/x", text)
    });
}

#[test]
fn a_database_behind_links_or_of_odd_names_is_read() {
    for base in BASES {
        let (path, text) = base.database();
        let (dir, file) = base.place();
        let start = || files().file("etc/os-release", base.os());
        let text = text.as_str();
        let elsewhere = || start().file("opt/db/x", text);
        let layers = [
            elsewhere().symlink(path, "/opt/db/x"),
            elsewhere().hardlink(path, "opt/db/x"),
            start()
                .file(&format!("opt/{file}"), text)
                .symlink(dir, "/opt"),
            start().file(&format!("./{path}"), text),
            start().file(&format!("/{path}"), text),
            start().file(&format!("x/../{path}"), text),
            start().pax("path", path).file("harmless", text),
        ];
        for (number, layer) in layers.into_iter().enumerate() {
            let inventory = image(&[layer.facts()]);
            assert!(has(&inventory, "lib"), "{base:?} {number}");
        }
    }
}

#[test]
fn a_database_with_odd_records_is_read_or_a_gap() {
    let long = "x".repeat(1 << 20);
    let records = [
        (
            Base::Debian,
            "Package: odd\nVersion: 1\nVersion: 2\n\n".to_owned(),
            1,
        ),
        (
            Base::Debian,
            " leading\nPackage: odd\nStatus: install ok installed\nVersion: 1\n\n".to_owned(),
            1,
        ),
        (
            Base::Debian,
            format!("Package: odd\nStatus: install ok installed\nVersion: 1\nX: {long}\n\n"),
            0,
        ),
        (
            Base::Debian,
            "Package: odd\nStatus: install ok installed\nVersion: 1\nMaintainer: x@nvidia.com\n\n"
                .to_owned(),
            0,
        ),
        (Base::Alpine, "P:odd\nV:1\nV:2\n\n".to_owned(), 1),
        (Base::Alpine, "nonsense\nP:odd\nV:1\n\n".to_owned(), 1),
        (Base::Alpine, format!("P:odd\nV:1\nT:{long}\n\n"), 0),
    ];
    for (base, record, gaps) in records {
        let (path, text) = base.database();
        let layer = files()
            .file("etc/os-release", base.os())
            .file(path, record.clone() + &text);
        let inventory = image(&[layer.facts()]);
        assert!(has(&inventory, "lib") && has(&inventory, "odd"), "{base:?}");
        assert_eq!(inventory.gaps.len(), gaps, "{base:?}: {:?}", inventory.gaps);
    }
}

#[test]
fn tricks_with_archives_are_flagged() {
    for base in BASES {
        let (path, text) = base.database();
        let (dir, file) = base.place();
        let whiteout = format!("{dir}/.wh.{file}");
        let doubled = [
            base.layer().file(path, ""),
            Layer::new().file(path, "").file(path, &text),
            base.layer().file(&whiteout, ""),
            Layer::new().file(&whiteout, "").file(path, &text),
        ];
        for layer in doubled {
            let inventory = image(&[base.facts(), layer.facts()]);
            let mut kinds = inventory.gaps.iter().map(|gap| gap.kind);
            assert!(
                kinds.any(|kind| kind == GapKind::AmbiguousLayer),
                "{base:?}"
            );
        }
        let tar = base.layer().tar();
        let tail = scan(&[tar.as_slice(), &base.layer().tar()].concat());
        let garbage = scan(&[gzip(&tar).as_slice(), b"garbage"].concat());
        for facts in [tail, garbage] {
            let kinds: Vec<_> = facts.gaps.iter().map(|gap| gap.kind).collect();
            assert!(kinds.contains(&GapKind::StreamGarbage), "{base:?}");
        }
        let (left, right) = tar.split_at(tar.len() / 2);
        let members = scan(&[gzip(left), gzip(right)].concat());
        assert!(has(&image(&[members]), "lib"), "{base:?}");
    }
}

#[test]
fn what_the_author_writes_lowers_no_scrutiny() {
    for base in BASES {
        let layers = [base.facts()];
        let mut lying = config(&layers);
        lying.history = vec![
            HistoryEntry {
                created_by: Some("ADD rootfs.tar /".to_owned()),
                empty_layer: false,
            },
            HistoryEntry {
                created_by: Some("CMD [\"sh\"]".to_owned()),
                empty_layer: true,
            },
        ];
        let inventory = image_with(Some(&lying), &layers);
        assert!(has(&inventory, "lodash") && has(&inventory, "lib"));
        lying.rootfs.diff_ids.clear();
        assert!(!is_complete(&image_with(Some(&lying), &layers)), "{base:?}");
        for unread in [
            LayerFacts::foreign(),
            LayerFacts::encrypted(),
            LayerFacts::unknown("application/x"),
        ] {
            assert!(!is_complete(&image(&[base.facts(), unread])), "{base:?}");
        }
    }
    let claimed = Layer::new().file(
        "var/lib/dpkg/info/lib.md5sums",
        format!("{}  {NPM}\n{}  {PIP}\n", "0".repeat(32), "1".repeat(32)),
    );
    let inventory = image(&[Base::Debian.facts(), claimed.facts()]);
    assert!(has(&inventory, "lodash") && has(&inventory, "yaml"));
    let mut kinds = inventory.gaps.iter().map(|gap| gap.kind);
    assert!(kinds.any(|kind| kind == GapKind::DbTampered));
}

#[test]
fn packed_programs_and_code_without_records_are_flagged() {
    for base in BASES {
        let packed = with_program(base.facts(), "app/server", PACKED);
        let inventory = image(&[packed]);
        let packed = |gap: &Gap| gap.kind == GapKind::PackedBinary && gap.fatal;
        assert!(inventory.gaps.iter().any(packed), "{base:?}");
    }
    leaves(GapKind::StrippedMetadata, |_| {
        Layer::new().file("app/node_modules/lodash/.wh.package.json", "")
    });
    leaves(GapKind::StrippedMetadata, |_| {
        Layer::new().file("usr/lib/python3/site-packages/.wh.yaml-5.1.dist-info", "")
    });
    leaves(GapKind::StrippedMetadata, |_| {
        Layer::new().file("usr/lib/ruby/gems/3.1.0/gems/rake-13.0.6/lib/rake.rb", "x")
    });
}

#[test]
fn the_six_steps_of_malicious_compliance_are_clean_at_none() {
    for base in BASES {
        let whole = image(&[base.facts()]);
        assert!(is_complete(&whole), "{base:?}: {:?}", whole.gaps);
        let vulnerable = ["lib", "lodash", "yaml"];
        assert!(vulnerable.iter().all(|name| has(&whole, name)), "{base:?}");

        let (dir, file) = base.place();
        let renamed = Layer::new().file("etc/os-release", "ID=bagelos\n");
        let removed = Layer::new().file(&format!("{dir}/.wh.{file}"), "");
        let linked = Layer::new()
            .file("app/node_modules/lodash/.wh.package.json", "")
            .file("usr/lib/python3/site-packages/.wh.yaml-5.1.dist-info", "")
            .symlink("app/package-lock.json", "/app/hidden/lock");
        let packed = with_program(Layer::new().facts(), "app/server", PACKED);
        let mut layers = vec![base.facts()];
        for step in [renamed.facts(), removed.facts(), linked.facts(), packed] {
            layers.push(step);
            let inventory = image(&layers);
            assert!(!is_complete(&inventory), "{base:?}: step {}", layers.len());
        }
        let hidden = image(&layers);
        assert!(
            has(&hidden, "lib"),
            "{base:?}: the database's packages stay"
        );

        let squashed = Layer::new()
            .file("etc/os-release", "ID=bagelos\n")
            .file("app/node_modules/lodash/index.js", "x")
            .file("usr/lib/python3/site-packages/yaml/__init__.py", "x");
        let squashed = with_program(squashed.facts(), LIBRARY, PROGRAM);
        let squashed = with_program(squashed, "app/server", PACKED);
        let kinds: Vec<_> = image(&[squashed]).gaps.iter().map(|gap| gap.kind).collect();
        for kind in [
            GapKind::OsDbMissing,
            GapKind::PackedBinary,
            GapKind::StrippedMetadata,
            GapKind::UnattributedElf,
        ] {
            assert!(kinds.contains(&kind), "{base:?}: {kind:?} in {kinds:?}");
        }
    }
}
