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
