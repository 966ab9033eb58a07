//! The scanners in force: who is proven to be one, and what becomes of them.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use sluicegate_accounts::guesses::Guesses;
use sluicegate_accounts::vouched::{self, BookParts, Told, Unproven, Vouched};
use sluicegate_engine::identity::Who;
use sluicegate_engine::instance_key::InstanceKey;
use sluicegate_model::access::Reach;
use sluicegate_model::secret::Secret;
use sluicegate_model::{Digest, Domain};

use crate::book::{Book, BookError, Issued, Scanner, ScannerState, WantedScanner};
use crate::credential::{Credential, credential_proof, is_linking_key};

/// What lines of the log call what was done.
const LINKED: &str = "scanner-linked";
const ENROLLED: &str = "scanner-enrolled";
const SUSPENDED: &str = "scanner-suspended";
const REVOKED: &str = "scanner-revoked";
const LOST: &str = "scanners-lost";
const OLDER: &str = "scanners-not-as-logged";

/// The scanners of an instance.
#[derive(Clone, Debug)]
pub struct Roll(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    parts: RollParts,
    /// Set once they are taken up.
    vouched: OnceLock<Vouched<Book>>,
    in_force: ArcSwap<InForce>,
    /// Enrolments that nothing is taken of, whether or not that could be kept.
    distrusted: Mutex<HashSet<String>>,
    guesses: Guesses,
}

/// The book, and those of it that work by their names.
#[derive(Debug, Default)]
struct InForce {
    book: Book,
    members: HashMap<String, Arc<Member>>,
}

/// What scanners are kept, logged and proven with.
#[derive(Clone, Debug)]
pub struct RollParts {
    /// Where they are kept and logged.
    pub book: BookParts<Book>,
    /// What secrets are proven with.
    pub instance: InstanceKey,
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
    /// The domain of what it says.
    pub domain: Domain,
}

/// Says why the scanners stay as they are.
pub type ChangeError = vouched::ChangeError<BookError>;

impl Member {
    /// Gives the domain of what a scanner would say that is not linked.
    pub(crate) fn domain_of_nobody(name: &str) -> Domain {
        domain(name, "")
    }

    /// Gives a scanner as one that works; none where it does not.
    fn of(scanner: &Scanner, now: Timestamp) -> Option<Self> {
        let enrolment = scanner.enrolment.as_ref()?;
        (scanner.state(now) == ScannerState::Enrolled).then(|| Self {
            name: scanner.name.clone(),
            enrolment: enrolment.id.clone(),
            reach: scanner.reach(),
            domain: domain(&scanner.name, &enrolment.id),
        })
    }
}

fn domain(name: &str, enrolment: &str) -> Domain {
    Domain::Scanner {
        name: name.into(),
        enrolment: enrolment.into(),
    }
}

impl Roll {
    /// Begins without any; [`Self::take_up`] finds those that are kept.
    pub fn new(parts: RollParts) -> Self {
        Self(Arc::new(Shared {
            parts,
            vouched: OnceLock::new(),
            in_force: ArcSwap::default(),
            distrusted: Mutex::default(),
            guesses: Guesses::default(),
        }))
    }

    /// Takes up the scanners that are kept, once. Where they are not those that the log tells of, each
    /// of them has ended: nobody knows which were revoked since.
    pub async fn take_up(&self, logged: Option<Digest>, by: &Who) -> Result<(), Unproven> {
        let parts = || self.0.parts.book.clone();
        let vouched = match Vouched::open(parts(), logged.clone(), by).await {
            Err(Unproven::Missing) => {
                let words = "the linked scanners are missing; each has to be linked anew";
                let begun = self.begin(Book::default(), logged, (LOST, words), by);
                begun.await?
            }
            Err(Unproven::NotAsLogged) => {
                let kept = parts().store.load().await?;
                let mut book = kept.map(|kept| kept.book).unwrap_or_default();
                book.end_all(self.now());
                let words = "the linked scanners are not those that this log tells of, an older file \
                             was put back: all of them were ended, and have to be linked anew";
                self.begin(book, logged, (OLDER, words), by).await?
            }
            opened => opened?,
        };
        self.put_in_force(&vouched.book().await);
        // Who takes them up twice has those of the first time.
        let _is_first = self.0.vouched.set(vouched);
        Ok(())
    }

