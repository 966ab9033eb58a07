//! The book of all scanners: what can be done to it. Pure; who keeps it is the business of `store`.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicegate_accounts::halves::Proof;
use sluicegate_accounts::vouched;
use sluicegate_accounts::wanted::{
    MAX_NAME_BYTES, MAX_PATTERN_BYTES, MAX_PATTERNS, is_name, shortened, wrong_pattern,
};
use sluicegate_engine::audit::About;
use sluicegate_engine::instance_key::InstanceKey;
use sluicegate_model::access::Reach;
use sluicegate_model::secret::Secret;

use crate::credential::{Credential, ScannerKey, credential_proof, linking_key, linking_proof};

/// Most scanners that are kept, those that have ended included.
pub const MAX_SCANNERS: usize = 1_000;
/// How long a linking key is good where nothing else is said, and at most.
const USUAL_LIFE: SignedDuration = SignedDuration::from_hours(1);
const MAX_LIFE: SignedDuration = SignedDuration::from_hours(24 * 30);
/// Longest text of a scanner's version, and of why one is suspended, in characters.
const MAX_TEXT_CHARS: usize = 200;

/// All scanners.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Book {
    scanners: Vec<Scanner>,
}

/// One scanner, from the day that its linking key was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scanner {
    /// What `scan_by` and the log call it.
    pub name: String,
    /// Patterns of the repositories that it may speak of; without any, all.
    pub repositories: Vec<String>,
    /// When its linking key was made.
    pub linked: Timestamp,
    /// When that key ends by itself.
    pub link_expires: Timestamp,
    link_proof: Proof,
    /// That it has used it.
    pub enrolment: Option<Enrolment>,
    /// That nothing it says is taken until somebody has looked.
    pub suspension: Option<Suspension>,
    /// When somebody ended it.
    pub revoked: Option<Timestamp>,
}

/// That a scanner has used its linking key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolment {
    /// What it is told apart by from every other, of the same name too.
    pub id: String,
    /// The public half of its credential.
    pub key: ScannerKey,
    proof: Proof,
    /// When.
    pub at: Timestamp,
    /// The version of its program then.
    pub version: String,
}

/// That a scanner said what is not so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suspension {
    /// Since when.
    pub at: Timestamp,
    /// What it was.
    pub why: String,
}

/// How a scanner stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScannerState {
    /// Its linking key waits to be used.
    Linked,
    /// That key ended before it was used.
    Expired,
    /// It works.
    Enrolled,
    /// Nothing it says is taken.
    Suspended,
    /// Somebody ended it.
    Revoked,
}

/// A scanner that somebody wants.
#[derive(Clone, Debug)]
pub struct WantedScanner {
    /// What it is to be called; none to be given a name.
    pub name: Option<String>,
    /// Patterns of its repositories; none for all.
    pub repositories: Vec<String>,
    /// How long its linking key is good.
    pub life: Option<SignedDuration>,
}

/// A scanner whose linking key was just made, with what is told only now.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The scanner.
    pub scanner: Scanner,
    /// Its linking key.
    pub linking_key: Secret,
}

/// Says why the book stays as it is. The fault is the one's who asks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// A name is none.
    #[error(
        "the name {0:?} is none: wanted 1 to {MAX_NAME_BYTES} small letters, digits, '.', '_' or '-'"
    )]
    Name(String),
    /// A scanner of this name is there.
    #[error("there is a scanner {0:?}; revoke it, or choose another name")]
    Taken(String),
    /// A pattern is none.
    #[error(
        "the pattern {0:?} is none: wanted 1 to {MAX_PATTERN_BYTES} bytes such as \
         registry.local/team/**, at most {MAX_PATTERNS} of them"
    )]
    Pattern(String),
    /// A linking key cannot live so long.
    #[error("a linking key lives between a second and thirty days")]
    Life,
    /// There is no such scanner.
    #[error("there is no scanner {0:?} that could be ended")]
    Unknown(String),
    /// No linking key is like this.
    #[error("the linking key is not right")]
    WrongKey,
    /// The linking key was used by somebody else.
    #[error("the linking key was used before: it is good once; make another with `scanners link`")]
    Used,
    /// The linking key's time is over, or somebody ended it.
    #[error("the linking key has ended; make another with `scanners link`")]
    Ended,
    /// Which there are is not known yet.
    #[error("the linked scanners are not taken up yet")]
    NotYet,
    /// There are too many.
    #[error("there are {MAX_SCANNERS} scanners, as many as are kept")]
    Full,
}

impl Scanner {
    /// Tells how it stands now.
    pub fn state(&self, now: Timestamp) -> ScannerState {
        if self.revoked.is_some() {
            return ScannerState::Revoked;
        }
        match (&self.enrolment, &self.suspension) {
            (Some(_), Some(_)) => ScannerState::Suspended,
            (Some(_), None) => ScannerState::Enrolled,
            (None, _) if self.link_expires <= now => ScannerState::Expired,
            (None, _) => ScannerState::Linked,
        }
    }

    /// Gives the repositories that it may speak of.
    pub fn reach(&self) -> Reach {
        Reach::of(&self.repositories)
    }

    /// Tells whether this is its credential.
    pub(crate) fn is_proven_by(&self, proof: Proof) -> bool {
        let enrolment = self.enrolment.as_ref();
        enrolment.is_some_and(|enrolment| enrolment.proof == proof)
    }
}

impl vouched::Book for Book {
    const ABOUT: About = About::Scanners;
    const TAKEN_UP: &str = "scanners-taken-up";
}

