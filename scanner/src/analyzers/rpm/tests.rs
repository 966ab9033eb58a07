//! What each backend gives for the same headers, and what damage does.

pub(in crate::analyzers) mod databases;

use proptest::prelude::*;
use sluicegate_model::package::Package;

use super::*;
use crate::analyzers::tests::analyze;
use crate::facts::{ContentDigest, PathHash};
use crate::testing::{Layer, image};
use databases::{HeaderBuilder, PAGE};

fn zlib() -> HeaderBuilder {
    HeaderBuilder::new("zlib", "1.2.11", "40.el9")
        .text(1014, "zlib and Boost")
        .text(1022, "x86_64")
        .text(1044, "zlib-1.2.11-40.el9.src.rpm")
}

/// A header of several pages, with everything that is read.
fn perl() -> HeaderBuilder {
    let digest = "ab".repeat(32);
    HeaderBuilder::new("perl-Errno", "1.28", "420.el8")
        .numbers(1003, &[2])
        .text(1022, "x86_64")
        .text(1044, "perl-5.26.3-420.el8.src.rpm")
        .text(5096, "perl:5.26:820181219:9edba152")
        .texts(1118, &["/usr/share/", "/usr/bin/"])
        .texts(1117, &["perl", "Errno.pm", "link"])
        .numbers(1116, &[0, 1, 1])
        .shorts(1030, &[0o040_755, 0o100_644, 0o120_777])
        .texts(1035, &["", &digest, ""])
        .numbers(5011, &[8])
        .text(1005, &"x".repeat(5 * PAGE))
}

fn key() -> HeaderBuilder {
    HeaderBuilder::new("gpg-pubkey", "8483c65d", "5ccc5b19")
}

fn headers() -> Vec<Vec<u8>> {
    [zlib(), key(), perl()].map(HeaderBuilder::blob).into()
}

/// The same headers in each backend, with a path where rpm looks for it.
pub(crate) fn samples() -> [(&'static str, Vec<u8>); 3] {
    [
        ("var/lib/rpm/rpmdb.sqlite", databases::sqlite(&headers())),
        ("var/lib/rpm/Packages.db", databases::ndb(&headers())),
        ("var/lib/rpm/Packages", databases::berkeley(&headers())),
    ]
}

fn packages(found: &Observations) -> Vec<&Package> {
    found.packages.iter().map(|found| &found.package).collect()
}

fn summary(found: &Observations) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = packages(found)
        .into_iter()
        .map(|package| (package.name.clone(), package.version.clone()))
        .collect();
    pairs.sort();
    pairs
}

fn both() -> Vec<(String, String)> {
    [("perl-Errno", "2:1.28-420.el8"), ("zlib", "1.2.11-40.el9")]
        .map(|(name, version)| (name.to_owned(), version.to_owned()))
        .into()
}

#[test]
fn every_backend_gives_the_packages_and_no_keys() {
    for (path, database) in samples() {
        for place in [path, "opt/elsewhere/x"] {
            let found = analyze(&Rpm, place, &database);
            assert!(found.database, "{place}");
            assert_eq!(found.gaps, [], "{place}");
            assert_eq!(summary(&found), both(), "{place}");
        }
    }
}

#[test]
fn every_backend_is_read_from_a_file_as_from_memory() {
    for (path, database) in samples() {
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, &database).unwrap();
        let limits = crate::limits::Limits::default();
        let spooled = SpooledFile {
            path,
            content: &file,
            size_bytes: database.len().try_into().unwrap(),
            limits: &limits,
        };
        let mut found = Observations::default();
        Rpm.analyze_spooled(spooled, &mut found).unwrap();
        assert_eq!(found, analyze(&Rpm, path, &database), "{path}");
    }
}

#[test]
fn a_header_names_source_module_and_files() {
    let (path, database) = samples().into_iter().next().unwrap();
    let found = analyze(&Rpm, path, &database);
    let found_packages = packages(&found);
    let perl = found_packages
        .iter()
        .find(|p| p.name == "perl-Errno")
        .unwrap();
    let source = perl.source.as_ref().unwrap();
    assert_eq!(
        (source.name.as_str(), source.version.as_str()),
        ("perl", "5.26.3-420.el8")
    );
    assert_eq!(
        source.module.as_deref(),
        Some("perl:5.26:820181219:9edba152")
    );
    let zlib = found_packages.iter().find(|p| p.name == "zlib").unwrap();
    assert_eq!(
        zlib.source, None,
        "the source has the same name and version"
    );
    assert_eq!(zlib.architecture.as_deref(), Some("x86_64"));
    assert_eq!(zlib.licence.as_deref(), Some("zlib and Boost"));
    assert_eq!(perl.licence, None);
    let files: Vec<_> = found
        .owned
        .iter()
        .map(|file| (file.path, file.digest))
        .collect();
    let digest = ContentDigest::Sha256([0xab; 32]);
    assert_eq!(
        files,
        [
            (PathHash::of("usr/bin/Errno.pm"), Some(digest)),
            (PathHash::of("usr/bin/link"), None),
        ]
    );
}

