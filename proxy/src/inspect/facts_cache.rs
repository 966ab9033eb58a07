//! What is known of layers, kept between runs: one file for each layer. What it is worth is not
//! decided here.
//!
//! Several processes may use it at once: files appear whole, and one that is lost or damaged is
//! made again. Bounded in bytes; what was unused longest goes first.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::Digest as _;
use sluicegate_model::{Digest, Domain};

use sluicegate_engine::scan::facts_key;
use sluicegate_machine::private;
use sluicegate_model::clock::Clock;

/// Most bytes kept: the facts of some thousand layers.
const MAX_BYTES: u64 = 512 * 1024 * 1024;
/// Largest file read, in bytes.
const MAX_FILE_BYTES: u64 = 128 * 1024 * 1024;
/// Bytes of the checksum at a file's beginning.
const CHECKSUM_BYTES: usize = 32;

/// Facts by layer, in a directory.
#[derive(Clone, Debug)]
pub struct FactsCache {
    directory: PathBuf,
    clock: Clock,
    max_bytes: u64,
}

impl FactsCache {
    /// Keeps facts in `directory`, which is made when there is something to keep.
    pub fn new(directory: PathBuf, clock: Clock) -> Self {
        Self {
            directory,
            clock,
            max_bytes: MAX_BYTES,
        }
    }

    /// Gives what was kept of a layer.
    pub fn get(&self, layer: &Digest) -> Option<Vec<u8>> {
        let path = self.path(layer);
        let mut content = Vec::new();
        let file = File::open(&path).ok()?;
        (&file)
            .take(MAX_FILE_BYTES)
            .read_to_end(&mut content)
            .ok()?;
        let (checksum, body) = content.split_at_checked(CHECKSUM_BYTES)?;
        if checksum != sum(layer, body) {
            return None;
        }
        let age = u64::try_from(self.clock.now().as_second()).unwrap_or_default();
        // Where it cannot be marked as used, it only goes sooner.
        let _may_be_read_only =
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(age));
        content.drain(..CHECKSUM_BYTES);
        Some(content)
    }

    /// Keeps the facts of a layer.
    pub fn put(&self, layer: &Digest, facts: &[u8]) -> std::io::Result<()> {
        private::create_dir_all(&self.directory)?;
        let path = self.path(layer);
        let beside = self.directory.join(format!(
            ".{}-{:08x}",
            std::process::id(),
            rand::random::<u32>()
        ));
        let written = private::create(&beside).and_then(|mut file| {
            file.write_all(&sum(layer, facts))?;
            file.write_all(facts)?;
            fs::rename(&beside, &path)
        });
        if written.is_err() {
            let _never_there = fs::remove_file(&beside);
        }
        written?;
        self.make_room()
    }

    fn path(&self, layer: &Digest) -> PathBuf {
        // A fingerprint may hold what a file's name must not.
        self.directory
            .join(facts_key(&Domain::Here, layer).replace(['/', ':'], "_"))
    }

    fn make_room(&self) -> std::io::Result<()> {
        let mut files = listed(&self.directory)?;
        let mut total: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        if total <= self.max_bytes {
            return Ok(());
        }
        files.sort();
        for (_, bytes, path) in files {
            if total <= self.max_bytes / 4 * 3 {
                break;
            }
            // Another process may have been quicker.
            let _gone_either_way = fs::remove_file(path);
            total = total.saturating_sub(bytes);
        }
        Ok(())
    }
}

fn listed(directory: &Path) -> std::io::Result<Vec<(SystemTime, u64, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if let Ok(metadata) = entry.metadata()
            && let Ok(modified) = metadata.modified()
        {
            files.push((modified, metadata.len(), entry.path()));
        }
    }
    Ok(files)
}

fn sum(layer: &Digest, body: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut hasher = sha2::Sha256::new();
    hasher.update(layer.as_str());
    hasher.update(body);
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_damaged_or_of_another_layer_is_not_there() {
        let directory = tempfile::tempdir().unwrap();
        let cache = FactsCache::new(
            directory.path().join("facts"),
            sluicegate_machine::clock::system(),
        );
        let (one, other) = (Digest::of(b"1"), Digest::of(b"2"));
        assert_eq!(cache.get(&one), None);
        cache.put(&one, b"facts").unwrap();
        assert_eq!(cache.get(&one).as_deref(), Some(&b"facts"[..]));
        fs::copy(cache.path(&one), cache.path(&other)).unwrap();
        assert_eq!(cache.get(&other), None);
        let mut content = fs::read(cache.path(&one)).unwrap();
        *content.last_mut().unwrap() ^= 1;
        fs::write(cache.path(&one), content).unwrap();
        assert_eq!(cache.get(&one), None);
    }

    #[test]
    fn what_was_unused_longest_makes_room() {
        let directory = tempfile::tempdir().unwrap();
        let mut cache =
            FactsCache::new(directory.path().into(), sluicegate_machine::clock::system());
        let layers: Vec<Digest> = (0..8_u8).map(|n| Digest::of(&[n])).collect();
        for (at, layer) in layers.iter().enumerate() {
            cache.put(layer, b"facts").unwrap();
            let file = File::options().write(true).open(cache.path(layer)).unwrap();
            let age = Duration::from_secs(1_000 + at as u64);
            file.set_modified(SystemTime::UNIX_EPOCH + age).unwrap();
        }
        let size = fs::metadata(cache.path(&layers[0])).unwrap().len();
        assert!(cache.get(&layers[0]).is_some());
        cache.max_bytes = size * 8;
        cache.put(&Digest::of(b"new"), b"facts").unwrap();
        assert!(cache.get(&layers[0]).is_some(), "it was used last");
        assert!(cache.get(&layers[1]).is_none());
        assert!(cache.get(&layers[7]).is_some());
    }
}
