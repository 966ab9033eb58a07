//! One repository, two who ask, two policies: each gets its own verdict, and nothing by the other's.

use sluicegate_model::verdict::Decision;
use sluicegate_model::{Principal, Scope, media_type};

use super::images::{Image, bad, good, index};
use super::stage::{Stage, repository};
use crate::gate::{GateMode, ReferrersAnswer};
use crate::ledger::Verdicts as _;
use crate::pull::asked::Asked;

/// Everybody gets what cannot be looked into with a note; production does not get it.
const TWO: &str = "apiVersion: sluicegate/v1
kind: Policy
metadata: {name: open}
spec: {onInconclusive: annotate}
---
apiVersion: sluicegate/v1
kind: Policy
metadata: {name: strict}
spec: {onInconclusive: refuse}
---
apiVersion: sluicegate/v1
kind: Binding
metadata: {name: prod}
spec: {policy: strict, repositories: ['**'], clients: ['key:prod-*']}
";

const EVERYBODY: &str = "ci";
const PRODUCTION: &str = "prod-1";

fn stage(mode: GateMode, images: &[(&str, &Image)]) -> Stage {
    let stage = Stage::new(mode);
    stage.snapshots.set_policies(TWO);
    for (tag, image) in images {
        stage.push("app", tag, image);
    }
    stage
}

/// Makes a request one of the holder of a key.
fn by(key: &str, mut asked: Asked) -> Asked {
    asked.who.principal = Some(Principal::Key(key.to_owned()));
    asked
}

fn scope(stage: &Stage, key: &str) -> Scope {
    let who = by(key, stage.get("app")).who;
    stage.gate.parts.judge.scope(&repository("app"), &who, None)
}

#[tokio::test]
async fn each_gets_its_own_verdict_on_a_manifest_whoever_comes_first() {
    let both = [(EVERYBODY, "serve annotate"), (PRODUCTION, "refuse")];
    for first in [0, 1] {
        let image = bad("one");
        let stage = stage(GateMode::Hold, &[("1", &image)]);
        for (key, wanted) in [both[first], both[1 - first], both[first], both[1 - first]] {
            for asked in [stage.get("app"), stage.head("app")] {
                let asked = by(key, asked);
                assert_eq!(stage.manifest(&asked, "1").await, wanted, "{key}");
                let digest = image.digest().to_string();
                assert_eq!(stage.manifest(&asked, &digest).await, wanted, "{key}");
            }
        }
        assert_eq!(stage.ledger.count_verdicts().await.unwrap(), 2);
        // What it holds is the same for both.
        for blob in image.blobs() {
            assert_eq!(stage.upstream.count(blob.digest().as_str()), 1);
        }
    }
}

#[tokio::test]
async fn a_blob_that_is_granted_to_one_is_not_granted_to_the_other() {
    let image = bad("blobs");
    let stage = stage(GateMode::Hold, &[("1", &image)]);
    let (everybody, production) = (
        by(EVERYBODY, stage.get("app")),
        by(PRODUCTION, stage.get("app")),
    );
    assert_eq!(stage.manifest(&everybody, "1").await, "serve annotate");
    for _ in 0..2 {
        for blob in image.blobs() {
            let digest = blob.digest();
            assert_eq!(stage.blob(&everybody, &digest).await, "whole");
            assert_eq!(stage.blob(&production, &digest).await, "refuse");
        }
    }
    // A layer that an allowed image lists as well is granted to both, and no other.
    let clean = Image::of(vec![image.layers[0].clone()]);
    stage.push("app", "clean", &clean);
    assert_eq!(stage.manifest(&production, "clean").await, "serve allow");
    let (shared, own) = (image.layers[0].digest(), image.layers[1].digest());
    assert_eq!(stage.blob(&production, &shared).await, "whole");
    assert_eq!(stage.blob(&production, &own).await, "refuse");
}

#[tokio::test]
async fn in_stream_mode_the_tail_waits_for_the_verdict_of_whoever_asks() {
    let image = bad("tails");
    let stage = stage(GateMode::Stream, &[("1", &image)]);
    let layer = image.layers[1].digest();
    let mut answers = Vec::new();
    for key in [EVERYBODY, PRODUCTION, EVERYBODY] {
        let asked = by(key, stage.get("app"));
        stage.manifest(&asked, "1").await;
        answers.push(stage.blob(&asked, &layer).await);
    }
    assert_eq!(answers[0], "whole");
    assert_ne!(answers[1], "whole");
    assert_eq!(answers[2], "whole");
}

