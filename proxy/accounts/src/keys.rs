//! The keys in force: what is proven with one, and what becomes of them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use sluicegate_engine::audit::{Audit, AuditError};
use sluicegate_engine::identity::Who;
use sluicegate_engine::instance_key::InstanceKey;
use sluicegate_model::access::Rights;
use sluicegate_model::clock::Clock;
use sluicegate_model::{Digest, Principal};

use super::book::{Book, KeyError, WantedKey, Which};
use super::guesses::Guesses;
use super::halves::Proof;
use super::kept::{BookStore, StoreError};
use super::key::{AccessKey, Issued, Key, KeyState, proof};
use super::store::{KeyStore, LastUses};
use super::vouched::{self, BookParts, Told, Unproven, Vouched};

/// What lines of the log call what was done.
const MADE: &str = "key-made";
const ROTATED: &str = "key-rotated";
const ENDED: &str = "key-revoked";
const FORGOTTEN: &str = "keys-forgotten";

/// The keys of an instance.
#[derive(Clone, Debug)]
pub struct Keys(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    parts: KeyParts,
    ring: ArcSwap<Ring>,
    /// All of them, as the log knows them.
    vouched: Vouched<Book>,
    guesses: Guesses,
    /// How many times somebody was not let in.
    refused: AtomicU64,
}

/// What keys are kept, logged and proven with.
#[derive(Clone, Debug)]
pub struct KeyParts {
    /// Where they are kept.
    pub store: Arc<dyn KeyStore>,
    /// Where changes are written.
    pub log: Arc<dyn Audit>,
    /// What secrets are proven with.
    pub instance: InstanceKey,
    /// The time of day.
    pub clock: Clock,
}

impl KeyParts {
    fn of_book(&self) -> BookParts<Book> {
        BookParts {
            store: Arc::clone(&self.store) as Arc<dyn BookStore<Book>>,
            log: Arc::clone(&self.log),
            clock: self.clock.clone(),
        }
    }
}

/// The keys by their public halves.
type Ring = HashMap<AccessKey, Held>;

/// A key, ready to let somebody in.
#[derive(Clone, Debug)]
struct Held {
    key: Key,
    rights: Rights,
    /// In seconds since 1970; 0 for never.
    last_used: Arc<AtomicI64>,
}

/// What a right secret proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// Whose it is.
    pub principal: Principal,
    /// What they may do.
    pub rights: Rights,
    /// By which key.
    pub access: AccessKey,
}

/// A key as it is shown.
#[derive(Clone, Debug)]
pub struct ShownKey {
    /// The key.
    pub key: Key,
    /// How it stands.
    pub state: KeyState,
    /// When it was used last.
    pub last_used: Option<Timestamp>,
}

/// Says why the keys cannot be opened. Nobody is let in, and the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// They cannot be read or kept, or are not what was written.
    #[error(transparent)]
    Store(StoreError),
    /// They are gone.
    #[error(
        "the access keys are missing, and the decision log knows of some: put their file back from \
         a backup; with `sluicegate keys forget` every key is made anew"
    )]
    Missing,
    /// They are others than those that the log tells of.
    #[error(
        "the access keys are not those that the decision log tells of: an older file was put back, \
         or lines of the log are missing; put back both of one time, or make every key anew with \
         `sluicegate keys forget`"
    )]
    NotAsLogged,
    /// The log does not take the line that says what was found.
    #[error(transparent)]
    Log(AuditError),
}

impl From<Unproven> for OpenError {
    fn from(error: Unproven) -> Self {
        match error {
            Unproven::Store(error) => Self::Store(error),
            Unproven::Missing => Self::Missing,
            Unproven::NotAsLogged => Self::NotAsLogged,
            Unproven::Log(error) => Self::Log(error),
        }
    }
}

/// Says why the keys stay as they are.
pub type ChangeError = vouched::ChangeError<KeyError>;

