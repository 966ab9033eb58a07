//! What counts as one pull, what is counted, and what a client cannot do to the log.

use jiff::SignedDuration;
use sluicegate_engine::audit::RefusedName;
use sluicegate_model::verdict::{PolicyReference, Reason, RuleId};
use sluicegate_policy::NameRefusal;

use super::LineKind::{Count, Denied, Pull as Pulled};
use super::*;
use crate::durable::Disk;

fn tagged(method: PullMethod, tag: &str, image: &str) -> Pull {
    Pull {
        tag: Some(tag.parse().unwrap()),
        ..pull(method, image)
    }
}

fn by_agent(agent: &str, pull: Pull) -> Pull {
    let user_agent = Some(agent.to_owned());
    Pull {
        who: Who {
            user_agent,
            ..pull.who
        },
        ..pull
    }
}

fn index(tag: Option<&str>, image: &str, lists: &[&str]) -> Pull {
    Pull {
        tag: tag.map(|tag| tag.parse().unwrap()),
        leads_to: lists
            .iter()
            .map(|name| Digest::of(name.as_bytes()))
            .collect(),
        ..get(image)
    }
}

fn denial(client: &str, path: &str) -> Denial {
    Denial {
        who: from(client),
        registry: "gcr.io".to_owned(),
        path: path.to_owned(),
        tag: Some("1".parse().unwrap()),
        digest: None,
    }
}

#[tokio::test]
async fn the_first_request_is_a_line_at_once_be_it_a_head() {
    for first in [get("a"), head("a")] {
        let (directory, log) = open_log();
        let pulls = PullLog::new(log);
        pulls.record(first, at(0)).await.unwrap();
        assert_eq!(told(directory.path()), [(Pulled, 1)]);
    }
}

#[tokio::test]
async fn what_follows_is_counted_in_a_line_of_its_own_when_the_window_ends() {
    let (directory, log) = open_log();
    let pulls = PullLog::new(log);
    for second in [0, 1, 2, 599] {
        pulls.record(get("a"), at(second)).await.unwrap();
        pulls.settle(at(second)).await.unwrap();
        assert_eq!(told(directory.path()), [(Pulled, 1)]);
    }
    pulls.settle(at(600)).await.unwrap();
    assert_eq!(told(directory.path()), [(Pulled, 1), (Count, 3)]);
    pulls.settle(at(2_000)).await.unwrap();
    pulls.record(get("a"), at(2_001)).await.unwrap();
    pulls.drain(at(2_002)).await.unwrap();
    assert_eq!(
        told(directory.path()),
        [(Pulled, 1), (Count, 3), (Pulled, 1)]
    );
    let [first, count, _] = &lines(directory.path())[..] else {
        panic!("three lines");
    };
    let of = |line: &DecisionLine| {
        (
            line.client.clone(),
            line.repository.clone(),
            line.asked.clone(),
        )
    };
    assert_eq!(of(first), of(count));
    assert_eq!(first.reasons[0].rule, count.reasons[0].rule);
    assert_eq!(first.policies, count.policies);
}

#[tokio::test]
async fn the_end_of_the_service_loses_no_count() {
    let (directory, log) = open_log();
    let pulls = PullLog::new(log);
    for second in 0..5 {
        pulls.record(get("a"), at(second)).await.unwrap();
        pulls.record(get("b"), at(second)).await.unwrap();
    }
    pulls.drain(at(5)).await.unwrap();
    let all: u64 = told(directory.path()).iter().map(|(_, count)| count).sum();
    assert_eq!(all, 10);
    assert_eq!(lines(directory.path()).len(), 4);
    pulls.drain(at(6)).await.unwrap();
    assert_eq!(lines(directory.path()).len(), 4, "nothing twice");
}

