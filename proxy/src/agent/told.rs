//! Which images the service has been told of, so that a look that finds nothing new says nothing.
//!
//! Kept in a file, one line for each: what is lost of it is said once more, which changes nothing.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use sluicegate_machine::private;
use sluicegate_model::Digest;

/// The name of the file.
const FILE_NAME: &str = "told";
/// Most images that are remembered; then all are forgotten.
const MOST: usize = 200_000;
/// Most bytes of the file read: so many lines.
const MAX_BYTES: u64 = 65 * MOST as u64;

/// The images that were told of.
pub(super) struct Told {
    path: PathBuf,
    /// What stands for them all, so that another service, or another version, is told anew.
    of: String,
    known: HashSet<String>,
}

impl Told {
    /// Takes up what is remembered in a directory, by whoever is called so.
    pub(super) fn open(data: &Path, of: String) -> Self {
        let path = data.join(FILE_NAME);
        let mut text = String::new();
        let read = File::open(&path).and_then(|it| it.take(MAX_BYTES).read_to_string(&mut text));
        if let Err(error) = read
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "it is not known which images were told of; all are told once more");
        }
        let known = text.lines().map(str::to_owned).collect();
        Self { path, of, known }
    }

    /// Tells whether the service knows of an image under a name.
    pub(super) fn has(&self, image: &str, digest: &Digest) -> bool {
        self.known.contains(&self.line(image, digest))
    }

    /// Remembers that it does.
    pub(super) fn add(&mut self, image: &str, digest: &Digest) {
        if self.known.len() >= MOST {
            self.known.clear();
        }
        let is_first = self.known.is_empty();
        let line = self.line(image, digest);
        self.known.insert(line.clone());
        let kept = private::options()
            .create(true)
            .write(true)
            .append(!is_first)
            .truncate(is_first)
            .open(&self.path)
            .and_then(|mut file| writeln!(file, "{line}"));
        if let Err(error) = kept {
            tracing::warn!(%error, "it is not kept which images were told of");
        }
    }

    fn line(&self, image: &str, digest: &Digest) -> String {
        let all = format!("{}\n{image}\n{digest}", self.of);
        Digest::of(all.as_bytes()).hex().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_remembered_for_one_service_and_version() {
        let home = tempfile::tempdir().unwrap();
        let open = |of: &str| Told::open(home.path(), of.to_owned());
        let (one, other) = (Digest::of(b"1"), Digest::of(b"2"));
        let mut told = open("a");
        assert!(!told.has("r/x:1", &one));
        told.add("r/x:1", &one);
        told.add("r/x:2", &one);
        for told in [told, open("a")] {
            assert!(told.has("r/x:1", &one) && told.has("r/x:2", &one));
            assert!(!told.has("r/x:1", &other) && !told.has("r/x:3", &one));
        }
        assert!(!open("b").has("r/x:1", &one));
    }
}