impl Keys {
    /// Takes up the keys that are kept, where they are those that the log tells of: `logged` is the
    /// digest in its last line about a change.
    pub async fn open(
        parts: KeyParts,
        logged: Option<Digest>,
        by: &Who,
    ) -> Result<Self, OpenError> {
        let vouched = Vouched::open(parts.of_book(), logged, by).await?;
        let uses = parts.store.last_uses().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "it is not known when access keys were used last");
            LastUses::new()
        });
        let ring = ring_of(&vouched.book().await, |access| {
            let used = uses.get(access).map_or(0, |used| used.as_second());
            Arc::new(AtomicI64::new(used))
        });
        Ok(Self(Arc::new(Shared {
            parts,
            ring: ArcSwap::from_pointee(ring),
            vouched,
            guesses: Guesses::default(),
            refused: AtomicU64::new(0),
        })))
    }

    /// Gives all keys up, whatever became of them.
    pub async fn forget(
        parts: &KeyParts,
        logged: Option<Digest>,
        by: &Who,
    ) -> Result<(), OpenError> {
        let told = Told {
            rule: FORGOTTEN,
            words: "all access keys were given up".to_owned(),
        };
        let none = (Book::default(), logged);
        Vouched::replace(parts.of_book(), none, told, by).await?;
        Ok(())
    }

    /// Tells who somebody at this address is, by both halves of a key. Whoever guesses waits.
    pub async fn prove(&self, address: IpAddr, access: &str, secret: &str) -> Option<Proven> {
        let proven = self.proven(access, secret);
        if proven.is_none() {
            self.0.refused.fetch_add(1, Ordering::Relaxed);
            // Whatever is no access key may be a secret that stands in the wrong place.
            let access_key = access.parse::<AccessKey>().ok();
            let access_key = access_key.as_ref().map(AccessKey::as_str);
            tracing::warn!(%address, access_key, "an access key or its secret is not right");
            self.0.guesses.slow(address, access).await;
        }
        proven
    }

    /// Tells whose a key is that was proven before: as long as it is good.
    pub fn holder(&self, access: &AccessKey) -> Option<Proven> {
        let ring = self.0.ring.load();
        let held = ring.get(access)?;
        self.let_in(held)
    }

    fn proven(&self, access: &str, secret: &str) -> Option<Proven> {
        let proof = proof(&self.0.parts.instance, access, secret);
        let ring = self.0.ring.load();
        let held = ring.get(access);
        // Where there is no such key, as much is compared.
        let wanted = held.map_or(Proof::of_nothing(), |held| held.key.proof);
        let is_right = proof == wanted;
        held.filter(|_| is_right).and_then(|held| self.let_in(held))
    }

    fn let_in(&self, held: &Held) -> Option<Proven> {
        let now = self.0.parts.clock.now();
        if held.key.state(now) != KeyState::Active {
            return None;
        }
        held.last_used.store(now.as_second(), Ordering::Relaxed);
        Some(Proven {
            principal: Principal::Key(held.key.name.clone()),
            rights: held.rights.clone(),
            access: held.key.access.clone(),
        })
    }

    /// Lists all of them, the oldest first.
    pub fn list(&self) -> Vec<ShownKey> {
        let now = self.0.parts.clock.now();
        let ring = self.0.ring.load();
        let mut shown: Vec<ShownKey> = ring.values().map(|held| held.shown(now)).collect();
        shown.sort_by_cached_key(|it| (it.key.created, it.key.access.clone()));
        shown
    }

    /// Tells how many times somebody was not let in since the start.
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// Tells how many are good.
    pub fn active(&self) -> usize {
        let now = self.0.parts.clock.now();
        let is_good = |held: &&Held| held.key.state(now) == KeyState::Active;
        self.0.ring.load().values().filter(is_good).count()
    }

    /// Makes a key.
    pub async fn create(&self, wanted: WantedKey, by: &Who) -> Result<Issued, ChangeError> {
        let (instance, now) = self.instance_now();
        let make = |book: &mut Book| {
            let issued = book.create(wanted, instance, now)?;
            let words = format!("{} was made", told(&issued.key));
            Ok((issued, words))
        };
        self.change(MADE, by, make).await
    }

    /// Makes a successor to a key, beside which that stays good for a while.
    pub async fn rotate(
        &self,
        which: &str,
        overlap: SignedDuration,
        by: &Who,
    ) -> Result<Issued, ChangeError> {
        let (instance, now) = self.instance_now();
        let rotate = |book: &mut Book| {
            let issued = book.rotate(which, overlap, instance, now)?;
            let seconds = overlap.as_secs();
            let words = format!(
                "{} follows the one before, which ends in {seconds} s",
                told(&issued.key)
            );
            Ok((issued, words))
        };
        self.change(ROTATED, by, rotate).await
    }

    /// Ends keys; in force on return.
    pub async fn revoke(&self, which: &Which, by: &Who) -> Result<Vec<Key>, ChangeError> {
        let now = self.0.parts.clock.now();
        let end = |book: &mut Book| {
            let ended = book.revoke(which, now)?;
            let each: Vec<String> = ended.iter().map(told).collect();
            let words = format!("{} was ended", each.join(", "));
            Ok((ended, words))
        };
        self.change(ENDED, by, end).await
    }

    /// Keeps when keys were used last; called now and then.
    pub async fn keep_last_uses(&self) -> Result<(), StoreError> {
        let ring = self.0.ring.load_full();
        let uses = ring.iter().filter_map(|(access, held)| {
            let used = held.last_used()?;
            Some((access.clone(), used))
        });
        self.0.parts.store.save_last_uses(&uses.collect()).await
    }

    /// Writes a line about keys that changes none; durable on return.
    pub(crate) async fn note(&self, told: Told, by: &Who) -> Result<(), AuditError> {
        self.0.vouched.note(told, by).await
    }

    fn instance_now(&self) -> (&InstanceKey, Timestamp) {
        let parts = &self.0.parts;
        (&parts.instance, parts.clock.now())
    }

    /// Carries out one change, and has it in force.
    async fn change<T>(
        &self,
        rule: &'static str,
        by: &Who,
        change: impl FnOnce(&mut Book) -> Result<(T, String), KeyError>,
    ) -> Result<T, ChangeError> {
        let change = |book: &mut Book| {
            let (changed, words) = change(book)?;
            Ok((changed, Some(Told { rule, words })))
        };
        let take_up = |book: &Book| {
            let before = self.0.ring.load();
            let ring = ring_of(book, |access| {
                let known = before.get(access).map(|held| Arc::clone(&held.last_used));
                known.unwrap_or_default()
            });
            self.0.ring.store(Arc::new(ring));
        };
        self.0.vouched.change(by, change, take_up).await
    }
}