#[tokio::test]
async fn another_client_agent_principal_repository_tag_or_digest_is_another_pull() {
    let (directory, log) = open_log();
    let pulls = PullLog::new(log);
    let first = by_agent("x/1", tagged(PullMethod::Get, "1", "a"));
    let others = [
        first.clone(),
        Pull {
            who: Who {
                client: "192.0.2.2".parse().unwrap(),
                ..first.who.clone()
            },
            ..first.clone()
        },
        by_agent("y/1", first.clone()),
        Pull {
            who: from("192.0.2.1"),
            ..first.clone()
        },
        Pull {
            who: Who {
                principal: Some(Principal::Key("ci".into())),
                ..first.who.clone()
            },
            ..first.clone()
        },
        Pull {
            repository: "up.test/other".parse().unwrap(),
            ..first.clone()
        },
        Pull {
            tag: Some("2".parse().unwrap()),
            ..first.clone()
        },
        Pull {
            digest: Digest::of(b"moved"),
            ..first.clone()
        },
        refused(first),
    ];
    let many = others.len();
    for other in others {
        pulls.record(other, at(1)).await.unwrap();
    }
    assert_eq!(told(directory.path()), vec![(Pulled, 1); many]);
}

#[tokio::test]
async fn a_digest_belongs_to_the_tag_that_led_there() {
    let (directory, log) = open_log();
    let pulls = PullLog::new(log);
    // As containerd pulls: the tag by HEAD, then the index, its child, and what that lists.
    let tag = Pull {
        method: PullMethod::Head,
        ..index(Some("1"), "index", &["amd64", "nest"])
    };
    pulls.record(tag.clone(), at(0)).await.unwrap();
    pulls
        .record(index(None, "index", &["amd64", "nest"]), at(1))
        .await
        .unwrap();
    pulls.record(get("amd64"), at(2)).await.unwrap();
    pulls
        .record(index(None, "nest", &["deep"]), at(3))
        .await
        .unwrap();
    pulls.record(get("deep"), at(4)).await.unwrap();
    assert_eq!(told(directory.path()), [(Pulled, 1)]);
    // The same node pulls again, in as many steps: that is one pull more.
    pulls.record(tag, at(10)).await.unwrap();
    pulls
        .record(index(None, "index", &["amd64", "nest"]), at(11))
        .await
        .unwrap();
    pulls.record(get("amd64"), at(12)).await.unwrap();
    pulls.drain(at(13)).await.unwrap();
    assert_eq!(told(directory.path()), [(Pulled, 1), (Count, 1)]);
}

#[tokio::test]
async fn what_nobody_was_led_to_is_a_pull_of_its_own() {
    let (directory, log) = open_log();
    let pulls = PullLog::new(log);
    pulls
        .record(index(Some("1"), "index", &["child"]), at(0))
        .await
        .unwrap();
    let strangers = [
        get("elsewhere"),
        by_agent("other/1", get("child")),
        Pull {
            who: from("192.0.2.2"),
            ..get("child")
        },
        Pull {
            repository: "up.test/other".parse().unwrap(),
            ..get("child")
        },
        // Another decision is never hidden in a line that says otherwise.
        refused(get("child")),
    ];
    for stranger in strangers {
        pulls.record(stranger, at(1)).await.unwrap();
    }
    assert_eq!(told(directory.path()), [(Pulled, 1); 6]);
    pulls.record(get("child"), at(599)).await.unwrap();
    assert_eq!(lines(directory.path()).len(), 6);
    pulls.record(get("child"), at(600)).await.unwrap();
    assert_eq!(
        lines(directory.path()).len(),
        7,
        "too late to belong to the tag"
    );
}

#[tokio::test]
async fn a_digest_belongs_to_the_last_request_of_its_tag_not_to_the_first() {
    let (directory, log) = open_log();
    let pulls = PullLog::new(log);
    pulls
        .record(index(Some("1"), "index", &["child"]), at(0))
        .await
        .unwrap();
    pulls
        .record(index(Some("1"), "index", &["child"]), at(590))
        .await
        .unwrap();
    pulls.settle(at(601)).await.unwrap();
    pulls.record(get("child"), at(610)).await.unwrap();
    pulls.settle(at(5_000)).await.unwrap();
    assert_eq!(told(directory.path()), [(Pulled, 1), (Count, 1)]);
}

#[tokio::test]
async fn blobs_that_are_refused_for_an_image_are_steps_of_its_pull() {
    let (directory, log) = open_log();
    let pulls = PullLog::new(log);
    let pending = Pull {
        rests_on: None,
        ..tagged(PullMethod::Get, "1", "a")
    };
    pulls.record(pending, at(0)).await.unwrap();
    for second in 1..5 {
        let blob = refused(pull(PullMethod::Blob, "a"));
        pulls.record(blob, at(second)).await.unwrap();
    }
    pulls.drain(at(6)).await.unwrap();
    assert_eq!(told(directory.path()), [(Pulled, 1), (Pulled, 1)]);
    let decisions: Vec<_> = lines(directory.path())
        .iter()
        .map(|line| line.decision)
        .collect();
    assert_eq!(decisions, [Some(Decision::Allow), Some(Decision::Refuse)]);
}

