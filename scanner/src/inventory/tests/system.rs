//! What the operating system and its packages are worth, on images built in code.

use proptest::prelude::*;

use super::*;

#[test]
fn packages_without_a_system_and_systems_without_packages_are_fatal_gaps() {
    let nameless = Layer::new().file(STATUS, status(&["a"])).facts();
    assert!(has_fatal(&image(&[nameless]), GapKind::OsUnknown));
    let bare = Layer::new().file("etc/os-release", OS).facts();
    assert!(has_fatal(&image(&[bare]), GapKind::OsDbMissing));
}

#[test]
fn a_database_of_a_kind_that_is_not_read_is_a_gap() {
    let nix = || Layer::new().file("nix/var/nix/db/db.sqlite", "x");
    assert!(has_fatal(&image(&[nix().facts()]), GapKind::OsDbMissing));
    let beside = image(&[debian(&["a"]).facts(), nix().facts()]);
    assert_eq!(kinds(&beside), [(GapKind::OsDbMissing, false)]);
    let elder = Layer::new()
        .file("etc/centos-release", "CentOS release 6.10 (Final)")
        .facts();
    assert!(has_fatal(&image(&[elder]), GapKind::OsDbMissing));
}

#[test]
fn an_image_of_static_binaries_is_partial_and_an_empty_one_complete() {
    let binary = Layer::new().file("app", b"\x7fELF\x02\x01").facts();
    assert_eq!(
        kinds(&image(&[binary])),
        [(GapKind::UnattributedElf, false)]
    );
    assert_eq!(image(&[Layer::new().file("data", "x").facts()]).gaps, []);
}

#[test]
fn the_system_file_is_found_behind_its_link_and_by_its_fallbacks() {
    let by = |layer: Layer| image(&[layer.file(STATUS, status(&["a"])).facts()]);
    let linked = Layer::new()
        .symlink("etc/os-release", "../usr/lib/os-release")
        .file("usr/lib/os-release", OS);
    let table = [
        (linked, "Debian:12"),
        (
            Layer::new().file("etc/debian_version", "11.9\n"),
            "Debian:11",
        ),
        (
            Layer::new()
                .file(
                    "etc/lsb-release",
                    "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=22.04\n",
                )
                .file("etc/debian_version", "bookworm/sid\n"),
            "Ubuntu:22.04:LTS",
        ),
    ];
    for (layer, ecosystem) in table {
        let inventory = by(layer);
        assert_eq!(
            inventory.distro.unwrap().ecosystem,
            Some(Ecosystem::new(ecosystem))
        );
    }
}

#[test]
fn a_forged_system_name_is_a_fatal_gap() {
    let apk_as_debian = Layer::new()
        .file("etc/os-release", OS)
        .file(INSTALLED, installed(&["musl"]));
    assert!(has_fatal(
        &image(&[apk_as_debian.facts()]),
        GapKind::OsForged
    ));
    let base_files = "Package: base-files\nStatus: install ok installed\nVersion: 11.1+deb11u9\n";
    let older = Layer::new()
        .file("etc/os-release", OS)
        .file(STATUS, base_files);
    assert!(has_fatal(&image(&[older.facts()]), GapKind::OsForged));
    let ubuntu = "ID=ubuntu\nVERSION_ID=22.04\n";
    let debian_as_ubuntu = Layer::new()
        .file("etc/os-release", ubuntu)
        .file(STATUS, base_files);
    assert!(has_fatal(
        &image(&[debian_as_ubuntu.facts()]),
        GapKind::OsForged
    ));
    let honest = Layer::new()
        .file("etc/os-release", "ID=debian\nVERSION_ID=11")
        .file(STATUS, base_files);
    assert_eq!(image(&[honest.facts()]).gaps, []);
}

proptest! {
    #[test]
    fn merging_is_deterministic_and_sorted(choices in proptest::collection::vec(0..10_usize, 0..6)) {
        let pool = [
            || debian(&["a", "b"]),
            || debian(&["b"]),
            || alpine(&["musl"]),
            || Layer::new().symlink("lib", "usr/lib"),
            || Layer::new().dir("lib").file("lib/apk/db/installed", "P:x\nV:1\n"),
            || Layer::new().file("var/.wh.lib", ""),
            || Layer::new().file("lib", "a file"),
            || Layer::new().file("var/lib/dpkg/.wh..wh..opq", ""),
            || Layer::new().hardlink("lib/apk/db/installed", "var/lib/dpkg/status"),
            || Layer::new().file("a/node_modules/x/package.json", "{"),
        ];
        let layers: Vec<_> = choices.iter().map(|choice| pool[*choice]().facts()).collect();
        let first = image(&layers);
        prop_assert_eq!(&first, &image(&layers));
        prop_assert!(first.components.is_sorted());
        prop_assert!(first.gaps.is_sorted());
    }
}

#[test]
fn a_file_that_names_another_system_is_a_fatal_gap() {
    let with = |path: &str, text: &str| image(&[debian(&["a"]).file(path, text).facts()]);
    assert_eq!(with("etc/debian_version", "12.11\n").gaps, []);
    let forged = with("etc/alpine-release", "3.20.3\n");
    assert_eq!(kinds(&forged), [(GapKind::OsForged, true)]);
}

#[test]
fn packages_of_pacman_and_opkg_are_in_their_own_databases() {
    let arch = Layer::new()
        .file("etc/os-release", "ID=arch\n")
        .file("var/lib/pacman/local/ALPM_DB_VERSION", "9\n")
        .file(
            "var/lib/pacman/local/zlib-1-1/desc",
            "%NAME%\nzlib\n\n%VERSION%\n1-1\n",
        );
    let openwrt = Layer::new().file("etc/os-release", "ID=openwrt\n").file(
        "usr/lib/opkg/status",
        "Package: zlib\nVersion: 1-1\nStatus: install user installed\n",
    );
    for (layer, wanted) in [
        (arch, "pkg:alpm/arch/zlib@1-1"),
        (openwrt, "pkg:opkg/openwrt/zlib@1-1"),
    ] {
        let inventory = image(&[layer.facts()]);
        assert_eq!(inventory.gaps, []);
        assert_eq!(inventory.components.len(), 1);
        assert!(inventory.components[0].purl.starts_with(wanted));
    }
}

#[test]
fn packages_without_their_sources_are_a_fatal_gap_unless_dpkg_has_them() {
    let snap = || {
        Layer::new()
            .file("etc/os-release", OS)
            .file("usr/share/snappy/dpkg.yaml", "packages:\n- a=1\n")
    };
    let alone = image(&[snap().facts()]);
    assert_eq!(kinds(&alone), [(GapKind::RecordUnreadable, true)]);
    let both = image(&[snap().file(STATUS, status(&["a"])).facts()]);
    assert_eq!(both.gaps, []);
}
