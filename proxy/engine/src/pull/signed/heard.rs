//! What keys that policies believe say of an image: what of it is heard, and what was said before.
//!
//! The newest word on each product and weakness is remembered before anything rests on it, so that
//! whoever takes it away, or puts an older one in its place, makes nothing quiet. What cannot be read,
//! or cannot be remembered, silences its key: it may be what that key said last.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use sluicegate_model::Digest;
use sluicegate_model::heard::{HeardVex, Remembered, SignedDocument, Unheard, VexMark};
use sluicegate_policy::{NotHeard, said_in};
use sluicegate_signatures::{MAX_VEX_BYTES, SignedVex};

use crate::ledger::{Ledger, MAX_SPOKEN_OF, MAX_WORDS};

/// Most bytes of documents of one key that are heard of one image: verdicts keep them.
const MAX_HEARD_BYTES: usize = 512 * 1024;
/// Most of what is not heard that a verdict names.
const MAX_UNHEARD: usize = 20;

/// A document that was found, and what it says.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Said {
    document: SignedDocument,
    /// What it says, or why nobody can tell.
    words: Result<Vec<VexMark>, String>,
}

impl Said {
    /// Reads a document that a key has signed for a manifest.
    pub(super) fn of(signed: SignedVex, manifest: &Digest) -> Self {
        let words = match &signed.text {
            None => Err(format!("it has more than {MAX_VEX_BYTES} bytes")),
            Some(text) => said_in(text).map_err(|why: NotHeard| why.to_string()),
        };
        let document = SignedDocument {
            key: signed.key,
            manifest: manifest.clone(),
            digest: signed.digest,
            text: signed.text.unwrap_or_default().into(),
        };
        Self { document, words }
    }

    /// Counts what it takes in memory, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let words = self.words.as_ref().map_or(0, Vec::len);
        1_024 + self.document.text.len() + 300 * words
    }
}

/// Hears what some keys say of manifests: those of an image and of the indexes that list it.
pub(super) async fn hear(
    ledger: &dyn Ledger,
    found: BTreeSet<Arc<Said>>,
    (keys, manifests): (BTreeSet<Digest>, &[Digest]),
    now: Timestamp,
) -> HeardVex {
    let mut heard = HeardVex::default();
    let mut by_key: BTreeMap<&Digest, Vec<&Said>> = BTreeMap::new();
    for said in &found {
        by_key.entry(&said.document.key).or_default().push(said);
    }
    for key in &keys {
        let own = by_key.remove(key).unwrap_or_default();
        match of_key(ledger, key, &own, manifests, now).await {
            Ok(own) => heard = heard.joined(&own),
            Err(unheard) => heard.unheard.extend(unheard),
        }
    }
    heard.unheard.sort();
    heard.unheard.dedup();
    if heard.unheard.len() > MAX_UNHEARD {
        heard.unheard.truncate(MAX_UNHEARD);
    }
    HeardVex { keys, ..heard }
}

/// Hears one key, or says why it is silent.
async fn of_key(
    ledger: &dyn Ledger,
    key: &Digest,
    found: &[&Said],
    manifests: &[Digest],
    now: Timestamp,
) -> Result<HeardVex, Vec<Unheard>> {
    let unread: Vec<Unheard> = found.iter().filter_map(|it| unreadable(it)).collect();
    if !unread.is_empty() {
        return Err(unread);
    }
    let bytes: usize = found.iter().map(|it| it.document.text.len()).sum();
    let silent = |manifest: &Digest, why: String| {
        vec![Unheard {
            key: key.clone(),
            manifest: manifest.clone(),
            document: None,
            why,
        }]
    };
    let first = manifests.first();
    if let Some(image) = first.filter(|_| bytes > MAX_HEARD_BYTES) {
        let why =
            format!("its documents on one image have more than {MAX_HEARD_BYTES} bytes together");
        return Err(silent(image, why));
    }
    let mut heard = HeardVex::default();
    for manifest in manifests {
        let own = found.iter().filter(|it| it.document.manifest == *manifest);
        let own: Vec<&Said> = own.copied().collect();
        let before = remembered(ledger, (key, manifest), &own, now).await;
        let before = before.map_err(|why| silent(manifest, why))?;
        let of_manifest = over(key, manifest, &own, before, now);
        heard = heard.joined(&of_manifest);
    }
    Ok(heard)
}

fn unreadable(said: &Said) -> Option<Unheard> {
    let why = said.words.as_ref().err()?;
    Some(unheard(said, why.clone()))
}

fn unheard(said: &Said, why: String) -> Unheard {
    let document = &said.document;
    Unheard {
        key: document.key.clone(),
        manifest: document.manifest.clone(),
        document: Some(document.digest.clone()),
        why,
    }
}