#[test]
fn a_module_without_its_stream_is_a_gap() {
    let header = HeaderBuilder::new("nodejs", "20.1", "1.module_el8.9.0+3+abc").blob();
    let found = analyze(&Rpm, "x", &databases::ndb(&[header]));
    assert_eq!(found.gaps[0].kind, GapKind::VersionUnknown);
}

#[test]
fn a_damaged_record_is_a_gap_and_the_others_count() {
    let nameless = HeaderBuilder::new("", "1", "2").blob();
    let all = [zlib().blob(), nameless, perl().blob()];
    for database in [
        databases::sqlite(&all),
        databases::ndb(&all),
        databases::berkeley(&all),
    ] {
        let found = analyze(&Rpm, "x", &database);
        assert_eq!(summary(&found), both());
        assert_eq!(found.gaps.len(), 1);
        assert_eq!(found.gaps[0].kind, GapKind::RecordUnreadable);
    }
}

#[test]
fn what_is_no_database_is_a_gap_only_where_rpm_looks() {
    for content in [
        &b""[..],
        b"nothing of the kind at all",
        b"SQLite format 3\0 but no more",
    ] {
        let found = analyze(&Rpm, "var/lib/rpm/rpmdb.sqlite", content);
        assert!(found.database);
        assert_eq!(found.gaps.len(), 1);
        assert!(analyze(&Rpm, "srv/app.db", content).is_empty());
    }
}

#[test]
fn the_log_replaces_pages_up_to_its_last_commit() {
    let old = databases::sqlite(&[zlib().blob()]);
    let new = databases::sqlite(&[HeaderBuilder::new("zlib", "1.3", "1.el9").blob()]);
    let leaf = new.chunks(PAGE).nth(2).unwrap().to_vec();
    let table = [
        (vec![], 0, "1.2.11-40.el9", false),
        (vec![(3, leaf.clone())], 1, "1.2.11-40.el9", false),
        (vec![(3, leaf.clone())], 0, "1.3-1.el9", true),
        (
            vec![(3, leaf.clone()), (3, vec![0; PAGE])],
            1,
            "1.3-1.el9",
            true,
        ),
    ];
    for (pages, open, version, committed) in table {
        let bytes = databases::log(&pages, open);
        let source = bytes.as_slice();
        let log = Log::read(&source).unwrap();
        let mut found = Observations::default();
        database("x", &old.as_slice(), log.as_ref(), &mut found).unwrap();
        assert_eq!(packages(&found)[0].version, version);
        let gaps = analyze(&Rpm, "var/lib/rpm/rpmdb.sqlite-wal", &bytes).gaps;
        assert_eq!(gaps.iter().any(|gap| gap.fatal), committed);
    }
}

#[test]
fn a_log_is_applied_wherever_it_stands_in_the_layer_and_is_a_gap_in_another() {
    let old = databases::sqlite(&[zlib().blob()]);
    let new = databases::sqlite(&[HeaderBuilder::new("zlib", "1.3", "1.el9").blob()]);
    let log = databases::log(&[(3, new.chunks(PAGE).nth(2).unwrap().to_vec())], 0);
    let os = || Layer::new().file("etc/os-release", "ID=fedora\nVERSION_ID=40\n");
    let path = "usr/lib/sysimage/rpm/rpmdb.sqlite";
    let beside = "usr/lib/sysimage/rpm/rpmdb.sqlite-wal";
    let table = [
        (
            vec![os().file(path, &old).file(beside, &log)],
            "1.3-1.el9",
            false,
        ),
        (
            vec![os().file(beside, &log).file(path, &old)],
            "1.3-1.el9",
            false,
        ),
        (
            vec![os().file(path, &old).file(beside, "")],
            "1.2.11-40.el9",
            false,
        ),
        (
            vec![os().file(path, &old), Layer::new().file(beside, &log)],
            "1.2.11-40.el9",
            true,
        ),
    ];
    for (layers, version, is_gap) in table {
        let layers: Vec<_> = layers.into_iter().map(Layer::facts).collect();
        let inventory = image(&layers);
        assert_eq!(inventory.components.len(), 1);
        assert_eq!(inventory.components[0].package.version, version);
        assert_eq!(inventory.gaps.iter().any(|gap| gap.fatal), is_gap);
    }
}

