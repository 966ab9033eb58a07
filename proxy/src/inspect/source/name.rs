//! What the user wrote: a kind of source and a place, or an image's name.
//!
//! Names follow the grammar that Docker made common, read by `oci-distribution`.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use oci_distribution::Reference as Spelled;
use sluicegate_config::Settings;
use sluicegate_model::image::{Reference, Tag};
use sluicegate_model::names::{CanonicalNameError, Names};
use sluicegate_model::{Digest, Repository};

use super::error::SourceError;
use super::oci_layout::MARK;

/// The host under which images without a registry are known, as in podman.
const LOCALHOST: &str = "localhost";

/// The words before the first `:` that say what follows.
const KINDS: [&str; 7] = [
    "oci",
    "oci-archive",
    "docker-archive",
    "dir",
    "docker",
    "podman",
    "containerd",
];
/// How archives are called that no image is.
const ARCHIVES: [&str; 5] = [".tar", ".tgz", ".tar.gz", ".tar.zst", ".tzst"];
/// As much of a file as tells what it is: one block of a tar archive.
const HEAD_BYTES: u64 = 512;
/// Source: POSIX.1-2017, pax, "ustar Interchange Format".
const TAR_MARK_AT: usize = 257;
const TAR_MARK: &[u8] = b"ustar";
/// Source: RFC 1952, section 2.3.1.
const GZIP_MARK: &[u8] = &[0x1f, 0x8b];
/// Source: RFC 8878, section 3.1.1.
const ZSTD_MARK: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// An argument, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceName {
    /// A directory in the OCI image layout, and which image of it.
    OciDirectory(PathBuf, Option<String>),
    /// An OCI layout in a tar archive, and which image of it.
    OciArchive(PathBuf, Option<String>),
    /// What `docker save` writes, and which image of it.
    DockerArchive(PathBuf, Option<String>),
    /// A root file system.
    Rootfs(PathBuf),
    /// An image of the Docker engine.
    Docker(String),
    /// An image of podman's.
    Podman(String),
    /// An image of containerd's.
    Containerd(String),
    /// The standard input.
    Stdin,
    /// An image's name: of a local engine, else of a registry.
    Image(String),
}

impl SourceName {
    /// Reads an argument. Where a path is followed by `:NAME`, the longest path that exists wins.
    /// What is there is read as what it is; a word that could as well be an image's name means a
    /// file or directory only where its content says so.
    pub fn parse(text: &str) -> Self {
        if text == "-" {
            return Self::Stdin;
        }
        if let Some(here) = Self::here(text) {
            return here;
        }
        let Some((kind, rest)) = text.split_once(':') else {
            return Self::Image(text.to_owned());
        };
        let (path, name) = path_and_name(rest);
        match kind {
            "oci" => Self::OciDirectory(path, name),
            "oci-archive" => Self::OciArchive(path, name),
            "docker-archive" => Self::DockerArchive(path, name),
            "dir" => Self::Rootfs(rest.into()),
            "docker" => Self::Docker(rest.to_owned()),
            "podman" => Self::Podman(rest.to_owned()),
            "containerd" => Self::Containerd(rest.to_owned()),
            _ => Self::Image(text.to_owned()),
        }
    }
}

impl SourceName {
    /// Finds the file or directory that a text without a kind means; none where it is a name.
    fn here(text: &str) -> Option<Self> {
        let kind = text.split_once(':').map(|(kind, _)| kind);
        if kind.is_some_and(|kind| KINDS.contains(&kind)) {
            return None;
        }
        let (path, name) = path_and_name(text);
        let written = path.to_string_lossy();
        let is_path = written.starts_with(['/', '.']) || written.ends_with('/');
        let first = written.split_once('/').map_or("", |(first, _)| first);
        let is_called_archive = ARCHIVES.iter().any(|ending| written.ends_with(ending))
            && (path.is_file() || !first.contains(['.', ':']));
        if path.is_dir() {
            let is_layout = path.join(MARK).is_file();
            return match (is_layout, is_path) {
                (true, _) => Some(Self::OciDirectory(path, name)),
                (false, true) => Some(Self::Rootfs(text.into())),
                (false, false) => None,
            };
        }
        let is_meant = is_path
            || is_called_archive
            || (name.is_none() && path.is_file() && begins_as_archive(&path));
        // What is not there is told by whoever opens it.
        is_meant.then_some(Self::DockerArchive(path, name))
    }
}

