//! Every filter of the list of verdicts, whole and in short.

use super::*;

#[tokio::test]
async fn every_filter_selects_exactly_its_verdicts() {
    let (_directory, records) = records();
    let [clean, small, large] = three(&records).await;
    let many = &large.findings[7];
    let cases = [
        (only(|_| {}), vec![&large, &small, &clean]),
        (
            only(|f| f.repository = Some(repository("a"))),
            vec![&small, &clean],
        ),
        (
            only(|f| f.digest = Some(large.digest.clone())),
            vec![&large],
        ),
        (only(|f| f.decision = Some(Decision::Allow)), vec![&clean]),
        (
            only(|f| f.vulnerability = Some("cve-1".into())),
            vec![&small],
        ),
        (
            only(|f| f.vulnerability = Some("GHSA-CVE-1".into())),
            vec![&small],
        ),
        (
            only(|f| f.vulnerability = Some(many.id.clone())),
            vec![&large],
        ),
        (only(|f| f.vulnerability = Some("openssl".into())), vec![]),
        (only(|f| f.package = Some("OpenSSL".into())), vec![&small]),
        (
            only(|f| f.package = Some(many.package.name.clone())),
            vec![&large],
        ),
        (
            only(|f| {
                f.vulnerability = Some("CVE-1".into());
                f.package = Some("OPENSSL".into());
                f.digest = Some(small.digest.clone());
            }),
            vec![&small],
        ),
        (
            only(|f| {
                f.vulnerability = Some("CVE-1".into());
                f.digest = Some(large.digest.clone());
            }),
            vec![],
        ),
        (only(|f| f.since = Some(second(2))), vec![&large, &small]),
        (only(|f| f.until = Some(second(2))), vec![&clean]),
        (
            only(|f| (f.since, f.until) = (Some(second(2)), Some(second(3)))),
            vec![&small],
        ),
    ];
    for (filter, expected) in cases {
        assert_listed(&records, &filter, expected).await;
    }
}

/// Writes a verdict without findings, one with a finding and one with many.
async fn three(records: &Records) -> [Verdict; 3] {
    let all = [
        verdict("a", "clean", 1, Vec::new()),
        verdict("a", "small", 2, vec![finding("CVE-1", "openssl")]),
        verdict("b", "large", 3, many_findings()),
    ];
    for verdict in &all {
        records.put_verdict(verdict).await.unwrap();
    }
    all
}

/// Takes a filter for one that selects these verdicts, whole and in short.
async fn assert_listed(records: &Records, filter: &VerdictFilter, expected: Vec<&Verdict>) {
    let page = records.list_verdicts(filter, 9, None).await.unwrap();
    let found: Vec<&Verdict> = page.items.iter().collect();
    assert_eq!(found, expected, "{filter:?}");
    assert_eq!(page.next, None);
    let short = records.list_summaries(filter, 9, None).await.unwrap();
    let expected: Vec<Summary> = expected.into_iter().map(Summary::of).collect();
    assert_eq!(short.items, expected, "{filter:?}");
}
