//! Which parts of a blob prove that an upstream has it, and ours of them.
//!
//! They follow from a key that nobody else has, so an upstream cannot keep just these; and they
//! are the same each time, so asking again gives it no other chance.

use std::ops::Range;

use crate::content::StoredBlob;
use sluicegate_model::{Digest, Repository};

use crate::instance_key::InstanceKey;
use crate::pull::error::PullError;

/// The length of a part, in bytes.
const PART_BYTES: usize = 4 * 1024;
/// How many parts are compared.
const PARTS: u64 = 8;
/// What the key is used for here.
const PURPOSE: &str = "presence";

/// Chooses the parts; none where the whole is no more than they are.
pub(super) fn parts(
    key: &InstanceKey,
    repository: &Repository,
    digest: &Digest,
    length: u64,
) -> Vec<Range<u64>> {
    let part_bytes = PART_BYTES as u64;
    if length <= PARTS * part_bytes {
        return Vec::new();
    }
    let starts = length - part_bytes + 1;
    let repository = repository.to_string();
    let part = |number: u64| {
        let number = number.to_string();
        let start = key.number(PURPOSE, &[&repository, digest.as_str(), &number]) % starts;
        start..start + part_bytes
    };
    (0..PARTS).map(part).collect()
}

/// Reads our bytes of the parts.
pub(super) async fn read(
    stored: &StoredBlob,
    parts: Vec<Range<u64>>,
) -> Result<Vec<(Range<u64>, Vec<u8>)>, PullError> {
    let stored = stored.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let stored = stored.open()?;
        let mut read = Vec::with_capacity(parts.len());
        for part in parts {
            let mut bytes = vec![0; PART_BYTES];
            stored.read_exact_at(&mut bytes, part.start)?;
            read.push((part, bytes));
        }
        Ok::<_, std::io::Error>(read)
    });
    let read = reading.await;
    let read = read.map_err(|panic| PullError::broken("reading parts of a blob", panic))?;
    read.map_err(PullError::storage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_within_the_blob_fixed_and_nobody_elses() {
        let (mine, other) = (InstanceKey::of(&[1; 32]), InstanceKey::of(&[2; 32]));
        let repository: Repository = "up.test/lib/app".parse().unwrap();
        let digest = Digest::of(b"x");
        for length in [32 * 1024 + 1, 40_000, 1 << 20, 1 << 40] {
            let chosen = parts(&mine, &repository, &digest, length);
            assert_eq!(chosen.len(), 8);
            assert!(chosen.iter().all(|part| part.end <= length), "{chosen:?}");
            assert!(chosen.iter().all(|part| part.end - part.start == 4096));
            assert_eq!(chosen, parts(&mine, &repository, &digest, length));
            assert_ne!(chosen, parts(&other, &repository, &digest, length));
            let elsewhere: Repository = "up.test/lib/ap".parse().unwrap();
            assert_ne!(chosen, parts(&mine, &elsewhere, &digest, length));
            assert_ne!(chosen, parts(&mine, &repository, &Digest::of(b"y"), length));
        }
        assert!(parts(&mine, &repository, &digest, 32 * 1024).is_empty());
        assert!(parts(&mine, &repository, &digest, 0).is_empty());
    }
}
