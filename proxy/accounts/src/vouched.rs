//! A book that the log vouches for. A change is kept, then written to the log, then in force, then
//! answered: nobody is let in whom the log does not know of, and who was ended stays so. At a start
//! the book has to be the one that the log tells of, or one change ahead of it that nobody was told of.

use std::fmt::Debug;
use std::sync::Arc;

use serde::Serialize;
use sluicegate_engine::audit::{About, Audit, AuditError, KeyLine};
use sluicegate_engine::identity::Who;
use sluicegate_model::Digest;
use sluicegate_model::clock::Clock;
use tokio::sync::Mutex;

use super::kept::{BookStore, Kept, StoreError};

/// What somebody has who is let in, all of it.
pub trait Book: Clone + Default + Debug + Serialize + Send + Sync + 'static {
    /// Of what its lines in the log are.
    const ABOUT: About;
    /// What a line calls it that a change was kept before a crash.
    const TAKEN_UP: &str;

    /// Tells whether it can be one that was written: nobody is in it twice.
    fn is_sound(&self) -> bool {
        true
    }

    /// Gives what it is told apart by.
    fn digest(&self) -> Digest {
        Digest::of(&serde_json::to_vec(self).unwrap_or_default())
    }
}

/// Where a book is kept and logged.
#[derive(Debug)]
pub struct BookParts<B> {
    /// Where it is kept.
    pub store: Arc<dyn BookStore<B>>,
    /// Where changes are written.
    pub log: Arc<dyn Audit>,
    /// The time of day.
    pub clock: Clock,
}

impl<B> Clone for BookParts<B> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            log: Arc::clone(&self.log),
            clock: self.clock.clone(),
        }
    }
}

/// A book in force.
#[derive(Debug)]
pub struct Vouched<B> {
    parts: BookParts<B>,
    /// As the log knows it; whoever changes it holds this.
    logged: Mutex<Logged<B>>,
}

/// A book, and what the log tells of it: nothing before the first change.
#[derive(Debug)]
struct Logged<B> {
    book: B,
    digest: Option<Digest>,
}

/// A line that is to be written of a change: what it is called, and in words what it was.
#[derive(Debug)]
pub struct Told {
    /// What it is called.
    pub rule: &'static str,
    /// What it was; never a secret.
    pub words: String,
}

/// Says why a book is not believed.
#[derive(Debug, thiserror::Error)]
pub enum Unproven {
    /// It cannot be read, or is not what was written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is gone, and the log knows of it.
    #[error("it is missing")]
    Missing,
    /// It is another than the log tells of.
    #[error("it is not the one that the log tells of")]
    NotAsLogged,
    /// The log does not take the line that says what was found.
    #[error(transparent)]
    Log(#[from] AuditError),
}

/// Says why a book stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError<E: std::error::Error> {
    /// What was asked for makes no sense: the fault of whoever asks.
    #[error(transparent)]
    Asked(E),
    /// It cannot be kept.
    #[error(transparent)]
    Store(StoreError),
    /// It cannot be logged.
    #[error(transparent)]
    Log(AuditError),
}

impl<B: Book> Vouched<B> {
    /// Takes up the book that is kept, where it is the one that the log tells of: `logged` is the digest
    /// in its last line about a change.
    pub async fn open(
        parts: BookParts<B>,
        logged: Option<Digest>,
        by: &Who,
    ) -> Result<Self, Unproven> {
        let (book, digest) = match (parts.store.load().await?, logged) {
            (None, None) => (B::default(), None),
            (None, Some(_)) => return Err(Unproven::Missing),
            (Some(kept), logged) => {
                let digest = Some(kept.book.digest());
                if logged != digest {
                    if logged != kept.previous {
                        return Err(Unproven::NotAsLogged);
                    }
                    let words = "a change was kept before a crash and is in force now".to_owned();
                    let told = Told {
                        rule: B::TAKEN_UP,
                        words,
                    };
                    parts.write(told, digest.clone(), by).await?;
                }
                (kept.book, digest)
            }
        };
        Ok(Self::of(parts, book, digest))
    }

    /// Puts a book in the place of whatever is kept; what the log told of last goes before.
    pub async fn replace(
        parts: BookParts<B>,
        (book, logged): (B, Option<Digest>),
        told: Told,
        by: &Who,
    ) -> Result<Self, Unproven> {
        let kept = Kept {
            book,
            previous: logged,
        };
        let digest = Some(kept.book.digest());
        parts.store.save(&kept).await?;
        parts.write(told, digest.clone(), by).await?;
        Ok(Self::of(parts, kept.book, digest))
    }

    fn of(parts: BookParts<B>, book: B, digest: Option<Digest>) -> Self {
        Self {
            parts,
            logged: Mutex::new(Logged { book, digest }),
        }
    }

    /// Gives the book as it is now.
    pub async fn book(&self) -> B {
        self.logged.lock().await.book.clone()
    }

    /// Carries out one change: kept, logged, and then in force by `take_up`, one after the other.
    /// Without a line to tell nothing has changed.
    pub async fn change<T, E: std::error::Error>(
        &self,
        by: &Who,
        change: impl FnOnce(&mut B) -> Result<(T, Option<Told>), E>,
        take_up: impl FnOnce(&B),
    ) -> Result<T, ChangeError<E>> {
        let mut logged = self.logged.lock().await;
        let mut next = Kept {
            book: logged.book.clone(),
            previous: logged.digest.clone(),
        };
        let (changed, told) = change(&mut next.book).map_err(ChangeError::Asked)?;
        let Some(told) = told else {
            return Ok(changed);
        };
        let digest = Some(next.book.digest());
        let parts = &self.parts;
        let kept = parts.store.save(&next).await;
        kept.map_err(ChangeError::Store)?;
        let written = parts.write(told, digest.clone(), by).await;
        written.map_err(ChangeError::Log)?;
        take_up(&next.book);
        *logged = Logged {
            book: next.book,
            digest,
        };
        Ok(changed)
    }

    /// Writes a line that changes nothing; durable on return.
    pub async fn note(&self, told: Told, by: &Who) -> Result<(), AuditError> {
        self.parts.write(told, None, by).await
    }
}

impl<B: Book> BookParts<B> {
    async fn write(&self, told: Told, book: Option<Digest>, by: &Who) -> Result<(), AuditError> {
        let line = KeyLine {
            about: B::ABOUT,
            who: by.clone(),
            rule: told.rule,
            words: told.words,
            book,
        };
        self.log.record_key(line, self.clock.now()).await
    }
}
