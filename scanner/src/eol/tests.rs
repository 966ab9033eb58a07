//! The table itself, and what it makes of distributions.

use std::collections::{BTreeMap, BTreeSet};

use sluicegate_model::Digest;
use sluicegate_model::inventory::BuiltLayer;
use sluicegate_model::package::Ecosystem;

use super::table::DISTRIBUTIONS;
use super::*;

fn image(id: &str, version: &str, ecosystem: Option<&str>) -> Inventory {
    Inventory {
        distro: Some(Distro {
            id: id.to_owned(),
            version: version.to_owned(),
            ecosystem: ecosystem.map(Ecosystem::new),
        }),
        layers: vec![BuiltLayer {
            digest: Digest::of(b"base"),
            created_by: None,
            origin: None,
        }],
        ..Inventory::default()
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn asked(id: &str, version: &str, ecosystem: Option<&str>, now: &str) -> SupportStanding {
    let image = image(id, version, ecosystem);
    standing(&image, SupportTable::compiled(), at(now))
}

#[test]
fn says_when_the_last_open_support_ended_and_what_is_left() {
    let debian = asked("debian", "10.13", None, "2026-06-01T00:00:00Z");
    let finding = debian.finding.unwrap();
    assert_eq!(finding.id, "EOL-debian-10");
    assert_eq!(finding.kind, FindingKind::Eol);
    assert_eq!(finding.status, FindingStatus::Affected);
    assert_eq!(finding.severity, Severity::Unknown);
    assert_eq!(finding.package.purl, "pkg:generic/debian@10.13");
    assert_eq!(
        finding.detail.as_deref(),
        Some(
            "Debian 10 is no longer mended: support ended on 2022-09-10, long-term support (LTS) \
             on 2024-06-30; extended support (ELTS) until 2029-06-30"
        )
    );
    assert_eq!(debian.ends, None);
}

#[test]
fn ends_support_with_the_last_day_and_announces_it() {
    let last_day = asked(
        "alpine",
        "3.20.3",
        Some("Alpine:v3.20"),
        "2026-04-01T23:59:59Z",
    );
    assert_eq!(last_day.finding, None);
    assert_eq!(last_day.ends, Some(at("2026-04-02T00:00:00Z")));
    let next_day = asked(
        "alpine",
        "3.20.3",
        Some("Alpine:v3.20"),
        "2026-04-02T00:00:00Z",
    );
    assert!(next_day.finding.is_some());
}

/// `ID`, `VERSION_ID`, ecosystem, and the finding's id with its status.
type Row = (
    &'static str,
    &'static str,
    Option<&'static str>,
    Option<(&'static str, FindingStatus)>,
);

const ENDED: FindingStatus = FindingStatus::Affected;
const UNKNOWN: FindingStatus = FindingStatus::Unknown;

const TABLE: &[Row] = &[
    ("debian", "12", Some("Debian:12"), None),
    ("debian", "", Some("Debian:sid"), None),
    ("debian", "", Some("Debian:14"), None),
    (
        "debian",
        "99",
        Some("Debian:99"),
        Some(("EOL-debian-99", UNKNOWN)),
    ),
    ("ubuntu", "20.04", None, Some(("EOL-ubuntu-20.04", ENDED))),
    ("ubuntu", "24.04", None, None),
    (
        "alpine",
        "3.4.0",
        Some("Alpine:v3.4"),
        Some(("EOL-alpine-3.4", ENDED)),
    ),
    ("alpine", "3.22.0_alpha20250108", Some("Alpine:edge"), None),
    ("alpine", "3.20.3", Some("Alpine:v3.22"), None),
    (
        "alpine",
        "3.99.0",
        Some("Alpine:v3.99"),
        Some(("EOL-alpine-3.99", UNKNOWN)),
    ),
    ("rhel", "7.9", None, Some(("EOL-rhel-7", ENDED))),
    ("rhel", "9.4", None, None),
    ("centos", "8", None, Some(("EOL-centos-8", ENDED))),
    ("sles", "15.3", None, Some(("EOL-sles-15.3", ENDED))),
    ("sles", "15.7", None, None),
    ("amzn", "2018.03", None, Some(("EOL-amzn-2018.03", ENDED))),
    ("amzn", "2", None, Some(("EOL-amzn-2", ENDED))),
    ("mariner", "2.0", None, Some(("EOL-mariner-2", ENDED))),
    (
        "openeuler",
        "24.03",
        Some("openEuler:24.03-LTS-SP2"),
        Some(("EOL-openeuler-24.03-LTS-SP2", ENDED)),
    ),
    ("openeuler", "24.03", Some("openEuler:24.03-LTS-SP3"), None),
    (
        "fedora",
        "\u{1b}[1m<b>",
        None,
        Some(("EOL-fedora-1mb", UNKNOWN)),
    ),
    ("wolfi", "20230201", Some("Wolfi"), None),
    (
        "opensuse-tumbleweed",
        "20260801",
        Some("openSUSE:Tumbleweed"),
        None,
    ),
    ("arch", "", None, None),
    ("nobody", "1", None, None),
];

#[test]
fn tells_ended_from_rolling_and_from_unknown() {
    for (id, version, ecosystem, wanted) in TABLE {
        let finding = asked(id, version, *ecosystem, "2026-11-25T00:00:00Z").finding;
        let shown = finding
            .as_ref()
            .map(|found| (found.id.as_str(), found.status));
        assert_eq!(shown, *wanted, "{id} {version}");
    }
    let nothing = Inventory::default();
    assert_eq!(
        standing(
            &nothing,
            SupportTable::compiled(),
            at("2026-11-25T00:00:00Z")
        )
        .finding,
        None
    );
}

#[test]
fn every_row_is_named_once_and_its_ends_follow_each_other() {
    let mut ids = BTreeSet::new();
    for releases in DISTRIBUTIONS {
        for id in releases.ids {
            assert!(ids.insert(*id), "{id} is there twice");
        }
        let mut names = BTreeSet::new();
        for row in releases.rows {
            let place = format!("{} {}", releases.name, row.name);
            assert!(names.insert(row.name), "{place} is there twice");
            assert!(row.standard <= row.ends(), "{place}");
            assert!(
                row.extended.is_none_or(|(_, ends)| row.ends() < ends),
                "{place}"
            );
        }
    }
}

/// Where Debian's own table is installed, ours says the same of Debian and Ubuntu.
#[test]
fn agrees_with_the_data_that_debian_keeps() {
    for (id, columns) in [
        ("debian", ["eol", "eol-lts", "eol-elts"]),
        ("ubuntu", ["eol", "", "eol-esm"]),
    ] {
        let Ok(text) = std::fs::read_to_string(format!("/usr/share/distro-info/{id}.csv")) else {
            continue;
        };
        let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let head = lines.next().unwrap();
        let at = |name| head.iter().position(|column| *column == name);
        let written: BTreeMap<String, [Option<String>; 3]> = lines
            .map(|line| {
                let dates = columns.map(|name| {
                    let date = line.get(at(name)?)?;
                    (!date.is_empty()).then(|| (*date).to_owned())
                });
                (line[0].trim_end_matches(" LTS").to_owned(), dates)
            })
            .collect();
        let ours = DISTRIBUTIONS
            .iter()
            .find(|releases| releases.ids.contains(&id));
        for row in ours.unwrap().rows {
            // An older package does not know the newest releases.
            let Some(dates) = written.get(row.name) else {
                continue;
            };
            let of = |support: Option<(&str, Date)>| support.map(|(_, ends)| ends.to_string());
            let shown = [
                Some(row.standard.to_string()),
                of(row.open),
                of(row.extended),
            ];
            assert_eq!(&shown, dates, "{id} {}", row.name);
        }
    }
}

fn read(text: &str) -> Result<SupportTable, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    SupportTable::read(file.path()).map_err(|error| error.to_string())
}

#[test]
fn a_fed_table_says_what_it_says_and_nothing_of_others() {
    let table = read(
        r#"{"format": 1, "of": "2027-03-01", "distributions": [
            {"ids": ["debian"], "name": "Debian", "naming": {"parts": 1}, "releases": [
                {"name": "12", "until": "2026-07-11", "open": {"name": "LTS", "until": "2027-01-31"}},
                {"name": "14", "until": "2031-01-01"}]},
            {"ids": ["arch"], "name": "Arch", "naming": "rolling"}]}"#,
    )
    .unwrap();
    assert_eq!(
        (table.of().to_string(), table.releases()),
        ("2027-03-01".to_owned(), 2)
    );
    assert!(table.content().is_some() && SupportTable::compiled().content().is_none());
    let now = at("2027-04-01T00:00:00Z");
    let asked = |id, version| standing(&image(id, version, None), &table, now);
    let ended = asked("debian", "12.4").finding.unwrap();
    assert_eq!(ended.source, "support table of 2027-03-01");
    assert!(ended.detail.unwrap().contains("(LTS) on 2027-01-31"));
    assert!(asked("debian", "14").ends.is_some());
    let unknown = asked("debian", "13").finding.unwrap();
    assert_eq!(unknown.status, FindingStatus::Unknown);
    assert!(asked("alpine", "3.20").finding.is_none());
    assert!(asked("arch", "").finding.is_none());
}