impl Held {
    fn shown(&self, now: Timestamp) -> ShownKey {
        ShownKey {
            key: self.key.clone(),
            state: self.key.state(now),
            last_used: self.last_used(),
        }
    }

    fn last_used(&self) -> Option<Timestamp> {
        let used = self.last_used.load(Ordering::Relaxed);
        Timestamp::from_second(used).ok().filter(|_| used != 0)
    }
}

fn ring_of(book: &Book, last_used: impl Fn(&AccessKey) -> Arc<AtomicI64>) -> Ring {
    let held = |key: &Key| Held {
        key: key.clone(),
        rights: key.rights(),
        last_used: last_used(&key.access),
    };
    let keys = book.keys().iter();
    keys.map(|key| (key.access.clone(), held(key))).collect()
}

/// Tells of a key what a line of the log says.
fn told(key: &Key) -> String {
    let Key {
        name, access, role, ..
    } = key;
    let mut told = format!("key {name:?} ({access}), {role}");
    if !key.repositories.is_empty() {
        told.push_str(" of ");
        told.push_str(&key.repositories.join(", "));
    }
    if let Some(owner) = &key.owner {
        told.push_str(", for ");
        told.push_str(owner);
    }
    if let Some(end) = key.expires {
        told.push_str(", until ");
        told.push_str(&end.to_string());
    }
    told
}

#[cfg(test)]
pub(crate) mod tests;
