//! Who somebody is at the registry, by everything that they can send.

use std::sync::atomic::{AtomicBool, Ordering};

use sluicegate_engine::testkit::identity_suite;
use sluicegate_model::access::Role;

use super::*;
use crate::book::Which;
use crate::key::Issued;
use crate::keys::tests::{Stage, admin, wanted};

/// Policies that name keys when they are told to, and always the network 10.0.0.0/8.
#[derive(Debug, Default)]
struct Bound(AtomicBool);

impl Askers for Bound {
    fn name_keys(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    fn are_let_in_by_upstream(&self, repository: &Repository) -> bool {
        repository.upstream() == "own.io"
    }

    fn has_such_upstreams(&self) -> bool {
        true
    }

    fn name_network(&self, address: IpAddr) -> bool {
        matches!(address, IpAddr::V4(address) if address.octets()[0] == 10)
    }
}

struct Front {
    stage: Stage,
    keys: Keys,
    bound: Arc<Bound>,
    registry: RegistryIdentity,
    ci: Issued,
}

const OUTSIDE: [u8; 4] = [192, 0, 2, 1];
const NODE: [u8; 4] = [10, 1, 2, 3];

impl Front {
    async fn new(is_required: bool) -> Self {
        let stage = Stage::new();
        let keys = stage.open().await.unwrap();
        let ci = wanted("ci", Role::Puller, &["a.io/**"]);
        let ci = keys.create(ci, &admin()).await.unwrap();
        let bound = Arc::new(Bound::default());
        let askers = Arc::clone(&bound) as Arc<dyn Askers>;
        let registry = RegistryIdentity::new(
            keys.clone(),
            (stage.instance(), stage.clock()),
            askers,
            is_required,
        );
        Self {
            stage,
            keys,
            bound,
            registry,
            ci,
        }
    }

    fn own(&self) -> Credentials {
        let name = self.ci.key.access.to_string();
        let secret = self.ci.secret.clone();
        Credentials::Basic { name, secret }
    }

    async fn token(
        &self,
        from: [u8; 4],
        sent: Option<Credentials>,
    ) -> Result<Credentials, Unidentified> {
        let repositories = BTreeSet::from(["a.io/x".parse().unwrap()]);
        let token = self
            .registry
            .token(presented(from, sent), repositories)
            .await;
        token.map(|(token, _)| Credentials::Bearer(token))
    }

