//! The keys in force, over a store and a log in memory and a clock that is set.

use std::sync::atomic::AtomicI64;

use sluicegate_engine::identity::Presented;
use sluicegate_engine::instance_key::KEY_BYTES;
use sluicegate_engine::testkit::MemoryAudit;
use sluicegate_model::access::{Reach, Role};
use sluicegate_model::secret::Secret;
use tokio::time::Instant;

use super::*;
use crate::testkit::MemoryBookStore;

/// Keys over memory, with a clock that is set.
pub(crate) struct Stage {
    pub(crate) store: MemoryBookStore<Book>,
    pub(crate) log: Arc<MemoryAudit>,
    pub(crate) second: Arc<AtomicI64>,
    parts: KeyParts,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let (store, log) = (MemoryBookStore::default(), Arc::default());
        let second = Arc::new(AtomicI64::new(1_800_000_000));
        let told = Arc::clone(&second);
        let tell = move || Timestamp::from_second(told.load(Ordering::SeqCst)).unwrap();
        let parts = KeyParts {
            store: Arc::new(store.clone()),
            log: Arc::clone(&log) as Arc<dyn Audit>,
            instance: InstanceKey::of(&[7; KEY_BYTES]),
            clock: Clock::from_fn(tell),
        };
        Self {
            store,
            log,
            second,
            parts,
        }
    }

    pub(crate) fn instance(&self) -> InstanceKey {
        self.parts.instance.clone()
    }

    pub(crate) fn clock(&self) -> Clock {
        self.parts.clock.clone()
    }

    /// Opens the keys as a start does, by what the log tells of them.
    pub(crate) async fn open(&self) -> Result<Keys, OpenError> {
        let lines = self.log.keys();
        let logged = lines.iter().rev().find_map(|line| line.book.clone());
        Keys::open(self.parts.clone(), logged, &admin()).await
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.second.fetch_add(seconds, Ordering::SeqCst);
    }
}

pub(crate) fn admin() -> Who {
    let rights = Rights::of(Role::Admin, Reach::EVERYTHING);
    Presented::from_address([127, 0, 0, 1].into()).by(Some(Principal::Local(0)), rights)
}

pub(crate) fn wanted(name: &str, role: Role, repositories: &[&str]) -> WantedKey {
    WantedKey {
        name: name.to_owned(),
        owner: Some("a.lopez".to_owned()),
        role,
        repositories: repositories.iter().map(ToString::to_string).collect(),
        life: None,
    }
}

/// Makes a key of a puller of everything.
async fn made(keys: &Keys, name: &str) -> Issued {
    let wanted = wanted(name, Role::Puller, &[]);
    keys.create(wanted, &admin()).await.unwrap()
}

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

async fn lets_in(keys: &Keys, issued: &Issued) -> bool {
    let access = issued.key.access.as_str();
    keys.prove(HERE, access, issued.secret.expose())
        .await
        .is_some()
}

