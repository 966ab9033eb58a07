//! The digests that were told of lately, each with its scan: registries tell of one push several
//! times.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use sluicegate_model::{Digest, Repository};

/// How long a digest that was told of starts nothing again.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(1);
/// Digests that are remembered, the newest ones: some hundred bytes each.
const MAX_REMEMBERED: usize = 4_096;

/// What was told of within the hour, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<Told>);

/// A digest that was told of.
#[derive(Debug)]
struct Told {
    repository: Repository,
    digest: Digest,
    scan: String,
    since: Timestamp,
}

impl Recent {
    /// Forgets what was told of an hour ago.
    pub(super) fn forget_old(&mut self, now: Timestamp) {
        self.0
            .retain(|told| now.duration_since(told.since) < REMEMBERED);
    }

    /// Gives the scan of a digest that was told of.
    pub(super) fn scan(&self, repository: &Repository, digest: &Digest) -> Option<&str> {
        let found = self.0.iter().find(|told| told.is_of(repository, digest));
        found.map(|told| told.scan.as_str())
    }

    /// Remembers the scan of a digest, in the place of an earlier one.
    pub(super) fn note(
        &mut self,
        repository: Repository,
        digest: Digest,
        scan: String,
        now: Timestamp,
    ) {
        self.0.retain(|told| !told.is_of(&repository, &digest));
        if self.0.len() >= MAX_REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(Told {
            repository,
            digest,
            scan,
            since: now,
        });
    }
}

impl Told {
    fn is_of(&self, repository: &Repository, digest: &Digest) -> bool {
        self.digest == *digest && self.repository == *repository
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    #[test]
    fn a_digest_is_known_for_an_hour_where_it_was_told_of() {
        let (here, there) = ("up.test/a".parse().unwrap(), "up.test/b".parse().unwrap());
        let digest = Digest::of(b"1");
        let mut recent = Recent::default();
        recent.note(
            Repository::clone(&here),
            digest.clone(),
            "one".to_owned(),
            at(0),
        );
        assert_eq!(recent.scan(&here, &digest), Some("one"));
        assert_eq!(recent.scan(&there, &digest), None);
        assert_eq!(recent.scan(&here, &Digest::of(b"2")), None);
        recent.note(here.clone(), digest.clone(), "two".to_owned(), at(60));
        assert_eq!(recent.scan(&here, &digest), Some("two"));
        recent.forget_old(at(3_600));
        assert_eq!(recent.scan(&here, &digest), Some("two"));
        recent.forget_old(at(3_660));
        assert_eq!(recent.scan(&here, &digest), None);
    }

    #[test]
    fn the_newest_are_remembered() {
        let here: Repository = "up.test/a".parse().unwrap();
        let digest = |number: usize| Digest::of(number.to_string().as_bytes());
        let mut recent = Recent::default();
        for number in 0..=MAX_REMEMBERED {
            recent.note(here.clone(), digest(number), number.to_string(), at(0));
        }
        assert_eq!(recent.0.len(), MAX_REMEMBERED);
        assert_eq!(recent.scan(&here, &digest(0)), None);
        assert_eq!(recent.scan(&here, &digest(1)), Some("1"));
    }
}