#[tokio::test]
async fn a_verdict_that_comes_after_the_manifest_is_told_and_is_no_pull_more() {
    let (directory, log) = open_log();
    let pulls = PullLog::new(log);
    let pending = Pull {
        rests_on: None,
        ..tagged(PullMethod::Get, "1", "a")
    };
    pulls.record(pending, at(0)).await.unwrap();
    let mut allowed = verdict(Decision::Annotate);
    allowed.allowed_by = vec!["until-june".into()];
    for second in [1, 2] {
        let judged = Pull {
            rests_on: Some(Arc::new(allowed.clone())),
            ..tagged(PullMethod::Get, "1", "a")
        };
        pulls.record_verdict(judged, at(second)).await.unwrap();
    }
    assert_eq!(told(directory.path()), [(Pulled, 1), (Pulled, 0)]);
    let [pending, judged] = &lines(directory.path())[..] else {
        panic!("two lines");
    };
    assert_eq!(pending.reasons[0].rule, RuleId::VERDICT_PENDING);
    assert_eq!((&pending.policies, pending.allowed_by.len()), (&None, 0));
    assert_eq!(judged.allowed_by, ["until-june"]);
    assert_eq!(judged.policies, Some(allowed.policy.digest));
}

#[tokio::test]
async fn twenty_agents_of_a_client_are_told_apart_and_the_rest_is_other() {
    let (directory, log) = open_log();
    let pulls = PullLog::new(log);
    for number in 0..500 {
        let pull = by_agent(&format!("agent/{number}"), get("a"));
        pulls.record(pull, at(0)).await.unwrap();
    }
    // The same client under another key, and another client, are others.
    let mut other = by_agent("agent/400", get("a"));
    other.who.principal = Some(Principal::Key("ci".into()));
    pulls.record(other, at(1)).await.unwrap();
    let agents: Vec<_> = lines(directory.path())
        .into_iter()
        .filter_map(|l| l.user_agent)
        .collect();
    assert_eq!(agents.len(), 22);
    assert_eq!(
        (&*agents[19], &*agents[20], &*agents[21]),
        ("agent/19", "(other)", "agent/400")
    );
    pulls.drain(at(2)).await.unwrap();
    let all: u64 = told(directory.path()).iter().map(|(_, count)| count).sum();
    assert_eq!(all, 501);
    pulls
        .record(by_agent("agent/450", get("a")), at(601))
        .await
        .unwrap();
    let last = lines(directory.path()).pop().unwrap();
    assert_eq!(
        last.user_agent.as_deref(),
        Some("agent/450"),
        "a window later"
    );
}

#[tokio::test]
async fn what_is_asked_of_unknown_registries_is_told_within_bounds() {
    let (directory, log) = open_log();
    let pulls = PullLog::new(log);
    for second in 0..3 {
        pulls
            .record_denial(denial("192.0.2.1", "team/app"), at(second))
            .await
            .unwrap();
    }
    for number in 0..1_000 {
        let path = format!("flood/{number}");
        pulls
            .record_denial(denial("192.0.2.1", &path), at(4))
            .await
            .unwrap();
    }
    pulls
        .record_denial(denial("192.0.2.2", "flood/999"), at(5))
        .await
        .unwrap();
    let lines = lines(directory.path());
    assert_eq!(lines.len(), 102);
    let first = &lines[0];
    assert_eq!(first.kind, Denied);
    assert_eq!(first.repository.as_deref(), Some("gcr.io/team/app"));
    assert_eq!(
        (first.tag.as_deref(), first.decision),
        (Some("1"), Some(Decision::Refuse))
    );
    assert_eq!(first.reasons[0].rule, RuleId::NOT_CONFIGURED);
    assert!(first.reasons[0].message.contains("gcr.io"));
    assert_eq!((&first.asked, &first.served), (&None, &None));
    assert_eq!(lines[100].repository.as_deref(), Some("(other)"));
    assert_eq!(lines[101].client.as_deref(), Some("192.0.2.2"));
    pulls.drain(at(6)).await.unwrap();
    let counted: Vec<u64> = told(directory.path())[102..]
        .iter()
        .map(|(_, n)| *n)
        .collect();
    assert_eq!(counted.iter().sum::<u64>(), 2 + 900);
}

