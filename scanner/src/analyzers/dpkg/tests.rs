//! Databases as dpkg writes them, and as someone who hides packages would.

use super::*;
use crate::analyzers::tests::analyze;

fn names(text: &str) -> (Vec<String>, usize) {
    let found = analyze(&Dpkg, STATUS, text.as_bytes());
    let names = found.packages.into_iter().map(|found| found.package.name);
    (names.collect(), found.gaps.len())
}

#[test]
fn every_state_with_files_on_disk_counts() {
    let table = [
        ("install ok installed", 1),
        ("hold ok installed", 1),
        ("deinstall ok installed", 1),
        ("install ok unpacked", 1),
        ("install ok half-configured", 1),
        ("install reinstreq half-installed", 1),
        ("install ok triggers-awaited", 1),
        ("install ok triggers-pending", 1),
        ("deinstall ok config-files", 0),
        ("purge ok not-installed", 0),
    ];
    for (status, present) in table {
        let text = format!("Package: a\nStatus: {status}\nVersion: 1\n");
        let (packages, gaps) = names(&text);
        assert_eq!((packages.len(), gaps), (present, 0), "{status}");
    }
}

#[test]
fn reads_source_name_and_version() {
    let table = [
        ("", None),
        ("Source: a\n", None),
        ("Source: src\n", Some(("src", "1:2-3+b1"))),
        ("Source: src (1:2-3)\n", Some(("src", "1:2-3"))),
        ("Source: a (1:2-3)\n", Some(("a", "1:2-3"))),
    ];
    for (line, wanted) in table {
        let text = format!(
            "Package: a\nStatus: install ok installed\n{line}Version: 1:2-3+b1\nArchitecture: amd64\n"
        );
        let found = analyze(&Dpkg, STATUS, text.as_bytes());
        let package = &found.packages[0].package;
        let source = package.source.as_ref();
        let got = source.map(|source| (source.name.as_str(), source.version.as_str()));
        assert_eq!(got, wanted, "{line}");
        assert_eq!(package.architecture.as_deref(), Some("amd64"));
    }
}

#[test]
fn a_bad_stanza_hides_neither_itself_nor_the_others() {
    let good = "Package: good\nStatus: install ok installed\nVersion: 1\n";
    let table = [
        "Package: bad\nStatus: install ok installed\nVersion: 1\nVersion: 2\n",
        " continued\nPackage: bad\nStatus: install ok installed\nVersion: 1\n",
        "Package: bad\nStatus: install ok gone\nVersion: 1\n",
        "Package: bad\nVersion: 1\n",
        "Package: bad\nStatus: deinstall ok config-files\nStatus: install ok installed\nVersion: 1\n",
        "Package: bad\nno field\nStatus: install ok installed\nVersion: 1\n",
    ];
    for bad in table {
        let (packages, gaps) = names(&format!("{good}\n{bad}\n{good}"));
        assert_eq!(packages, ["good", "bad", "good"], "{bad}");
        assert_eq!(gaps, 1, "{bad}");
    }
}

#[test]
fn a_stanza_without_a_version_is_a_gap() {
    let (packages, gaps) = names("Package: a\nStatus: install ok installed\n");
    assert_eq!((packages.len(), gaps), (0, 1));
}

#[test]
fn a_line_of_a_mebibyte_hides_nothing() {
    let long = "x".repeat(1024 * 1024);
    let stanza = |name| {
        format!(
            "Package: {name}\nDescription: {long}\nStatus: install ok installed\nVersion: 1\n\n"
        )
    };
    let (packages, gaps) = names(&format!("{}{}", stanza("a"), stanza("b")));
    assert_eq!((packages.len(), gaps), (2, 0));
}

#[test]
fn status_dir_needs_no_status() {
    let text = b"Package: base-files\nVersion: 12.4\nArchitecture: amd64\n";
    let found = analyze(&Dpkg, "var/lib/dpkg/status.d/base", text);
    assert_eq!((found.packages.len(), found.gaps.len()), (1, 0));
    let sums = analyze(&Dpkg, "var/lib/dpkg/status.d/base.md5sums", b"abc  usr/x\n");
    assert!(sums.is_empty());
}
