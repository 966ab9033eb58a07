//! A log that version 0.1 began: read, verified and gone on with.

use sluicegate_model::verdict::RuleId;

use super::*;

/// Lines as 0.1.0 wrote them, the hashes its own.
const EARLIER: &str = include_str!("earlier.jsonl");

fn earlier_log() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join(Decisions::FILE), EARLIER).unwrap();
    directory
}

#[tokio::test]
async fn earlier_lines_are_listed_verified_and_followed() {
    let directory = earlier_log();
    let (log, report) = DecisionLog::open(directory.path()).unwrap();
    assert_eq!((report.last_seq, report.torn), (3, None));
    assert_eq!(log.append(entry(4)).await.unwrap(), 4);
    let report = verify(directory.path()).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(report.lines, 4);

    let [allowed, refused, pending, new] = &lines(directory.path())[..] else {
        panic!("four lines");
    };
    assert_eq!(allowed.kind, LineKind::Pull);
    assert_eq!(allowed.asked, allowed.served);
    assert_eq!(allowed.repository.as_deref(), Some("up.test/shop/clean"));
    assert_eq!((allowed.count, refused.count), (1, 7));
    assert_eq!(
        (refused.tag.as_deref(), &refused.served),
        (Some("1"), &None)
    );
    assert_eq!(refused.reasons[0].rule.as_str(), "known-exploited");
    assert_eq!(refused.policy.as_deref(), Some("default"));
    assert_eq!(pending.reasons[0].rule, RuleId::VERDICT_PENDING);
    assert_eq!(pending.tag, None);
    assert_eq!(new.prev, pending.hash.clone().unwrap());
}

#[tokio::test]
async fn filters_find_earlier_lines_too() {
    let directory = earlier_log();
    let newest = |filter: &DecisionFilter| {
        let page = PageOf {
            order: Order::Newest,
            after: None,
            limit: 10,
        };
        let page = read(directory.path(), filter, page).unwrap();
        page.items.iter().map(|line| line.seq).collect::<Vec<_>>()
    };
    let all = DecisionFilter::default;
    for (filter, wanted) in [
        (
            DecisionFilter {
                kind: Some(LineKind::Pull),
                ..all()
            },
            vec![3, 2, 1],
        ),
        (
            DecisionFilter {
                kind: Some(LineKind::Count),
                ..all()
            },
            vec![],
        ),
        (
            DecisionFilter {
                rule: Some("known-exploited".to_owned().into()),
                ..all()
            },
            vec![2],
        ),
        (
            DecisionFilter {
                decision: Some(Decision::Refuse),
                ..all()
            },
            vec![2],
        ),
        (
            DecisionFilter {
                digests: vec![Digest::of(b"refused")],
                ..all()
            },
            vec![2],
        ),
        (
            DecisionFilter {
                client: Some("192.0.2.7".into()),
                ..all()
            },
            vec![3],
        ),
    ] {
        assert_eq!(newest(&filter), wanted, "{filter:?}");
    }
}

#[test]
fn a_change_of_an_earlier_line_is_found() {
    let directory = earlier_log();
    edit(directory.path(), |bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        *bytes = text
            .replace("\"decision\":\"refuse\"", "\"decision\":\"allow\"")
            .into_bytes();
    });
    assert!(!verify(directory.path()).unwrap().is_sound());
}