#[test]
fn what_is_no_table_is_told() {
    let with = |distributions: &str| {
        format!(r#"{{"format": 1, "of": "2027-03-01", "distributions": [{distributions}]}}"#)
    };
    let row = r#"{"name": "1", "until": "2030-01-01"}"#;
    let of = |ids: &str, rows: &str| {
        format!(r#"{{"ids": [{ids}], "name": "X", "naming": "suffix", "releases": [{rows}]}}"#)
    };
    for (text, wanted) in [
        ("no JSON".to_owned(), "expected"),
        (with(""), "no distribution"),
        (with(&of("", row)), "no distribution"),
        (with(&of(r#""x", "x""#, row)), "\"x\" is there twice"),
        (
            with(&of(r#""x""#, &format!("{row}, {row}"))),
            "release \"1\" of \"X\" is there twice",
        ),
        (with(&of(r#""""#, row)), "is no name"),
        (
            with(&of(r#""x""#, r#"{"name": "1", "until": "soon"}"#)),
            "is no table",
        ),
        (
            with(&of(
                r#""x""#,
                r#"{"name": "1", "until": "2030-01-01", "more": 1}"#,
            )),
            "more",
        ),
        (
            r#"{"format": 2, "of": "2027-03-01", "distributions": []}"#.to_owned(),
            "format is 2",
        ),
        (" ".repeat(2_000_000), "more than 1048576 bytes"),
    ] {
        let error = read(&text).unwrap_err();
        assert!(error.contains(wanted), "{error}");
    }
}
