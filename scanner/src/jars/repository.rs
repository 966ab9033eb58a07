//! The tree of a Maven repository: `group/as/path/artifact/version/artifact-version.jar`.
//!
//! Source: Maven, "Repository Layout".

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use sha1::Digest as _;
use sluicegate_model::archive::Sha1Digest;

use super::build::JarsBuilder;
use super::error::JarsError;

/// Deepest directories that are looked into: the longest groups on Maven Central have some 12 parts.
const MAX_DEPTH: usize = 40;

/// What archives of Java are called.
const ENDINGS: [&str; 4] = ["jar", "war", "ear", "aar"];

/// What stands behind a version where an archive holds nothing that runs.
const WITHOUT_CODE: [&str; 5] = [
    "sources",
    "javadoc",
    "tests",
    "test-sources",
    "test-javadoc",
];

/// How a repository keeps the digest of a file, in the file beside it.
const SIDECAR: &str = "sha1";

/// Bytes that are hashed at a time.
const PIECE: usize = 256 * 1024;

/// Longest file with a digest in it, in bytes: some tools write the file's name behind it.
const MAX_SIDECAR_BYTES: u64 = 4_096;

/// Where the digests of archives are taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digests {
    /// Their bytes.
    Hashed,
    /// The repository's `.sha1` files, with or without the archives themselves; archives without one
    /// are hashed.
    Sidecars,
}

/// Adds every archive of a repository's tree; `on_progress` is told how many there are so far.
pub fn add_repository(
    builder: &mut JarsBuilder,
    root: &Path,
    digests: Digests,
    on_progress: &mut dyn FnMut(u64),
) -> Result<u64, JarsError> {
    let mut open = vec![(root.to_owned(), Vec::new())];
    let mut archives = 0;
    while let Some((directory, parts)) = open.pop() {
        for (name, is_directory) in listed(&directory)? {
            let path = directory.join(&name);
            if is_directory {
                if parts.len() < MAX_DEPTH && !name.starts_with('.') {
                    open.push((path, [parts.as_slice(), &[name]].concat()));
                }
                continue;
            }
            let Some((group, artifact, version)) = coordinates(&parts, &name) else {
                continue;
            };
            if let Some(digest) = digest(&path, digests)? {
                builder.add(&digest, (&group, artifact, version))?;
                archives += 1;
                on_progress(archives);
            }
        }
    }
    if archives == 0 {
        return Err(JarsError::Empty(root.to_owned()));
    }
    Ok(archives)
}

/// Lists a directory by name; with each whether it is one. What has no name in Unicode is no part of
/// a repository.
fn listed(directory: &Path) -> Result<Vec<(String, bool)>, JarsError> {
    let failed = JarsError::io("list", directory);
    let mut listed = Vec::new();
    for entry in fs::read_dir(directory).map_err(&failed)? {
        let entry = entry.map_err(&failed)?;
        let is_directory = entry.file_type().map_err(&failed)?.is_dir();
        let name = entry.file_name().into_string().ok();
        listed.extend(name.map(|name| (name, is_directory)));
    }
    listed.sort_unstable();
    Ok(listed)
}

/// Gives the coordinates of an archive with code, or of the file that has the digest of one.
fn coordinates<'p>(parts: &'p [String], name: &str) -> Option<(String, &'p str, &'p str)> {
    let [group @ .., artifact, version] = parts else {
        return None;
    };
    let sidecar = format!(".{SIDECAR}");
    let name = name.strip_suffix(&sidecar).unwrap_or(name);
    let (own, ending) = name.rsplit_once('.')?;
    let behind = own.strip_prefix(artifact.as_str())?.strip_prefix('-')?;
    let behind = behind.strip_prefix(version.as_str())?;
    let classifier = if behind.is_empty() {
        ""
    } else {
        behind.strip_prefix('-')?
    };
    let is_archive = ENDINGS.contains(&ending) && !WITHOUT_CODE.contains(&classifier);
    (is_archive && !group.is_empty()).then(|| (group.join("."), &**artifact, &**version))
}

/// Gives the digest of an archive; none where the file beside it has that, or it is no file.
fn digest(path: &Path, digests: Digests) -> Result<Option<Sha1Digest>, JarsError> {
    let is_sidecar = path.extension().is_some_and(|ending| ending == SIDECAR);
    match digests {
        Digests::Hashed if is_sidecar => Ok(None),
        Digests::Sidecars if is_sidecar => written(path).map(Some),
        Digests::Sidecars if sidecar(path).is_file() => Ok(None),
        Digests::Hashed | Digests::Sidecars => hashed(path).map(Some),
    }
}

fn sidecar(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".");
    name.push(SIDECAR);
    name.into()
}

fn hashed(path: &Path) -> Result<Sha1Digest, JarsError> {
    let failed = JarsError::io("read", path);
    let mut file = File::open(path).map_err(&failed)?;
    let mut hasher = sha1::Sha1::new();
    let mut piece = vec![0; PIECE];
    loop {
        let read = file.read(&mut piece).map_err(&failed)?;
        match piece.get(..read).filter(|piece| !piece.is_empty()) {
            Some(piece) => hasher.update(piece),
            None => return Ok(Sha1Digest(hasher.finalize().into())),
        }
    }
}

/// Reads the digest in a file: its first word.
fn written(path: &Path) -> Result<Sha1Digest, JarsError> {
    let failed = JarsError::io("read", path);
    let file = File::open(path).map_err(&failed)?;
    let mut text = Vec::new();
    file.take(MAX_SIDECAR_BYTES)
        .read_to_end(&mut text)
        .map_err(&failed)?;
    let text = String::from_utf8_lossy(&text);
    let word = text.split_whitespace().next().unwrap_or_default();
    word.parse().map_err(|source| JarsError::Source {
        path: path.to_owned(),
        what: "the SHA-1 of an archive",
        source: Box::new(source),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_follow_from_the_path() {
        let parts = ["org", "acme", "tool", "1.0"].map(str::to_owned);
        for (name, is_archive) in [
            ("tool-1.0.jar", true),
            ("tool-1.0.war", true),
            ("tool-1.0-jdk8.jar", true),
            ("tool-1.0.jar.sha1", true),
            ("tool-1.0-sources.jar", false),
            ("tool-1.0-javadoc.jar.sha1", false),
            ("tool-1.0.pom", false),
            ("tool-1.0.jar.md5", false),
            ("tool-1.01.jar", false),
            ("tools-1.0.jar", false),
            ("maven-metadata.xml", false),
        ] {
            let found = coordinates(&parts, name);
            let wanted = ("org.acme".to_owned(), "tool", "1.0");
            assert_eq!(found, is_archive.then_some(wanted), "{name}");
        }
        assert_eq!(coordinates(&parts[2..], "tool-1.0.jar"), None, "no group");
    }
}