#[tokio::test]
async fn clock_that_jumps_hides_no_pull() {
    let (directory, log) = open_log();
    let pulls = PullLog::new(log);
    let day = SignedDuration::from_hours(24);
    for time in [at(1_000), at(0), at(0) + day * 3_650, at(1)] {
        pulls.record(get("a"), time).await.unwrap();
    }
    pulls.settle(at(2)).await.unwrap();
    assert_eq!(told(directory.path()), [(Pulled, 1); 4]);
}

#[tokio::test]
async fn after_a_sync_that_failed_nothing_is_acknowledged_until_one_succeeds() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let (log, _) = DecisionLog::open_on(directory.path(), &disk).unwrap();
    let pulls = PullLog::new(log.clone());
    pulls.record(get("a"), at(0)).await.unwrap();
    pulls.record(get("a"), at(0)).await.unwrap();
    pulls.prove().await.unwrap();
    disk.let_fail(true);
    pulls.prove().await.unwrap();
    assert!(pulls.record(get("b"), at(1)).await.is_err());
    for _ in 0..2 {
        assert!(pulls.prove().await.is_err(), "blobs stop as well");
        assert!(
            pulls.record(get("a"), at(2)).await.is_err(),
            "a repeat as well"
        );
    }
    assert!(pulls.settle(at(700)).await.is_err(), "the count is owed");
    assert_eq!(told(directory.path()), [(Pulled, 1)]);

    disk.let_fail(false);
    pulls.prove().await.unwrap();
    pulls.record(get("b"), at(701)).await.unwrap();
    pulls.settle(at(702)).await.unwrap();
    assert_eq!(
        told(directory.path()),
        [(Pulled, 1), (Pulled, 1), (Count, 1)]
    );
    assert!(verify(directory.path()).unwrap().is_sound());
}

fn refused_name(client: &str, repository: &str, tag: &str) -> RefusedName {
    let reason = Reason {
        rule: "no-latest".to_owned().into(),
        action: Decision::Refuse,
        message: "the image has the tag latest".to_owned(),
        findings: Vec::new(),
    };
    RefusedName {
        who: from(client),
        repository: repository.parse().unwrap(),
        tag: Some(tag.parse().unwrap()),
        digest: None,
        is_head: false,
        refusal: NameRefusal {
            policy: PolicyReference {
                name: "p".to_owned(),
                digest: Digest::of(b"p"),
            },
            reasons: vec![reason],
        },
    }
}

#[tokio::test]
async fn a_name_that_is_refused_is_a_pull_that_was_and_rests_on_its_policies() {
    let (directory, log) = open_log();
    let pulls = PullLog::new(log);
    for second in [0, 1] {
        let refused = refused_name("192.0.2.1", "up.test/app", "latest");
        pulls.record_name(refused, at(second)).await.unwrap();
    }
    pulls.drain(at(2)).await.unwrap();
    let lines = lines(directory.path());
    assert_eq!(told(directory.path()), [(Pulled, 1), (Count, 1)]);
    let line = &lines[0];
    assert_eq!(line.decision, Some(Decision::Refuse));
    assert_eq!((&line.asked, &line.served), (&None, &None));
    assert_eq!(line.policies, Some(Digest::of(b"p")));
    assert_eq!(line.reasons[0].rule.as_str(), "no-latest");
    assert_eq!(line.feeds, None);
}

#[tokio::test]
async fn a_hundred_refused_names_of_a_client_are_told_apart_and_the_rest_is_other() {
    let (directory, log) = open_log();
    let pulls = PullLog::new(log);
    for name in 0..150 {
        let refused = refused_name("192.0.2.1", "up.test/app", &format!("t{name}"));
        pulls.record_name(refused, at(0)).await.unwrap();
    }
    let lines = lines(directory.path());
    assert_eq!(lines.len(), 101);
    assert_eq!(lines[100].repository.as_deref(), Some("(other)"));
    assert_eq!(lines[100].tag, None);
}