#[tokio::test]
async fn an_index_is_decided_by_the_verdicts_on_its_children_for_whoever_asks() {
    let (one, two, clean) = (bad("one"), bad("two"), good("three"));
    for (children, wanted) in [
        (vec![&one, &two], "refuse"),
        (vec![&one, &clean], "serve allow"),
    ] {
        let named: Vec<(&str, &Image)> = ["a", "b"].into_iter().zip(children.clone()).collect();
        let stage = stage(GateMode::Hold, &named);
        let bytes = index(&children);
        stage.push_manifest("app", "all", media_type::OCI_INDEX, &bytes);
        for _ in 0..2 {
            let everybody = by(EVERYBODY, stage.get("app"));
            assert_eq!(stage.manifest(&everybody, "all").await, "serve annotate");
            let production = by(PRODUCTION, stage.get("app"));
            assert_eq!(stage.manifest(&production, "all").await, wanted);
        }
    }
}

#[tokio::test]
async fn referrers_of_what_is_refused_to_one_are_listed_to_the_other() {
    let image = bad("subject");
    let stage = stage(GateMode::Hold, &[("1", &image)]);
    for (key, is_listed) in [(EVERYBODY, true), (PRODUCTION, false), (EVERYBODY, true)] {
        let asked = by(key, stage.get("app"));
        let answer = stage
            .gate
            .serve_referrers(&asked, &image.digest(), None)
            .await;
        let listed = match answer.unwrap() {
            ReferrersAnswer::List(_) => true,
            ReferrersAnswer::Refuse(_) | ReferrersAnswer::RefuseName(_) => false,
            ReferrersAnswer::NotYet(ended) => panic!("{ended:?}"),
        };
        assert_eq!(listed, is_listed, "{key}");
    }
}

#[tokio::test]
async fn a_binding_that_comes_in_force_while_somebody_waits_decides_on_their_answer() {
    let image = bad("meanwhile");
    let stage = stage(GateMode::Hold, &[("1", &image)]);
    let open = TWO.split("---").next().unwrap();
    stage.snapshots.set_policies(open);
    stage.withhold(&image.layers[1].digest());
    let asked = by(PRODUCTION, stage.get("app"));
    let answer = stage.manifest(&asked, "1");
    let then = async {
        // The pull is under way by then.
        while stage.upstream.count(image.config.digest().as_str()) == 0 {
            tokio::task::yield_now().await;
        }
        stage.snapshots.set_policies(TWO);
        stage.release();
    };
    let (answer, ()) = tokio::join!(answer, then);
    assert_eq!(answer, "refuse");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_background_keeps_the_verdicts_of_both_current_and_forgets_who_is_gone() {
    let image = bad("anew");
    let (stage, _) = Stage::attesting(&image);
    stage.snapshots.set_policies(TWO);
    for key in [EVERYBODY, PRODUCTION] {
        stage.manifest(&by(key, stage.get("app")), "1").await;
    }
    let scopes = [EVERYBODY, PRODUCTION].map(|key| scope(&stage, key));
    assert_ne!(scopes[0], scopes[1]);
    let decisions = async || {
        let mut found = Vec::new();
        for scope in &scopes {
            let verdict = stage.ledger.verdict(scope, &image.digest()).await.unwrap();
            found.push(verdict.map(|verdict| (verdict.policy.name, verdict.decision)));
        }
        found
    };
    let said = |name: &str, decision| Some((name.to_owned(), decision));
    let (open, both) = ("open", "open+strict");
    assert_eq!(
        decisions().await,
        [said(open, Decision::Annotate), said(both, Decision::Refuse)]
    );
    let audited = TWO.replace("{onInconclusive: refuse}", "{mode: annotate}");
    stage.snapshots.set_policies(&audited);
    stage.rejudge.pass().await.unwrap();
    assert_eq!(
        decisions().await,
        [
            said(open, Decision::Annotate),
            said(both, Decision::Annotate)
        ]
    );
    let (app, digest) = (repository("app"), image.digest());
    let production = by(PRODUCTION, stage.get("app"));
    let listed = stage.gate.serve_referrers(&production, &digest, None);
    let Ok(ReferrersAnswer::List(listed)) = listed.await else {
        panic!("no list");
    };
    let attached = listed.into_inner().referrers[0].digest.clone();
    let attester = &stage.gate.parts.attester;
    let is_kept = async || attester.piece(&app, &attached).await.unwrap().is_some();
    assert!(is_kept().await);
    // Whoever held such a key is judged with everybody now.
    let open = TWO.split("---").next().unwrap();
    stage.snapshots.set_policies(open);
    stage.rejudge.pass().await.unwrap();
    assert_eq!(decisions().await, [said("open", Decision::Annotate), None]);
    assert_eq!(stage.ledger.count_verdicts().await.unwrap(), 1);
    assert!(!is_kept().await, "signed for nobody");
}