#[test]
fn of_two_backends_the_newer_is_rpms_and_what_only_the_other_lists_counts_as_well() {
    let old = [zlib().blob(), perl().blob()];
    let new = [
        zlib().blob(),
        HeaderBuilder::new("bash", "5.1", "1.el9").blob(),
    ];
    let os = || Layer::new().file("etc/os-release", "ID=fedora\nVERSION_ID=40\n");
    let hash = ("var/lib/rpm/Packages", databases::berkeley(&old));
    let table = [
        vec![
            os().file(hash.0, &hash.1),
            Layer::new().file("var/lib/rpm/Packages.db", databases::ndb(&new)),
        ],
        vec![
            os().file(hash.0, &hash.1)
                .file("usr/lib/sysimage/rpm/rpmdb.sqlite", databases::sqlite(&new)),
        ],
    ];
    for layers in table {
        let layers: Vec<_> = layers.into_iter().map(Layer::facts).collect();
        let inventory = image(&layers);
        let of = |name: &str| {
            let mut paths = inventory.components.iter();
            let component = paths.find(|component| component.package.name == name);
            component.unwrap().path.clone()
        };
        assert_eq!(inventory.components.len(), 3);
        assert_eq!(of("perl-Errno"), hash.0);
        assert_eq!(of("zlib"), of("bash"));
        assert_ne!(of("bash"), hash.0);
        let gaps: Vec<_> = inventory.gaps.iter().map(|gap| gap.kind).collect();
        assert_eq!(gaps, [GapKind::DbRelocated]);
    }
}

#[test]
fn a_manifest_has_a_package_on_each_line() {
    let text = "bash\t5.1.8-2.cm2\t1\t2\tMicrosoft\t(none)\t9\tx86_64\t0\tbash-5.1.8-2.cm2.src.rpm\n\
                openssl-libs\t1.1.1k-17.cm2\t1\t2\tMicrosoft\t1\t9\tx86_64\t1\topenssl-1.1.1k-17.cm2.src.rpm\n\
                nonsense\n";
    let found = analyze(&Rpm, MANIFEST, text.as_bytes());
    let found_packages = packages(&found);
    assert_eq!(found_packages[0].version, "5.1.8-2.cm2");
    assert_eq!(found_packages[0].source, None);
    assert_eq!(found_packages[1].version, "1:1.1.1k-17.cm2");
    assert_eq!(found_packages[1].source.as_ref().unwrap().name, "openssl");
    assert_eq!(found.gaps.len(), 1);
}

#[test]
fn rows_that_lie_in_one_place_many_times_are_read_within_the_databases_size() {
    let mut database = databases::sqlite(&[perl().blob(), zlib().blob()]);
    // The last leaf names its cell five hundred times.
    let leaf = database.len() - PAGE;
    let cell = database[leaf + 8..leaf + 10].to_vec();
    database[leaf + 3..leaf + 5].copy_from_slice(&400_u16.to_be_bytes());
    for at in 1..400 {
        database[leaf + 8 + 2 * at..leaf + 10 + 2 * at].copy_from_slice(&cell);
    }
    let found = analyze(&Rpm, "var/lib/rpm/rpmdb.sqlite", &database);
    assert!(found.packages.len() < 100, "{}", found.packages.len());
    assert_eq!(found.gaps.len(), 1);
}

proptest! {
    #[test]
    fn damage_makes_no_reader_panic(
        which in 0_usize..3,
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..12),
        cut in proptest::option::of(any::<proptest::sample::Index>()),
    ) {
        let (path, mut database) = samples().into_iter().nth(which).unwrap();
        for (at, byte) in changes {
            let at = at.index(database.len());
            database[at] = byte;
        }
        if let Some(cut) = cut {
            database.truncate(cut.index(database.len()));
        }
        analyze(&Rpm, path, &database);
    }

    #[test]
    fn flipped_bits_of_what_leads_to_the_headers_make_no_reader_panic(
        which in 0_usize..3,
        at in 0_usize..2 * PAGE,
        bit in 0_u8..8,
    ) {
        let (path, mut database) = samples().into_iter().nth(which).unwrap();
        database[at] ^= 1 << bit;
        analyze(&Rpm, path, &database);
    }

    #[test]
    fn random_bytes_are_no_log(content in proptest::collection::vec(any::<u8>(), 0..4096)) {
        prop_assert_eq!(analyze(&Rpm, "x/rpmdb.sqlite-wal", &content).gaps.len(), 0);
    }
}
