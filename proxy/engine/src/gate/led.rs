//! Which manifests indexes have led to lately: a refusal of one of them names its platform.
//!
//! Only for words: that it forgets, or takes one manifest for another, decides nothing.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use sluicegate_model::manifest::Index;
use sluicegate_model::{Digest, Repository};

/// Manifests remembered, as hashes: some thousand indexes of ordinary size.
const MANIFESTS: u64 = 50_000;
/// How long that is: longer than a client takes from an index to its last layer.
const REMEMBERED_FOR: Duration = Duration::from_hours(1);
/// How long an index is not looked at again: those that are asked for all the time are not read
/// through each time.
const NOTED_FOR: Duration = Duration::from_mins(10);

/// The manifests that indexes have led to.
#[derive(Clone, Debug)]
pub(super) struct LedTo {
    manifests: Cache<u64, ()>,
    indexes: Cache<u64, ()>,
    hashes: Arc<RandomState>,
}

impl Default for LedTo {
    fn default() -> Self {
        let lasting = |lasts| Cache::builder().max_capacity(MANIFESTS).time_to_live(lasts);
        Self {
            manifests: lasting(REMEMBERED_FOR).build(),
            indexes: lasting(NOTED_FOR).build(),
            hashes: Arc::default(),
        }
    }
}

impl LedTo {
    /// Takes note of an index that somebody asks for.
    pub(super) fn note(&self, repository: &Repository, digest: &Digest, index: &Index) {
        let name = self.name(repository, digest);
        if self.indexes.contains_key(&name) {
            return;
        }
        for child in &index.manifests {
            self.manifests
                .insert(self.name(repository, &child.digest), ());
        }
        self.indexes.insert(name, ());
    }

    /// Tells whether an index of the repository has led to the manifest.
    pub(super) fn contains(&self, repository: &Repository, manifest: &Digest) -> bool {
        self.manifests
            .contains_key(&self.name(repository, manifest))
    }

    fn name(&self, repository: &Repository, digest: &Digest) -> u64 {
        self.hashes.hash_one((repository, digest))
    }
}

#[cfg(test)]
mod tests {
    use sluicegate_model::manifest::Manifest;
    use sluicegate_model::media_type;

    use super::*;

    #[test]
    fn only_what_an_index_of_the_same_repository_lists_was_led_to() {
        let (child, other) = (Digest::of(b"child"), Digest::of(b"other"));
        let text = format!(
            r#"{{"schemaVersion":2,"mediaType":"{0}","manifests":[{{"mediaType":"{1}","digest":"{child}","size":1}}]}}"#,
            media_type::OCI_INDEX,
            media_type::OCI_MANIFEST
        );
        let Ok(Manifest::Index(index)) = Manifest::parse(text.as_bytes(), media_type::OCI_INDEX)
        else {
            panic!("no index: {text}");
        };
        let here: Repository = "up.test/a".parse().unwrap();
        let there: Repository = "up.test/b".parse().unwrap();
        let led = LedTo::default();
        assert!(!led.contains(&here, &child));
        led.note(&here, &Digest::of(text.as_bytes()), &index);
        assert!(led.contains(&here, &child));
        assert!(!led.contains(&here, &other) && !led.contains(&there, &child));
    }
}
