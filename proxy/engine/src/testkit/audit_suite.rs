//! What every audit promises, as far as the port reaches: that what was recorded is there when the
//! call returns, and that a call fails where it is not.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use sluicegate_model::access::Rights;
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_model::{Digest, samples};

use crate::audit::{Audit, Denial, Pull, PullMethod};
use crate::identity::Presented;

/// An audit under test, and what happens to audits in their lives.
#[async_trait]
pub trait Subject: Send {
    /// Gives the audit.
    fn audit(&self) -> &dyn Audit;

    /// Lists what was written: the manifest, or none where a registry is not configured, and what came
    /// out. The same may be there again.
    fn written(&self) -> Vec<(Option<Digest>, Decision)>;

    /// Says whether lines can be written from now on.
    fn let_fail(&mut self, fails: bool);
}

/// Proves what is promised of the audits that `fresh` makes.
pub async fn prove<S: Subject>(fresh: impl Fn() -> S) {
    what_was_recorded_is_written_when_the_call_returns(&mut fresh()).await;
    a_verdict_that_comes_later_is_written_as_well(&mut fresh()).await;
    a_registry_that_is_not_configured_is_written(&mut fresh()).await;
    where_nothing_can_be_written_every_call_fails(&mut fresh()).await;
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

/// Describes a pull of an image by tag; none decided where the answer leaves before the verdict.
fn pull(image: &str, decision: Option<Decision>) -> Pull {
    let verdict = |decision| Verdict {
        decision,
        digest: Digest::of(image.as_bytes()),
        ..samples::verdict()
    };
    Pull {
        who: Presented::from_address([192, 0, 2, 1].into()).by(None, Rights::everywhere(&[])),
        repository: "up.test/app".parse().unwrap(),
        tag: Some(image.parse().unwrap()),
        digest: Digest::of(image.as_bytes()),
        in_place_of: None,
        leads_to: Vec::new(),
        method: PullMethod::Get,
        rests_on: decision.map(|decision| Arc::new(verdict(decision))),
    }
}

fn denial() -> Denial {
    Denial {
        who: Presented::from_address([192, 0, 2, 1].into()).by(None, Rights::everywhere(&[])),
        registry: "unknown.test".into(),
        path: "lib/app".into(),
        tag: Some("1".parse().unwrap()),
        digest: None,
    }
}

fn line(image: &str, decision: Decision) -> (Option<Digest>, Decision) {
    (Some(Digest::of(image.as_bytes())), decision)
}

async fn what_was_recorded_is_written_when_the_call_returns(subject: &mut dyn Subject) {
    for (image, decision) in [
        ("allowed", Decision::Allow),
        ("noted", Decision::Annotate),
        ("refused", Decision::Refuse),
    ] {
        let pull = pull(image, Some(decision));
        subject.audit().record(pull, at(0)).await.unwrap();
        assert!(subject.written().contains(&line(image, decision)));
    }
    // However many ask for the same at once, none is ahead of the line.
    let audit = subject.audit();
    let all = (0..8).map(|_| async {
        let head = Pull {
            method: PullMethod::Head,
            ..pull("herd", Some(Decision::Allow))
        };
        audit.record(head, at(1)).await.unwrap();
        assert!(subject.written().contains(&line("herd", Decision::Allow)));
    });
    futures_util::future::join_all(all).await;
}

async fn a_verdict_that_comes_later_is_written_as_well(subject: &mut dyn Subject) {
    let audit = subject.audit();
    audit.record(pull("early", None), at(0)).await.unwrap();
    assert!(subject.written().contains(&line("early", Decision::Allow)));
    let judged = pull("early", Some(Decision::Annotate));
    audit.record_verdict(judged, at(1)).await.unwrap();
    let noted = line("early", Decision::Annotate);
    assert!(subject.written().contains(&noted));
}

async fn a_registry_that_is_not_configured_is_written(subject: &mut dyn Subject) {
    let audit = subject.audit();
    audit.record_denial(denial(), at(0)).await.unwrap();
    assert_eq!(subject.written(), [(None, Decision::Refuse)]);
}

async fn where_nothing_can_be_written_every_call_fails(subject: &mut dyn Subject) {
    subject.audit().prove().await.unwrap();
    subject.let_fail(true);
    let audit = subject.audit();
    let lost = pull("lost", Some(Decision::Allow));
    assert!(audit.record(lost.clone(), at(0)).await.is_err());
    assert!(audit.record_denial(denial(), at(0)).await.is_err());
    assert!(audit.prove().await.is_err());
    subject.let_fail(false);
    let audit = subject.audit();
    audit.prove().await.unwrap();
    audit.record(lost, at(1)).await.unwrap();
    let written = subject.written();
    assert!(written.contains(&line("lost", Decision::Allow)));
}
