//! What keys have said of the weaknesses of images: the newest word on each, so that an older one is
//! never taken for it.

use async_trait::async_trait;
use sluicegate_model::Digest;
use sluicegate_model::heard::VexMark;

use super::error::LedgerError;

/// Most words of one key on one manifest.
pub const MAX_WORDS: usize = 1_000;
/// Most manifests of which words are remembered, each counted once for each key.
pub const MAX_SPOKEN_OF: u64 = 100_000;

/// Words that are remembered.
#[async_trait]
pub trait Words: Send + Sync {
    /// Lists the newest words of a key on a manifest, each on another product and weakness, in no
    /// order.
    async fn words(&self, key: &Digest, manifest: &Digest) -> Result<Vec<VexMark>, LedgerError>;

    /// Remembers words of a key on a manifest, where they are over those that are known. Durable when
    /// it returns.
    ///
    /// Gives false where there is no room for all of them: then none of them is remembered, and none
    /// may be heard.
    async fn remember(
        &self,
        key: &Digest,
        manifest: &Digest,
        words: &[VexMark],
    ) -> Result<bool, LedgerError>;
}

/// Gives those of some words that are over what is known, each on another product and weakness; none
/// where all of them together are more than [`MAX_WORDS`].
pub fn newer(known: &[VexMark], words: &[VexMark]) -> Option<Vec<VexMark>> {
    let mut newer: Vec<VexMark> = Vec::new();
    for word in words {
        let mut before = known.iter().chain(&newer).filter(|it| it.is_on_same(word));
        if before.any(|it| !word.is_over(it)) {
            continue;
        }
        newer.retain(|it| !it.is_on_same(word));
        newer.push(word.clone());
    }
    let is_new = |word: &&VexMark| !known.iter().any(|it| it.is_on_same(word));
    let all = known.len() + newer.iter().filter(is_new).count();
    (all <= MAX_WORDS).then_some(newer)
}
