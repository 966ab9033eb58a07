//! Images with more findings than are listed: copies, versions, records, and what stays of them.

use super::*;

/// Components of one package and version, each in a place of its own.
fn copies(name: &str, version: &str, count: usize) -> Vec<Component> {
    let at = |number: usize| Component {
        path: format!("srv/{number:06}/{name}"),
        ..python(name, version)
    };
    (0..count).map(at).collect()
}

fn records(count: usize, name: &str) -> Vec<Value> {
    let id = |number: usize| format!("CVE-2026-{}", number + 10_000);
    let of = |number| record(&id(number), "PyPI", name, "2");
    (0..count).map(of).collect()
}

fn rated(record: Value, vector: &str) -> Value {
    let score = json!([{"type": "CVSS_V3", "score": vector}]);
    with(record, "severity", score)
}

fn gap(report: &Report) -> Option<&Gap> {
    let mut gaps = report.coverage.gaps.iter();
    gaps.find(|gap| gap.kind == GapKind::Budget)
}

#[test]
fn as_many_as_are_listed_are_listed_one_by_one() {
    let (_home, feeds) = feeds(&records(2, "a"));
    let report = judge(&inventory(copies("a", "1", 10_000)), &feeds, now());
    assert_eq!(report.findings.len(), 20_000);
    assert!(report.findings.iter().all(|finding| finding.copies == 1));
    assert!(
        report
            .findings
            .iter()
            .all(|finding| finding.paths.is_empty())
    );
    assert_eq!(gap(&report), None);
}

#[test]
fn more_are_grouped_by_package_and_version_with_the_first_ten_paths() {
    let (_home, feeds) = feeds(&records(2, "a"));
    let mut components = copies("a", "1", 10_000);
    components.extend(copies("a", "1.5", 1));
    let report = judge(&inventory(components), &feeds, now());
    let shown: Vec<_> = report
        .findings
        .iter()
        .map(|finding| (&*finding.id, &*finding.package.version, finding.copies))
        .collect();
    let wanted = [
        ("CVE-2026-10000", "1", 10_000),
        ("CVE-2026-10000", "1.5", 1),
        ("CVE-2026-10001", "1", 10_000),
        ("CVE-2026-10001", "1.5", 1),
    ];
    assert_eq!(shown, wanted);
    let first = report.findings.first().unwrap();
    let paths: Vec<_> = (0..10).map(|number| format!("srv/{number:06}/a")).collect();
    assert_eq!(first.paths, paths);
    assert_eq!(first.package.path, "srv/000000/a");
    assert!(!first.names_every_place());
    assert_eq!(gap(&report), None, "everything is listed");
    assert_eq!(report.packages, 10_001);
}

#[test]
fn of_too_many_groups_the_worst_are_listed_and_the_rest_is_a_fatal_gap() {
    const CRITICAL: &str = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
    const LOW: &str = "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N";
    let mut all: Vec<Value> = records(3, "a")
        .into_iter()
        .map(|record| rated(record, LOW))
        .collect();
    all.push(rated(record("CVE-2026-90001", "PyPI", "a", "2"), CRITICAL));
    all.push(record("CVE-2021-44228", "PyPI", "z", "2"));
    all.push(record("MAL-2026-1", "PyPI", "y", "2"));
    let (_home, feeds) = feeds(&all);
    let version = |number: usize| python("a", &format!("1.{number}"));
    let mut components: Vec<_> = (0..15_000).map(version).collect();
    components.extend([python("y", "1"), python("z", "1")]);
    let report = judge(&inventory(components), &feeds, now());
    assert_eq!(report.findings.len(), 20_000);
    let of = |id: &str| report.findings.iter().filter(|f| f.id == id).count();
    assert_eq!((of("CVE-2021-44228"), of("MAL-2026-1")), (1, 1));
    assert_eq!(of("CVE-2026-90001"), 15_000);
    assert_eq!(of("CVE-2026-10002"), 0);
    let gap = gap(&report).expect("the rest is a gap");
    assert!(gap.fatal);
    assert!(gap.detail.contains("40002 are not"), "{}", gap.detail);
    assert_eq!(report.coverage.status, CoverageStatus::Unscannable);
}