    async fn begin(
        &self,
        book: Book,
        logged: Option<Digest>,
        (rule, words): (&'static str, &str),
        by: &Who,
    ) -> Result<Vouched<Book>, Unproven> {
        tracing::error!("{words}");
        let words = words.to_owned();
        let parts = self.0.parts.book.clone();
        Vouched::replace(parts, (book, logged), Told { rule, words }, by).await
    }

    fn put_in_force(&self, book: &Book) {
        let (now, distrusted) = (self.now(), self.distrusted());
        let members = book.scanners().iter();
        let members = members.filter_map(|scanner| Member::of(scanner, now));
        let members = members.filter(|member| !distrusted.contains(&member.enrolment));
        let in_force = InForce {
            book: book.clone(),
            members: members
                .map(|member| (member.name.clone(), Arc::new(member)))
                .collect(),
        };
        self.0.in_force.store(Arc::new(in_force));
    }

    fn distrusted(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        let distrusted = self.0.distrusted.lock();
        distrusted.unwrap_or_else(PoisonError::into_inner)
    }

    /// Lists all of them, the oldest first.
    pub fn all(&self) -> Vec<Scanner> {
        self.0.in_force.load().book.scanners().to_vec()
    }

    /// Tells the time.
    pub fn now(&self) -> Timestamp {
        self.0.parts.book.clock.now()
    }

    /// Lists those that work.
    pub fn in_force(&self) -> Vec<Arc<Member>> {
        self.0.in_force.load().members.values().cloned().collect()
    }

    /// Finds the scanner that works under a name.
    pub fn named(&self, name: &str) -> Option<Arc<Member>> {
        self.0.in_force.load().members.get(name).cloned()
    }

    /// Tells which scanner at this address presents this; none where it is none that works. Whoever
    /// guesses waits.
    pub async fn prove(&self, address: IpAddr, presented: &Secret) -> Option<Arc<Member>> {
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

    fn member(&self, credential: &Credential) -> Option<Arc<Member>> {
        let proof = credential_proof(&self.0.parts.instance, credential);
        let in_force = self.0.in_force.load();
        let scanner = in_force.book.named_by(&credential.key)?;
        let member = scanner.is_proven_by(proof).then_some(&scanner.name)?;
        let member = in_force.members.get(member)?;
        let enrolment = scanner.enrolment.as_ref()?;
        (member.enrolment == enrolment.id).then(|| Arc::clone(member))
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
            Err(ChangeError::Asked(BookError::WrongKey))
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
        // Whatever becomes of the change: what it says is not believed from now on.
        self.distrusted().insert(enrolment.to_owned());
        self.put_in_force(&Book::clone(&self.0.in_force.load().book));
        let suspend = |book: &mut Book| {
            let suspended = book.suspend(enrolment, why, now);
            let words = suspended.as_ref();
            let words = words.map(|it| format!("{} was suspended: {why}", told(it)));
            Ok((suspended, words))
        };
        self.change(SUSPENDED, by, suspend).await
    }

    /// Carries out one change, and has it in force. Without words nothing has changed.
    async fn change<T>(
        &self,
        rule: &'static str,
        by: &Who,
        change: impl FnOnce(&mut Book) -> Result<(T, Option<String>), BookError>,
    ) -> Result<T, ChangeError> {
        let vouched = self.0.vouched.get();
        let vouched = vouched.ok_or(ChangeError::Asked(BookError::NotYet))?;
        let change = |book: &mut Book| {
            let (changed, words) = change(book)?;
            Ok((changed, words.map(|words| Told { rule, words })))
        };
        let take_up = |book: &Book| self.put_in_force(book);
        vouched.change(by, change, take_up).await
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