impl Book {
    /// Lists every scanner, the oldest first.
    pub fn scanners(&self) -> &[Scanner] {
        &self.scanners
    }

    /// Adds a scanner that has a linking key and nothing else.
    pub fn link(
        &mut self,
        wanted: WantedScanner,
        instance: &InstanceKey,
        now: Timestamp,
    ) -> Result<Issued, BookError> {
        let name = wanted.name.unwrap_or_else(random_name);
        if !is_name(&name) {
            return Err(BookError::Name(shortened(&name)));
        }
        if let Some(pattern) = wrong_pattern(&wanted.repositories) {
            return Err(BookError::Pattern(shortened(pattern)));
        }
        let life = wanted.life.unwrap_or(USUAL_LIFE);
        if life < SignedDuration::from_secs(1) || life > MAX_LIFE {
            return Err(BookError::Life);
        }
        let link_expires = now.checked_add(life).map_err(|_| BookError::Life)?;
        let is_there = |scanner: &Scanner| {
            let state = scanner.state(now);
            let has_ended = matches!(state, ScannerState::Revoked | ScannerState::Expired);
            scanner.name == name && !has_ended
        };
        if self.scanners.iter().any(is_there) {
            return Err(BookError::Taken(name));
        }
        // Nobody asks for a key that ended unused.
        let is_spent = |scanner: &Scanner| scanner.state(now) == ScannerState::Expired;
        self.scanners.retain(|scanner| !is_spent(scanner));
        if self.scanners.len() >= MAX_SCANNERS {
            return Err(BookError::Full);
        }
        let linking_key = linking_key();
        let scanner = Scanner {
            name,
            repositories: wanted.repositories,
            linked: now,
            link_expires,
            link_proof: linking_proof(instance, &linking_key),
            enrolment: None,
            suspension: None,
            revoked: None,
        };
        self.scanners.push(scanner.clone());
        Ok(Issued {
            scanner,
            linking_key,
        })
    }

    /// Takes the one use of a linking key: from now on the credential is the scanner's. Gives the
    /// scanner, and whether the book has changed: the same once more changes nothing.
    pub fn enrol(
        &mut self,
        linking_key: &Secret,
        credential: &Credential,
        version: &str,
        instance: &InstanceKey,
        now: Timestamp,
    ) -> Result<(Scanner, bool), BookError> {
        let linking = linking_proof(instance, linking_key);
        let proof = credential_proof(instance, credential);
        let is_taken = self.named_by(&credential.key).is_some();
        let mut all = self.scanners.iter_mut();
        let scanner = all.find(|scanner| scanner.link_proof == linking);
        let scanner = scanner.ok_or(BookError::WrongKey)?;
        match scanner.state(now) {
            ScannerState::Linked if is_taken => Err(BookError::Used),
            ScannerState::Linked => {
                scanner.enrolment = Some(Enrolment {
                    id: hex::encode(rand::random::<[u8; 10]>()),
                    key: credential.key.clone(),
                    proof,
                    at: now,
                    version: shown(version),
                });
                Ok((scanner.clone(), true))
            }
            ScannerState::Enrolled if scanner.is_proven_by(proof) => Ok((scanner.clone(), false)),
            ScannerState::Enrolled | ScannerState::Suspended => Err(BookError::Used),
            ScannerState::Expired | ScannerState::Revoked => Err(BookError::Ended),
        }
    }

    /// Finds the scanner that a credential names.
    pub fn named_by(&self, key: &ScannerKey) -> Option<&Scanner> {
        let has_key = |scanner: &&Scanner| {
            let enrolment = scanner.enrolment.as_ref();
            enrolment.is_some_and(|enrolment| enrolment.key == *key)
        };
        self.scanners.iter().find(has_key)
    }

    /// Ends the scanner of a name, and gives it.
    pub fn revoke(&mut self, name: &str, now: Timestamp) -> Result<Vec<Scanner>, BookError> {
        let mut ended = Vec::new();
        for scanner in &mut self.scanners {
            if scanner.name == name && scanner.revoked.is_none() {
                scanner.revoked = Some(now);
                ended.push(scanner.clone());
            }
        }
        if ended.is_empty() {
            return Err(BookError::Unknown(shortened(name)));
        }
        Ok(ended)
    }

    /// Ends every scanner that has not ended.
    pub fn end_all(&mut self, now: Timestamp) {
        for scanner in &mut self.scanners {
            scanner.revoked.get_or_insert(now);
        }
    }

    /// Takes nothing more of an enrolled scanner; none where it has ended anyway.
    pub fn suspend(&mut self, enrolment: &str, why: &str, now: Timestamp) -> Option<Scanner> {
        let is_meant = |scanner: &&mut Scanner| {
            let own = scanner.enrolment.as_ref();
            own.is_some_and(|own| own.id == enrolment)
                && scanner.state(now) == ScannerState::Enrolled
        };
        let scanner = self.scanners.iter_mut().find(is_meant)?;
        scanner.suspension = Some(Suspension {
            at: now,
            why: shown(why),
        });
        Some(scanner.clone())
    }
}

fn random_name() -> String {
    format!("scanner-{}", hex::encode(rand::random::<[u8; 3]>()))
}

/// Leaves of a foreign text what is shown of it.
fn shown(text: &str) -> String {
    let is_shown = |c: &char| !c.is_control();
    text.chars().filter(is_shown).take(MAX_TEXT_CHARS).collect()
}

#[cfg(test)]
mod tests;