    /// Tells who somebody is, or what is asked of them, in a word.
    async fn who(&self, from: [u8; 4], sent: Option<Credentials>) -> String {
        said(self.registry.who(presented(from, sent)).await)
    }
}

fn presented(from: [u8; 4], sent: Option<Credentials>) -> Presented {
    Presented {
        credentials: sent,
        ..Presented::from_address(from.into())
    }
}

fn said(who: Result<Who, Unidentified>) -> String {
    match who {
        Ok(who) => who
            .principal
            .map_or("anybody".to_owned(), |it| it.to_string()),
        Err(Unidentified::Missing) => "missing".to_owned(),
        Err(Unidentified::Wrong) => "wrong".to_owned(),
        Err(Unidentified::Unknown(_)) => "unknown".to_owned(),
    }
}

fn basic(name: &str, secret: &str) -> Credentials {
    let (name, secret) = (name.to_owned(), Secret::new(secret));
    Credentials::Basic { name, secret }
}

#[tokio::test(start_paused = true)]
async fn who_somebody_is_follows_from_what_they_send_and_what_is_asked_of_them() {
    let right = |front: &Front| Some(front.own());
    // Whether everybody is asked; whether a policy is bound to keys; from where; and what is told of
    // whoever sends nothing, what is another registry's, a key, a wrong key.
    for (is_required, names_keys, from, wanted) in [
        (false, false, OUTSIDE, ["anybody", "anybody", "ci", "wrong"]),
        (false, true, OUTSIDE, ["missing", "missing", "ci", "wrong"]),
        (true, false, OUTSIDE, ["missing", "missing", "ci", "wrong"]),
        (true, true, OUTSIDE, ["missing", "missing", "ci", "wrong"]),
        (false, true, NODE, ["anybody", "anybody", "ci", "wrong"]),
        (true, false, NODE, ["anybody", "anybody", "ci", "wrong"]),
    ] {
        let front = Front::new(is_required).await;
        front.bound.0.store(names_keys, Ordering::SeqCst);
        let access = front.ci.key.access.to_string();
        let told = [
            front.who(from, None).await,
            front.who(from, Some(basic("hub-user", "token"))).await,
            front.who(from, right(&front)).await,
            front.who(from, Some(basic(&access, "guess"))).await,
        ];
        assert_eq!(told, wanted, "{is_required} {names_keys} {from:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_way_of_asking_keeps_what_is_promised() {
    for is_required in [false, true] {
        identity_suite::prove(&Front::new(is_required).await.registry).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_given_to_whoever_may_have_one_and_says_no_more_than_the_key() {
    let front = Front::new(false).await;
    front.bound.0.store(true, Ordering::SeqCst);
    // Whoever was asked and has no key of ours is somebody without one, with or without a pull secret.
    for sent in [None, Some(basic("hub-user", "token"))] {
        let token = front.token(OUTSIDE, sent).await.unwrap();
        assert_eq!(front.who(OUTSIDE, Some(token)).await, "anybody");
    }
    let token = front.token(OUTSIDE, Some(front.own())).await.unwrap();
    let who = front
        .registry
        .who(presented(OUTSIDE, Some(token.clone())))
        .await
        .unwrap();
    assert_eq!(who.principal, Some(Principal::Key("ci".to_owned())));
    assert!(who.rights.are_for(&"a.io/x".parse().unwrap()));
    assert!(
        !who.rights.are_for(&"a.io/y".parse().unwrap()),
        "another repository's"
    );
    assert!(!who.rights.reach().has(&"b.io/x".parse().unwrap()));
    front
        .keys
        .revoke(&Which::Named("ci".to_owned()), &admin())
        .await
        .unwrap();
    assert_eq!(
        front.who(OUTSIDE, Some(token)).await,
        "wrong",
        "its key has ended"
    );
    let refused = front.token(OUTSIDE, Some(front.own())).await;
    assert!(matches!(refused, Err(Unidentified::Wrong)));
}

#[tokio::test(start_paused = true)]
async fn where_a_key_is_required_nobody_else_gets_a_token_and_old_ones_end() {
    let front = Front::new(true).await;
    for sent in [None, Some(basic("hub-user", "token"))] {
        let refused = front.token(OUTSIDE, sent).await;
        assert!(matches!(refused, Err(Unidentified::Missing)));
    }
    let token = front.token(OUTSIDE, Some(front.own())).await.unwrap();
    assert_eq!(front.who(OUTSIDE, Some(token.clone())).await, "ci");
    front.stage.pass(300);
    assert_eq!(front.who(OUTSIDE, Some(token)).await, "wrong");
    let lenient = Front::new(false).await;
    let anonymous = lenient.token(OUTSIDE, None).await.unwrap();
    assert_eq!(
        front.who(OUTSIDE, Some(anonymous)).await,
        "wrong",
        "of an earlier time"
    );
}

#[tokio::test(start_paused = true)]
async fn a_certificate_is_somebody_and_a_key_beside_it_says_who() {
    let front = Front::new(true).await;
    let with_certificate = |sent| Presented {
        certificate: Some("node-1".to_owned()),
        ..presented(OUTSIDE, sent)
    };
    let node = front.registry.who(with_certificate(None)).await;
    assert_eq!(said(node), "cert:node-1");
    let node = front
        .registry
        .who(with_certificate(Some(basic("hub-user", "token"))))
        .await;
    assert_eq!(said(node), "cert:node-1");
    let holder = front
        .registry
        .who(with_certificate(Some(front.own())))
        .await;
    assert_eq!(said(holder), "ci");
}

#[tokio::test(start_paused = true)]
async fn both_halves_at_once_are_a_key_as_well_and_other_tokens_are_nobody_s() {
    let front = Front::new(false).await;
    let both = format!("{}.{}", front.ci.key.access, front.ci.secret.expose());
    let bearer = |text: &str| Some(Credentials::Bearer(Secret::new(text)));
    assert_eq!(front.who(OUTSIDE, bearer(&both)).await, "ci");
    assert_eq!(
        front.who(OUTSIDE, bearer("eyJhbGciOiJub25lIn0.e30.")).await,
        "anybody"
    );
    assert_eq!(front.who(OUTSIDE, bearer("SGT.e30.e30")).await, "wrong");
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_tells_clients_apart_is_asked_with_what_they_bring() {
    for is_required in [false, true] {
        let front = Front::new(is_required).await;
        let repositories = BTreeSet::from(["own.io/x".parse().unwrap(), "a.io/x".parse().unwrap()]);
        let sent = presented(OUTSIDE, Some(basic("alice", "pass")));
        let (who, login) = front.registry.own(sent.clone()).unwrap();
        assert_eq!(said(Ok(who)), "upstream:alice");
        assert_eq!(login.unwrap().secret(), &Secret::new("pass"));
        let token = front
            .registry
            .token(sent, repositories.clone())
            .await
            .unwrap()
            .0;
        let sent = presented(OUTSIDE, Some(Credentials::Bearer(token.clone())));
        let (who, login) = front.registry.own(sent.clone()).unwrap();
        assert_eq!(login.unwrap().user(), "alice");
        assert!(who.rights.are_for(&"own.io/x".parse().unwrap()));
        assert!(!who.rights.are_for(&"own.io/y".parse().unwrap()));
        // Elsewhere the token opens nothing.
        let who = front.registry.who(sent.clone()).await.unwrap();
        assert_eq!(who.principal, None);
        assert!(!who.rights.are_for(&"a.io/x".parse().unwrap()));
        // Whoever logs in names no repository.
        let login = presented(OUTSIDE, Some(basic("alice", "pass")));
        let token = front
            .registry
            .token(login, BTreeSet::new())
            .await
            .unwrap()
            .0;
        let door = presented(OUTSIDE, Some(Credentials::Bearer(token)));
        let who = front.registry.who(door).await.unwrap();
        assert!(!who.rights.are_for(&"own.io/x".parse().unwrap()));
        // Whoever brings nothing is nobody there, and a key of ours is nobody too.
        for sent in [None, Some(front.own())] {
            let (who, login) = front.registry.own(presented(OUTSIDE, sent)).unwrap();
            assert!(who.principal.is_none() && login.is_none());
        }
        let nothing = front
            .registry
            .token(presented(OUTSIDE, None), repositories)
            .await;
        assert!(nothing.is_ok(), "the upstream says whether that is enough");
        front.stage.pass(300);
        assert!(matches!(front.registry.own(sent), Err(Unidentified::Wrong)));
    }
}
