//! The blocks of an index that were read last, decoded: images have most of their packages in common.
//!
//! A block is checked when it is read. What is kept is bounded by its size on disk. Called by
//! `index`.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use moka::sync::Cache;
use sluicegate_model::advisory::Advisory;

use super::error::FeedError;
use super::layout::{AdvisoryBlock, KeyEntry};

/// Most bytes of blocks that are kept, as they are on disk; in memory they take some four times that.
const MAX_BYTES: u64 = 3 * 1024 * 1024;

/// Largest block that is kept: one package's advisories must not take the place of all others'.
const MAX_KEPT_BYTES: u32 = 1536 * 1024;

const PART: &str = "a block";

/// Blocks by their offset in the file.
#[derive(Debug)]
pub(super) struct Blocks(Cache<u64, Arc<Decoded>>);

/// The advisories on one package.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) ecosystem: Box<str>,
    pub(super) name: Box<str>,
    pub(super) advisories: Arc<[Advisory]>,
    length: u32,
}

impl Default for Blocks {
    fn default() -> Self {
        let cache = Cache::builder()
            .max_capacity(MAX_BYTES)
            .weigher(|_, block: &Arc<Decoded>| block.length);
        Self(cache.build())
    }
}

impl Blocks {
    /// Gives a block, from memory or from the file.
    pub(super) fn get(&self, file: &File, key: &KeyEntry) -> Result<Arc<Decoded>, FeedError> {
        if let Some(block) = self.0.get(&key.offset) {
            return Ok(block);
        }
        let block = Arc::new(decode(file, key)?);
        if key.length <= MAX_KEPT_BYTES {
            self.0.insert(key.offset, Arc::clone(&block));
        }
        Ok(block)
    }
}

/// Reads the bytes of a block.
pub(super) fn bytes_of(file: &File, key: &KeyEntry) -> Result<Vec<u8>, FeedError> {
    let length = usize::try_from(key.length).map_err(|_| FeedError::Damaged { part: PART })?;
    read_checked(file, key.offset, length, key.crc, PART)
}

/// Reads a block from the file.
pub(super) fn decode(file: &File, key: &KeyEntry) -> Result<Decoded, FeedError> {
    let content = bytes_of(file, key)?;
    let block: AdvisoryBlock<'_> =
        postcard::from_bytes(&content).map_err(|_| FeedError::Damaged { part: PART })?;
    Ok(Decoded {
        ecosystem: block.ecosystem.into(),
        name: block.name.into(),
        advisories: block.advisories.into(),
        length: key.length,
    })
}

/// Reads a part of the file that is under one checksum.
pub(super) fn read_checked(
    file: &File,
    offset: u64,
    length: usize,
    crc: u32,
    part: &'static str,
) -> Result<Vec<u8>, FeedError> {
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, offset)
        .map_err(|_| FeedError::Damaged { part })?;
    if crc32fast::hash(&bytes) != crc {
        return Err(FeedError::Damaged { part });
    }
    Ok(bytes)
}
