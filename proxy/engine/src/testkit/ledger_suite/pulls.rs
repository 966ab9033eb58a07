//! Who pulled: by the lines of the log, of an image and of what lists it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use sluicegate_model::access::Rights;
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Digest, Principal};

use super::{Subject, repository, second, verdict};
use crate::audit::{Pull, PullMethod};
use crate::identity::Who;
use crate::ledger::{MAX_PULLERS, Pulled, PulledOnce};

/// Seconds after which the same is another pull.
const LATER: i64 = 3_600;

/// Describes a request of a client for an image by tag; decided nothing where it left before.
fn pull(client: u8, image: &str, decision: Option<Decision>) -> Pull {
    let verdict = |decision| {
        let mut verdict = verdict("app", image, 0, Vec::new());
        verdict.decision = decision;
        verdict
    };
    Pull {
        who: Who {
            client: IpAddr::V4(Ipv4Addr::new(192, 0, 2, client)),
            user_agent: Some(format!("agent/{client}")),
            principal: (client % 2 == 1).then(|| Principal::Key("ci".into())),
            rights: Rights::everywhere(&[]),
        },
        repository: repository("app"),
        tag: Some("1".parse().unwrap()),
        digest: Digest::of(image.as_bytes()),
        in_place_of: None,
        leads_to: Vec::new(),
        method: PullMethod::Get,
        rests_on: decision.map(|decision| Arc::new(verdict(decision))),
    }
}

fn given(client: u8, image: &str) -> Pull {
    pull(client, image, Some(Decision::Allow))
}

async fn of(subject: &dyn Subject, name: &str, image: &str) -> Option<Pulled> {
    let asked = (repository(name), Digest::of(image.as_bytes()));
    let told = subject.ledger().pulled(&[asked]).await.unwrap();
    assert_eq!(told.len(), 1);
    told.into_iter().next().unwrap()
}

fn once(client: u8, at: i64) -> PulledOnce {
    PulledOnce {
        time: second(at),
        client: format!("192.0.2.{client}"),
        principal: (client % 2 == 1).then(|| "ci".to_owned()),
        user_agent: Some(format!("agent/{client}")),
    }
}

/// Those of the image itself and of the indexes that list it in that repository, before and after a
/// restart.
pub async fn whoever_pulled_an_image_or_its_index_is_told(subject: &mut dyn Subject) {
    let [index, image] = ["index", "image"].map(|it| Digest::of(it.as_bytes()));
    let children = std::slice::from_ref(&image);
    let known = subject.ledger();
    known
        .add_membership(&repository("app"), &index, "an index", &[], children)
        .await
        .unwrap();
    let audit = subject.audit();
    for (at, line) in [
        (0, given(1, "index")),
        (LATER, given(2, "image")),
        (2 * LATER, given(1, "image")),
        (3 * LATER, given(4, "other")),
    ] {
        audit.record(line, second(at)).await.unwrap();
    }
    let mut elsewhere = given(3, "image");
    elsewhere.repository = repository("other");
    audit.record(elsewhere, second(0)).await.unwrap();
    for _ in 0..2 {
        let told = of(subject, "app", "image").await.unwrap();
        assert_eq!((told.pulls, told.refused, told.others), (3, 0, 0));
        assert_eq!(told.first, Some(once(1, 0)));
        assert_eq!(told.last, Some(once(1, 2 * LATER)));
        let clients = told.clients.iter();
        let clients: Vec<_> = clients.map(|it| (it.client.as_str(), it.pulls)).collect();
        assert_eq!(clients, [("192.0.2.1", 2), ("192.0.2.2", 1)]);
        let of_index = of(subject, "app", "index").await.unwrap();
        assert_eq!((of_index.pulls, of_index.last), (1, Some(once(1, 0))));
        let elsewhere = of(subject, "other", "image").await.unwrap();
        assert_eq!((elsewhere.pulls, elsewhere.last), (1, Some(once(3, 0))));
        assert_eq!(of(subject, "other", "index").await, None);
        subject.ledger().read_pulls().await.unwrap();
        subject.restart().await;
    }
}

/// A refusal is none, also where another image is given in its place; what left before its verdict is
/// one once that allows it.
pub async fn what_is_not_given_is_no_pull(subject: &mut dyn Subject) {
    let audit = subject.audit();
    let refused = pull(1, "image", Some(Decision::Refuse));
    audit.record(refused, second(0)).await.unwrap();
    let mut in_its_place = given(2, "fallback");
    in_its_place.in_place_of = Some(Digest::of(b"image"));
    audit.record(in_its_place, second(1)).await.unwrap();
    let told = of(subject, "app", "image").await.unwrap();
    assert_eq!((told.pulls, told.refused), (0, 2));
    assert_eq!((&told.first, &told.last), (&None, &None));
    assert!(told.clients.is_empty());
    let told = of(subject, "app", "fallback").await.unwrap();
    assert_eq!(
        (told.pulls, told.refused, told.last),
        (1, 0, Some(once(2, 1)))
    );

    let audit = subject.audit();
    let early = pull(3, "early", None);
    audit.record(early, second(2)).await.unwrap();
    assert!(
        of(subject, "app", "early")
            .await
            .is_none_or(|it| it.pulls == 0)
    );
    let noted = pull(3, "early", Some(Decision::Annotate));
    subject
        .audit()
        .record_verdict(noted, second(3))
        .await
        .unwrap();
    let told = of(subject, "app", "early").await.unwrap();
    assert_eq!(
        (told.pulls, told.refused, told.last),
        (1, 0, Some(once(3, 3)))
    );
}

/// However often somebody comes back who was not among them.
pub async fn clients_that_pulled_last_are_named_and_the_others_counted(subject: &mut dyn Subject) {
    let mut at = 0;
    for client in (0..30).chain(0..3) {
        at += LATER;
        let line = given(client, "image");
        subject.audit().record(line, second(at)).await.unwrap();
    }
    let told = of(subject, "app", "image").await.unwrap();
    assert_eq!((told.pulls, told.others), (33, 10));
    assert_eq!(told.clients.len(), MAX_PULLERS);
    let clients = told.clients.iter().take(4);
    let newest: Vec<_> = clients.map(|it| (it.client.as_str(), it.pulls)).collect();
    let wanted = [
        ("192.0.2.2", 2),
        ("192.0.2.1", 2),
        ("192.0.2.0", 2),
        ("192.0.2.29", 1),
    ];
    assert_eq!(newest, wanted);
}
