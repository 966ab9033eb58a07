//! Maven's names have groups: artifacts that moved to another, and those whose group is not known.

use super::*;

fn maven(name: &str, version: &str) -> Component {
    component(PackageType::Maven, "Maven", name, version)
}

#[test]
fn a_predecessor_is_matched_as_its_successor_too() {
    let (_home, feeds) = feeds(&[record("GHSA-1", "Maven", "org.dom4j:dom4j", "2.0.3")]);
    let report = judge(
        &inventory(vec![maven("dom4j:dom4j", "1.6.1")]),
        &feeds,
        now(),
    );
    assert_eq!(shown(&report), [("GHSA-1", "dom4j:dom4j")]);
    assert_eq!(report.findings[0].status, FindingStatus::Affected);
    let other = judge(&inventory(vec![maven("x:dom4j", "1.6.1")]), &feeds, now());
    assert_eq!(shown(&other), []);
}

#[test]
fn a_name_alone_is_unknown_where_the_feed_knows_one_group_of_it() {
    let (_home, feeds) = feeds(&[
        record(
            "GHSA-1",
            "Maven",
            "io.springfox:springfox-swagger-ui",
            "2.10.0",
        ),
        record("GHSA-2", "Maven", "org.a:core", "2"),
        record("GHSA-3", "Maven", "org.b:core", "2"),
    ]);
    assert_eq!(feeds.packages(), 3);
    let report = judge(
        &inventory(vec![
            maven("springfox-swagger-ui", "2.9.2"),
            maven("io.springfox:springfox-swagger-ui", "2.9.2"),
            maven("springfox-swagger-ui", "2.10.0"),
            maven("core", "1"),
            maven("nothing", "1"),
        ]),
        &feeds,
        now(),
    );
    let name = "io.springfox:springfox-swagger-ui";
    assert_eq!(shown(&report), [("GHSA-1", name), ("GHSA-1", name)]);
    let mut statuses: Vec<_> = report.findings.iter().map(|it| it.status).collect();
    statuses.sort_by_key(|status| *status == FindingStatus::Unknown);
    assert_eq!(statuses, [FindingStatus::Affected, FindingStatus::Unknown]);
    let unknown = report.findings.iter().filter(|it| it.detail.is_some());
    assert_eq!(unknown.count(), 1);
    assert_eq!(report.coverage.gaps, []);
}
