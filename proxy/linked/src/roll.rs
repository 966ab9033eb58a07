//! The scanners in force: who is proven to be one, and what becomes of them.
//!
//! A change is kept, then written to the log, then in force, then answered: nobody works whom the log
//! does not know of, and one that was ended has nothing taken of it once that was answered.

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use sluicegate_accounts::guesses::Guesses;
use sluicegate_engine::audit::{Audit, AuditError, KeyLine};
use sluicegate_engine::identity::Who;
use sluicegate_engine::instance_key::InstanceKey;
use sluicegate_model::Domain;
use sluicegate_model::access::Reach;
use sluicegate_model::clock::Clock;
use sluicegate_model::secret::Secret;
use tokio::sync::Mutex;

use crate::book::{Book, BookError, Issued, Scanner, ScannerState, WantedScanner};
use crate::credential::{Credential, Proof, is_linking_key};
use crate::store::{BookStore, BookStoreError};

/// What lines of the log call what was done.
const LINKED: &str = "scanner-linked";
const ENROLLED: &str = "scanner-enrolled";
const SUSPENDED: &str = "scanner-suspended";
const REVOKED: &str = "scanner-revoked";

/// The scanners of an instance.
#[derive(Clone, Debug)]
pub struct Roll(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    parts: RollParts,
    book: ArcSwap<Book>,
    /// Held by whoever changes the book.
    changing: Mutex<()>,
    guesses: Guesses,
}

/// What scanners are kept, logged and proven with.
#[derive(Clone, Debug)]
pub struct RollParts {
    /// Where they are kept.
    pub store: Arc<dyn BookStore>,
    /// Where changes are written.
    pub log: Arc<dyn Audit>,
    /// What secrets are proven with.
    pub instance: InstanceKey,
    /// The time of day.
    pub clock: Clock,
}

/// A scanner that is enrolled and works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// What it is called.
    pub name: String,
    /// Which enrolment of that name.
    pub enrolment: String,
    /// The repositories that it may speak of.
    pub reach: Reach,
}