#[test]
fn one_package_of_very_many_records_is_bounded_as_well() {
    let (_home, feeds) = feeds(&records(60_000, "a"));
    let report = judge(&inventory(copies("a", "1", 2)), &feeds, now());
    assert_eq!(report.findings.len(), 20_000);
    assert!(report.findings.iter().all(|finding| finding.copies == 2));
    assert!(gap(&report).is_some_and(|gap| gap.fatal));
}

#[test]
fn long_texts_count_by_their_bytes() {
    let aliases: Vec<_> = (0..2_000).map(|n| format!("{n:0>90}")).collect();
    let long = with(record("A-1", "PyPI", "a", "2"), "aliases", json!(aliases));
    let (_home, feeds) = feeds(&[long]);
    let report = judge(&inventory(copies("a", "1", 10_000)), &feeds, now());
    assert_eq!(report.findings.len(), 1);
    let named = |number: usize| python("a", &format!("1.{number}"));
    let report = judge(&inventory((0..500).map(named).collect()), &feeds, now());
    let listed = report.findings.len();
    assert!((10..200).contains(&listed), "{listed}");
    assert!(gap(&report).is_some());
}

#[test]
fn faults_of_very_many_places_are_some_and_a_number() {
    let mut rangeless = record("CVE-2026-1", "PyPI", "a", "2");
    rangeless["affected"][0]["ranges"] = json!([]);
    let (_home, feeds) = feeds(&[rangeless]);
    let report = judge(&inventory(copies("a", "1", 50_000)), &feeds, now());
    let gaps = &report.coverage.gaps;
    assert_eq!(gaps.len(), 1_001);
    let told = gaps
        .iter()
        .any(|gap| gap.detail.starts_with("and 49000 more"));
    assert!(told, "{:?}", gaps.last());
    assert_eq!(report.findings.len(), 1);
}

#[test]
fn the_same_weakness_under_very_many_names_is_joined_and_mended_in_time() {
    let chained = |number: usize| {
        let names = json!([
            format!("N-{:05}", 60_000 - number),
            format!("N-{:05}", 59_999 - number)
        ]);
        let fixed = format!("2.{number}");
        with(
            record(&format!("R-{number:05}"), "PyPI", "a", &fixed),
            "aliases",
            names,
        )
    };
    let (_home, feeds) = feeds(&(0..20_000).map(chained).collect::<Vec<_>>());
    let report = judge(&inventory(vec![python("a", "1")]), &feeds, now());
    assert_eq!(report.findings.len(), 1);
    let fixed = report
        .findings
        .first()
        .and_then(|found| found.fixed.clone());
    assert_eq!(fixed.as_deref(), Some("2.19999"));
}

#[test]
fn what_judging_takes_is_told_beforehand() {
    let (_home, feeds) = feeds(&records(5_000, "a"));
    let of = |components| judging_bytes(&inventory(components), &feeds, &KnownPackages::default());
    let (one, many) = (of(copies("a", "1", 1)), of(copies("a", "1", 1_000)));
    let unknown = of(copies("b", "1", 1_000));
    assert!(one > 5_000 * 1_000, "{one}");
    assert!(many > one && many < 200_000_000, "{many}");
    assert!(unknown < 3_000_000, "{unknown}");
}

#[test]
fn what_judging_takes_is_told_by_what_was_found_before() {
    let (_home, feeds) = feeds(&records(5_000, "a"));
    let known = KnownPackages::default();
    // Every record is fixed in this version.
    let mended = inventory(copies("a", "9", 1));
    let first = judging_bytes(&mended, &feeds, &known);
    let report = judge_knowing(&mended, &feeds, &known, now());
    assert_eq!(report.findings.len(), 0);
    let again = judging_bytes(&mended, &feeds, &known);
    // What is compared stays in it.
    assert!(again > 1_000_000 && again * 2 < first, "{again} {first}");
    let affected = inventory(copies("a", "1", 1));
    assert!(judging_bytes(&affected, &feeds, &known) >= first);
    let found = judge_knowing(&affected, &feeds, &known, now())
        .findings
        .len();
    let bytes = judging_bytes(&affected, &feeds, &known);
    assert!(found == 5_000 && bytes > 5_000 * 1_000, "{found} {bytes}");
}