/// Remembers what is said by now, and gives what was said before.
async fn remembered(
    ledger: &dyn Ledger,
    (key, manifest): (&Digest, &Digest),
    found: &[&Said],
    now: Timestamp,
) -> Result<Vec<VexMark>, String> {
    let failed = |error: &dyn std::fmt::Display| {
        tracing::warn!(%key, %manifest, %error, "what was said before is not known");
        "what it said before could not be looked up".to_owned()
    };
    let before = ledger.words(key, manifest).await;
    let before = before.map_err(|error| failed(&error))?;
    let said = found.iter().flat_map(|it| it.words.iter().flatten());
    let by_now = said.filter(|word| word.at <= now);
    let is_new = |word: &&VexMark| {
        !before
            .iter()
            .any(|it| it.is_on_same(word) && !word.is_over(it))
    };
    let new: Vec<VexMark> = by_now.filter(is_new).cloned().collect();
    if new.is_empty() {
        return Ok(before);
    }
    match ledger.remember(key, manifest, &new).await {
        Ok(true) => Ok(before),
        Ok(false) => Err(format!(
            "there is no room to remember it: {MAX_WORDS} words on one image, {MAX_SPOKEN_OF} images"
        )),
        Err(error) => Err(failed(&error)),
    }
}

/// Holds what is said against what was: what is said no more is kept beside it, and what is older than
/// that, or dated in the future, is not heard.
fn over(
    key: &Digest,
    manifest: &Digest,
    found: &[&Said],
    before: Vec<VexMark>,
    now: Timestamp,
) -> HeardVex {
    let mut heard = HeardVex::default();
    let said = || found.iter().flat_map(|it| it.words.iter().flatten());
    let is_gone = |word: &VexMark| {
        let mut now_said = said().filter(|it| it.at <= now && it.is_on_same(word));
        !now_said.any(|it| it.is_over(word) || (it.at, it.status) == (word.at, word.status))
    };
    let gone: Vec<VexMark> = before.into_iter().filter(is_gone).collect();
    for it in found {
        for word in it.words.iter().flatten() {
            let later = gone.iter().find(|gone| gone.is_on_same(word));
            let on = format!("{} in {}", word.vulnerability, word.product);
            if word.at > now {
                let why = format!("on {on}: it is dated {}, which is still to come", word.at);
                heard.unheard.push(unheard(it, why));
            } else if let Some(later) = later {
                let why = format!(
                    "on {on}: it is of {}, and the same key said {} on {}",
                    word.at,
                    later.status.as_str(),
                    later.at
                );
                heard.unheard.push(unheard(it, why));
            }
        }
    }
    heard.documents = found.iter().map(|it| it.document.clone()).collect();
    heard.remembered = gone
        .into_iter()
        .map(|said| Remembered {
            key: key.clone(),
            manifest: manifest.clone(),
            said,
        })
        .collect();
    heard.documents.sort();
    heard.remembered.sort();
    heard.unheard.sort();
    heard
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sluicegate_model::vex::VexStatus;

    use super::*;
    use crate::testkit::MemoryLedger;

    const STATUSES: [&str; 4] = ["not_affected", "fixed", "under_investigation", "affected"];
    const NOW: &str = "2026-06-15T00:00:00Z";

    /// A word: on which product, of which day of June, of which status.
    type Word = (u8, u8, usize);

    fn digest(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    fn said((product, day, status): Word) -> Arc<Said> {
        let text = json!({
            "@context": "https://openvex.dev/ns", "@id": "x", "author": "a", "version": 1,
            "timestamp": format!("2026-06-{day:02}T00:00:00Z"),
            "statements": [{
                "vulnerability": "CVE-1", "products": [format!("pkg:npm/p{product}")],
                "status": STATUSES[status],
            }],
        });
        let text = text.to_string();
        let signed = SignedVex {
            key: digest("key"),
            digest: digest(&text),
            text: Some(text),
        };
        Arc::new(Said::of(signed, &digest("image")))
    }

    fn heard_of(ledger: &MemoryLedger, words: &[Word]) -> HeardVex {
        let found = words.iter().map(|word| said(*word)).collect();
        let (keys, manifests) = (BTreeSet::from([digest("key")]), [digest("image")]);
        let hearing = hear(ledger, found, (keys, &manifests), NOW.parse().unwrap());
        futures_util::future::FutureExt::now_or_never(hearing).unwrap()
    }

    /// Some words, as a seed has them.
    fn words(seed: &str) -> Vec<Word> {
        let digits = digest(seed);
        let digits = digits.hex().as_bytes().chunks(4);
        let number = |digits: &[u8]| {
            let text = std::str::from_utf8(digits).unwrap();
            usize::from_str_radix(text, 16).unwrap()
        };
        let mut numbers = digits.map(number);
        let count = numbers.next().unwrap() % 6;
        let word = |number: usize| {
            let day = u8::try_from(1 + number / 3 % 29).unwrap();
            (u8::try_from(number % 3).unwrap(), day, number / 87 % 4)
        };
        numbers.take(count).map(word).collect()
    }

    fn at(word: &Word) -> (u8, VexStatus) {
        let statuses = [
            VexStatus::NotAffected,
            VexStatus::Fixed,
            VexStatus::UnderInvestigation,
            VexStatus::Affected,
        ];
        (word.1, statuses[word.2])
    }

    /// Whatever comes and goes: the newest word that ever was on a product is said now, or is
    /// remembered; and of what is to come nothing is.
    #[test]
    fn the_newest_word_is_said_or_remembered() {
        for seed in 0..500 {
            let ledger = MemoryLedger::default();
            let mut ever: BTreeMap<u8, Word> = BTreeMap::new();
            for look in 0..6 {
                let words = words(&format!("{seed} {look}"));
                let heard = heard_of(&ledger, &words);
                let by_now: Vec<&Word> = words.iter().filter(|word| word.1 <= 15).collect();
                for word in &by_now {
                    let newest = ever.entry(word.0).or_insert(**word);
                    if at(word) > at(newest) {
                        *newest = **word;
                    }
                }
                let gone: BTreeMap<String, (Timestamp, VexStatus)> = heard
                    .remembered
                    .iter()
                    .map(|it| (it.said.product.clone(), (it.said.at, it.said.status)))
                    .collect();
                for (product, newest) in &ever {
                    let is_said = |it: &&Word| it.0 == *product && at(it) == at(newest);
                    let is_said = by_now.iter().copied().any(|it| is_said(&it));
                    let name = format!("{{\"@id\":\"pkg:npm/p{product}\"}}");
                    let (day, status) = at(newest);
                    let day = format!("2026-06-{day:02}T00:00:00Z").parse().unwrap();
                    let wanted = (!is_said).then_some((day, status));
                    assert_eq!(gone.get(&name), wanted.as_ref(), "{seed} {look} {words:?}");
                }
            }
        }
    }

    #[test]
    fn the_order_of_words_does_not_matter() {
        for seed in 0..200 {
            let (before, words) = (words(&format!("before {seed}")), words(&format!("{seed}")));
            let heard = |words: &[Word]| {
                let ledger = MemoryLedger::default();
                heard_of(&ledger, &before);
                heard_of(&ledger, words)
            };
            let backwards: Vec<Word> = words.iter().rev().copied().collect();
            assert_eq!(heard(&words), heard(&backwards), "{seed}");
        }
    }

    #[test]
    fn what_there_is_no_room_to_remember_silences_its_key() {
        let ledger = MemoryLedger::default();
        let products: Vec<String> = (0..MAX_WORDS).map(|at| format!("pkg:npm/q{at}")).collect();
        let text = json!({
            "@context": "https://openvex.dev/ns", "@id": "x", "author": "a", "version": 1,
            "timestamp": "2026-06-01T00:00:00Z",
            "statements": [{"vulnerability": "CVE-1", "products": products, "status": "fixed"}],
        });
        let text = text.to_string();
        let many = SignedVex {
            key: digest("key"),
            digest: digest(&text),
            text: Some(text),
        };
        let many = Arc::new(Said::of(many, &digest("image")));
        let heard = |found: [Arc<Said>; 2]| {
            let (keys, manifests) = (BTreeSet::from([digest("key")]), [digest("image")]);
            let now = NOW.parse().unwrap();
            let hearing = hear(&ledger, found.into(), (keys, &manifests), now);
            futures_util::future::FutureExt::now_or_never(hearing).unwrap()
        };
        let all = heard([Arc::clone(&many), Arc::clone(&many)]);
        assert_eq!((all.documents.len(), all.unheard.len()), (1, 0));
        let more = heard([many, said((0, 1, 1))]);
        assert!(more.documents.is_empty(), "{:?}", more.documents.len());
        assert!(
            more.unheard[0].why.contains("no room"),
            "{:?}",
            more.unheard
        );
    }

    #[test]
    fn a_key_that_is_not_asked_for_is_not_heard() {
        let ledger = MemoryLedger::default();
        let found = [said((0, 1, 0))].into();
        let keys = BTreeSet::from([digest("another")]);
        let manifests = [digest("image")];
        let hearing = hear(&ledger, found, (keys, &manifests), NOW.parse().unwrap());
        let heard = futures_util::future::FutureExt::now_or_never(hearing).unwrap();
        assert!(heard.documents.is_empty() && heard.unheard.is_empty());
    }
}