#[tokio::test(start_paused = true)]
async fn a_key_lets_its_holder_in_by_both_halves_alone() {
    let stage = Stage::new();
    let keys = stage.open().await.unwrap();
    let ci = keys
        .create(wanted("ci", Role::Puller, &["docker.io/team/**"]), &admin())
        .await
        .unwrap();
    let other = keys
        .create(wanted("other", Role::Admin, &[]), &admin())
        .await
        .unwrap();
    let proven = keys
        .prove(HERE, ci.key.access.as_str(), ci.secret.expose())
        .await
        .unwrap();
    assert_eq!(proven.principal, Principal::Key("ci".to_owned()));
    assert!(
        proven
            .rights
            .reach()
            .has(&"docker.io/team/app".parse().unwrap())
    );
    assert!(
        !proven
            .rights
            .reach()
            .has(&"docker.io/library/app".parse().unwrap())
    );
    let wrong = Secret::new(format!("{}x", ci.secret.expose()));
    for (access, secret) in [
        (ci.key.access.as_str(), &other.secret),
        (other.key.access.as_str(), &ci.secret),
        (ci.key.access.as_str(), &wrong),
        (ci.key.access.as_str(), &Secret::new("")),
        ("SGKAAAAAAAAAAAAAAAAAAAA", &ci.secret),
        ("ci", &ci.secret),
        ("", &ci.secret),
    ] {
        assert!(
            keys.prove(HERE, access, secret.expose()).await.is_none(),
            "{access}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_ended_lets_nobody_in_any_more() {
    let stage = Stage::new();
    let keys = stage.open().await.unwrap();
    let life = Some(SignedDuration::from_secs(60));
    let short = WantedKey {
        life,
        ..wanted("short", Role::Puller, &[])
    };
    let short = keys.create(short, &admin()).await.unwrap();
    let ci = made(&keys, "ci").await;
    let next = keys
        .rotate("ci", SignedDuration::from_secs(600), &admin())
        .await
        .unwrap();
    assert!(
        lets_in(&keys, &short).await && lets_in(&keys, &ci).await && lets_in(&keys, &next).await
    );
    stage.pass(60);
    assert!(!lets_in(&keys, &short).await, "its time is over");
    stage.pass(540);
    assert!(!lets_in(&keys, &ci).await, "its successor is alone now");
    assert!(lets_in(&keys, &next).await);
    assert!(keys.holder(&next.key.access).is_some());
    keys.revoke(&Which::OwnedBy("a.lopez".to_owned()), &admin())
        .await
        .unwrap();
    assert!(
        !lets_in(&keys, &next).await,
        "its owner has nothing any more"
    );
    assert!(keys.holder(&next.key.access).is_none());
    // The same keys are there after a start.
    let again = stage.open().await.unwrap();
    assert!(!lets_in(&again, &next).await);
    assert_eq!(again.active(), 0);
    assert_eq!(again.list().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_log_tells_of_every_change_and_of_no_secret() {
    let stage = Stage::new();
    let keys = stage.open().await.unwrap();
    let ci = keys
        .create(wanted("ci", Role::Puller, &["a.io/**"]), &admin())
        .await
        .unwrap();
    let next = keys
        .rotate("ci", SignedDuration::from_secs(600), &admin())
        .await
        .unwrap();
    keys.revoke(&Which::Named("ci".to_owned()), &admin())
        .await
        .unwrap();
    let lines = stage.log.keys();
    let rules: Vec<&str> = lines.iter().map(|line| line.rule).collect();
    assert_eq!(rules, ["key-made", "key-rotated", "key-revoked"]);
    assert!(
        lines[0].words.contains("puller of a.io/**, for a.lopez"),
        "{}",
        lines[0].words
    );
    for line in &lines {
        let told = format!("{line:?}");
        assert!(!told.contains(ci.secret.expose()) && !told.contains(next.secret.expose()));
        assert!(line.who.principal == Some(Principal::Local(0)) && line.book.is_some());
    }
    let shown = format!("{:?} {ci:?}", keys.list());
    assert!(!shown.contains(ci.secret.expose()), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_kept_or_logged_is_not_in_force() {
    let stage = Stage::new();
    let keys = stage.open().await.unwrap();
    let ci = made(&keys, "ci").await;
    stage.store.let_fail(true);
    let failed = keys.create(wanted("b", Role::Puller, &[]), &admin()).await;
    assert!(matches!(failed, Err(ChangeError::Store(_))));
    stage.store.let_fail(false);
    stage.log.let_fail(true);
    let failed = keys.revoke(&Which::Named("ci".to_owned()), &admin()).await;
    assert!(matches!(failed, Err(ChangeError::Log(_))));
    assert!(lets_in(&keys, &ci).await, "nobody was told that it ended");
    stage.log.let_fail(false);
    assert_eq!(keys.list().len(), 1);
    // A start takes up what was kept, and logs it.
    let again = stage.open().await.unwrap();
    assert!(!lets_in(&again, &ci).await);
    assert_eq!(stage.log.keys().last().unwrap().rule, "keys-taken-up");
    stage.open().await.unwrap();
    // The next change of the one that went on stands on what is logged.
    made(&keys, "b").await;
    stage.open().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_lost_or_older_than_the_log_open_no_door() {
    let stage = Stage::new();
    let keys = stage.open().await.unwrap();
    made(&keys, "ci").await;
    let older = stage.store.load().await.unwrap();
    keys.revoke(&Which::Named("ci".to_owned()), &admin())
        .await
        .unwrap();
    let newest = stage.store.load().await.unwrap();
    made(&keys, "b").await;
    stage.store.put(None);
    assert!(matches!(stage.open().await, Err(OpenError::Missing)));
    for kept in [older, newest] {
        stage.store.put(kept);
        assert!(matches!(stage.open().await, Err(OpenError::NotAsLogged)));
    }
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_given_up_open_no_door_and_the_next_ones_do() {
    let stage = Stage::new();
    let keys = stage.open().await.unwrap();
    let ci = made(&keys, "ci").await;
    let kept = stage.store.load().await.unwrap();
    stage.store.put(None);
    let logged = stage.log.keys().last().unwrap().book.clone();
    Keys::forget(&stage.parts, logged, &admin()).await.unwrap();
    let keys = stage.open().await.unwrap();
    assert!(!lets_in(&keys, &ci).await && keys.list().is_empty());
    // What is kept and not logged is taken up behind that as behind any other change.
    stage.log.let_fail(true);
    let failed = keys.create(wanted("b", Role::Puller, &[]), &admin()).await;
    assert!(failed.is_err());
    stage.log.let_fail(false);
    let keys = stage.open().await.unwrap();
    assert_eq!(keys.list().len(), 1);
    let next = made(&keys, "ci").await;
    assert!(lets_in(&stage.open().await.unwrap(), &next).await);
    stage.store.put(kept);
    assert!(matches!(stage.open().await, Err(OpenError::NotAsLogged)));
}

#[tokio::test(start_paused = true)]
async fn guesses_wait_and_right_secrets_never() {
    let stage = Stage::new();
    let keys = stage.open().await.unwrap();
    let ci = made(&keys, "ci").await;
    let begun = Instant::now();
    for _ in 0..10 {
        assert!(
            keys.prove(HERE, ci.key.access.as_str(), "guess")
                .await
                .is_none()
        );
    }
    assert_eq!(begun.elapsed().as_secs(), 5);
    let begun = Instant::now();
    for _ in 0..100 {
        assert!(lets_in(&keys, &ci).await);
    }
    assert_eq!(begun.elapsed().as_secs(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_last_use_of_a_key_is_known_after_a_start_too() {
    let stage = Stage::new();
    let keys = stage.open().await.unwrap();
    let ci = made(&keys, "ci").await;
    assert_eq!(keys.list()[0].last_used, None);
    stage.pass(90);
    assert!(lets_in(&keys, &ci).await);
    let used = Some(stage.clock().now());
    assert_eq!(keys.list()[0].last_used, used);
    keys.keep_last_uses().await.unwrap();
    made(&keys, "b").await;
    assert_eq!(keys.list()[0].last_used, used);
    assert_eq!(stage.open().await.unwrap().list()[0].last_used, used);
}