/// Says why the scanners stay as they are.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// What was asked for makes no sense: the fault of whoever asks.
    #[error(transparent)]
    Asked(#[from] BookError),
    /// It cannot be kept.
    #[error(transparent)]
    Store(#[from] BookStoreError),
    /// It cannot be logged.
    #[error(transparent)]
    Log(#[from] AuditError),
}

impl Member {
    /// Gives the domain of what it says.
    pub fn domain(&self) -> Domain {
        Domain::Scanner {
            name: self.name.clone(),
            enrolment: self.enrolment.clone(),
        }
    }

    /// Gives the domain of what a scanner would say that is not linked.
    pub(crate) fn domain_of_nobody(name: &str) -> Domain {
        Domain::Scanner {
            name: name.to_owned(),
            enrolment: String::new(),
        }
    }

    /// Gives a scanner as one that works; none where it does not.
    fn of(scanner: &Scanner, now: Timestamp) -> Option<Self> {
        let enrolment = scanner.enrolment.as_ref()?;
        (scanner.state(now) == ScannerState::Enrolled).then(|| Self {
            name: scanner.name.clone(),
            enrolment: enrolment.id.clone(),
            reach: scanner.reach(),
        })
    }
}

impl Roll {
    /// Begins without any; [`Self::take_up`] finds those that are kept.
    pub fn new(parts: RollParts) -> Self {
        Self(Arc::new(Shared {
            parts,
            book: ArcSwap::default(),
            changing: Mutex::new(()),
            guesses: Guesses::default(),
        }))
    }

    /// Takes up the scanners that are kept.
    pub async fn take_up(&self) -> Result<(), BookStoreError> {
        let _one_at_a_time = self.0.changing.lock().await;
        if let Some(book) = self.0.parts.store.load().await? {
            self.0.book.store(Arc::new(book));
        }
        Ok(())
    }

    /// Lists all of them, the oldest first.
    pub fn all(&self) -> Vec<Scanner> {
        self.0.book.load().scanners().to_vec()
    }

    /// Tells the time.
    pub fn now(&self) -> Timestamp {
        self.0.parts.clock.now()
    }

    /// Finds the scanner that works under a name.
    pub fn named(&self, name: &str) -> Option<Member> {
        let (now, book) = (self.now(), self.0.book.load());
        let mut named = book.scanners().iter().filter(|it| it.name == name);
        named.find_map(|scanner| Member::of(scanner, now))
    }

    /// Tells which scanner at this address presents this; none where it is none that works. Whoever
    /// guesses waits.
    pub async fn prove(&self, address: IpAddr, presented: &Secret) -> Option<Member> {
        let credential = Credential::parse(presented.expose()).ok();
        let member = credential.as_ref().and_then(|it| self.member(it));
        if member.is_none() {
            let key = credential.as_ref().map(|it| it.key.as_str());
            tracing::warn!(%address, key, "a scanner's credential is not right, or it has ended");
            let guesses = &self.0.guesses;
            guesses.slow(address, key.unwrap_or_default()).await;
        }
        member
    }

    fn member(&self, credential: &Credential) -> Option<Member> {
        let proof = Proof::of_credential(&self.0.parts.instance, credential);
        let book = self.0.book.load();
        let scanner = book.named_by(&credential.key)?;
        let is_right = scanner.is_proven_by(proof);
        is_right.then(|| Member::of(scanner, self.now())).flatten()
    }

    /// Makes a linking key for a scanner.
    pub async fn link(&self, wanted: WantedScanner, by: &Who) -> Result<Issued, ChangeError> {
        let (instance, now) = (&self.0.parts.instance, self.now());
        let link = |book: &mut Book| {
            let issued = book.link(wanted, instance, now)?;
            let words = format!("a linking key for {} was made", told(&issued.scanner));
            Ok((issued, Some(words)))
        };
        self.change(LINKED, by, link).await
    }

    /// Enrols a scanner by its linking key. To ask for the same once more changes nothing.
    ///
    /// *Errors*: whoever presents a wrong one waits.
    pub async fn enrol(
        &self,
        linking_key: &Secret,
        credential: &Credential,
        version: &str,
        by: &Who,
    ) -> Result<Member, ChangeError> {
        let (instance, now) = (&self.0.parts.instance, self.now());
        let enrol = |book: &mut Book| {
            let enrolled = book.enrol(linking_key, credential, version, instance, now)?;
            let (scanner, is_new) = enrolled;
            let words = is_new.then(|| format!("{} was enrolled", told(&scanner)));
            let member = Member::of(&scanner, now).ok_or(BookError::Ended)?;
            Ok((member, words))
        };
        let enrolled = if is_linking_key(linking_key.expose()) {
            self.change(ENROLLED, by, enrol).await
        } else {
            Err(BookError::WrongKey.into())
        };
        if let Err(ChangeError::Asked(error)) = &enrolled {
            tracing::warn!(address = %by.client, %error, "a scanner was not enrolled");
            self.0.guesses.slow(by.client, "").await;
        }
        enrolled
    }

    /// Ends the scanner of a name; in force on return.
    pub async fn revoke(&self, name: &str, by: &Who) -> Result<Vec<Scanner>, ChangeError> {
        let now = self.now();
        let revoke = |book: &mut Book| {
            let ended = book.revoke(name, now)?;
            let each: Vec<String> = ended.iter().map(told).collect();
            Ok((ended, Some(format!("{} was ended", each.join(", ")))))
        };
        self.change(REVOKED, by, revoke).await
    }

    /// Takes nothing more of an enrolled scanner; in force on return. None where it has ended anyway.
    pub async fn suspend(
        &self,
        enrolment: &str,
        why: &str,
        by: &Who,
    ) -> Result<Option<Scanner>, ChangeError> {
        let now = self.now();
        let suspend = |book: &mut Book| {
            let suspended = book.suspend(enrolment, why, now);
            let words = suspended.as_ref();
            let words = words.map(|it| format!("{} was suspended: {why}", told(it)));
            Ok((suspended, words))
        };
        self.change(SUSPENDED, by, suspend).await
    }

    /// Carries out one change: kept, logged, in force. Without words nothing has changed.
    async fn change<T>(
        &self,
        rule: &'static str,
        by: &Who,
        change: impl FnOnce(&mut Book) -> Result<(T, Option<String>), BookError>,
    ) -> Result<T, ChangeError> {
        let _one_at_a_time = self.0.changing.lock().await;
        let parts = &self.0.parts;
        let mut book = Book::clone(&self.0.book.load());
        let (changed, words) = change(&mut book)?;
        let Some(words) = words else {
            return Ok(changed);
        };
        parts.store.save(&book).await?;
        let line = KeyLine {
            who: by.clone(),
            rule,
            words,
            keys: None,
        };
        parts.log.record_key(line, parts.clock.now()).await?;
        self.0.book.store(Arc::new(book));
        Ok(changed)
    }
}

/// Names a scanner as lines of the log do.
fn told(scanner: &Scanner) -> String {
    let of = match scanner.repositories.as_slice() {
        [] => "all repositories".to_owned(),
        some => some.join(", "),
    };
    match &scanner.enrolment {
        Some(enrolment) => format!("scanner {:?} ({}) of {of}", scanner.name, enrolment.id),
        None => format!("scanner {:?} of {of}", scanner.name),
    }
}