/// Tells whether a file begins as an archive does: a tar header, or gzip or zstd around something.
fn begins_as_archive(path: &Path) -> bool {
    let mut head = Vec::new();
    let opened = File::open(path);
    let read = opened.and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut head));
    let tar = head
        .get(TAR_MARK_AT..)
        .is_some_and(|rest| rest.starts_with(TAR_MARK));
    read.is_ok() && (tar || head.starts_with(GZIP_MARK) || head.starts_with(ZSTD_MARK))
}

fn path_and_name(text: &str) -> (PathBuf, Option<String>) {
    let whole = (PathBuf::from(text), None);
    if Path::new(text).exists() {
        return whole;
    }
    let mut splits = text.rmatch_indices(':');
    let found = splits.find_map(|(at, _)| {
        let (path, name) = (text.get(..at)?, text.get(at + 1..)?);
        Path::new(path)
            .exists()
            .then(|| (PathBuf::from(path), Some(name.to_owned())))
    });
    found.unwrap_or(whole)
}

/// Reads an image's name: its canonical repository, and what of it is meant.
///
/// The configured registries and the default one count as in the proxy; any other host is a
/// registry of that name.
pub fn image_name(text: &str, settings: &Settings) -> Result<(Repository, Reference), SourceError> {
    let wrong = |reason: String| SourceError::Name(format!("{text:?} names no image: {reason}"));
    let spelled = Spelled::try_from(text).map_err(|error| wrong(error.to_string()))?;
    let names = Names::new(
        settings.upstreams.keys().map(String::as_str),
        [],
        &settings.default_upstream,
    );
    let canonical = match text.split_once('/') {
        // The proxy takes a word without a dot for the beginning of a path.
        Some((host, _)) if host == LOCALHOST && !settings.upstreams.contains_key(host) => {
            Err(CanonicalNameError::UnknownUpstream(host.to_owned()))
        }
        _ => names.canonical(&spelled_path(text, &spelled), None),
    };
    let repository = match canonical {
        Ok(repository) => repository,
        Err(CanonicalNameError::UnknownUpstream(_)) => {
            let host = spelled.registry().to_ascii_lowercase();
            Repository::new(&host, spelled.repository())
                .map_err(|error| wrong(error.to_string()))?
        }
        Err(error) => return Err(wrong(error.to_string())),
    };
    let reference = match (spelled.digest(), spelled.tag()) {
        (Some(digest), _) => {
            Reference::Digest(digest.parse::<Digest>().map_err(|e| wrong(e.to_string()))?)
        }
        (None, tag) => {
            let tag: Tag = tag
                .unwrap_or("latest")
                .parse()
                .map_err(|error: sluicegate_model::image::NameError| wrong(error.to_string()))?;
            Reference::Tag(tag)
        }
    };
    Ok((repository, reference))
}

/// Gives the path as the proxy would be asked for it: without a registry where none was written.
fn spelled_path(text: &str, spelled: &Spelled) -> String {
    let first = text.split_once('/').map(|(first, _)| first);
    match first {
        None => {
            let path = spelled.repository();
            path.strip_prefix("library/").unwrap_or(path).to_owned()
        }
        Some(host) if host.contains(['.', ':']) || host == LOCALHOST => {
            format!("{}/{}", host, spelled.repository())
        }
        Some(_) => spelled.repository().to_owned(),
    }
}

/// Tells whether two names mean the same image; a tag alone means any repository's.
pub(super) fn same_image(known: &str, wanted: &str) -> bool {
    let whole = |text: &str| Spelled::try_from(text).map(|name| name.whole()).ok();
    let tag_of_known = known.rsplit_once(':').map(|(_, tag)| tag);
    known == wanted
        || tag_of_known == Some(wanted)
        || (whole(known).is_some() && whole(known) == whole(wanted))
        // podman calls images without a registry its own.
        || known.strip_prefix("localhost/") == Some(wanted)
}
