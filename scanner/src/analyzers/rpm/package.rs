//! What a header says: the package, where it was built from, and which files are its own.
//!
//! Source: rpm, "Package tags"; rpm-version(7); Fedora modularity, "Modularity label".

use sluicegate_model::package::{Package, PackageType, SourcePackage};

use crate::facts::{ContentDigest, OwnedFile, PathHash};

use super::error::RpmError;
use super::header::{Header, Tag};

/// The name under which rpm keeps the keys that it trusts: no package.
const KEY_NAME: &str = "gpg-pubkey";

/// How rpm prints a tag that is not there.
pub(super) const NONE: &str = "(none)";

/// Longest path that is read, in bytes: Linux's `PATH_MAX`.
const MAX_PATH_BYTES: usize = 4_096;

/// State of a file that is as the package has it. Source: rpm, `rpmfileState`.
const STATE_NORMAL: u32 = 0;

/// The bits of a file's mode that say what it is, and those of a directory. Source: inode(7).
const MODE_KIND: u32 = 0o170_000;
const MODE_DIRECTORY: u32 = 0o040_000;

/// What a record is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// A package.
    Package(Package),
    /// A key that rpm trusts.
    Key,
}

/// Reads the package; the error says what is missing.
pub(super) fn subject(header: &Header<'_>) -> Result<Subject, RpmError> {
    let word = |tag| header.text(tag).filter(|text| is_word(text));
    let name = word(Tag::Name).ok_or("a header names no package")?;
    if name == KEY_NAME {
        return Ok(Subject::Key);
    }
    let (Some(version), Some(release)) = (word(Tag::Version), word(Tag::Release)) else {
        return Err(RpmError::Unversioned(name.to_owned()));
    };
    Ok(Subject::Package(assemble(&Stated {
        name,
        epoch: header.numbers(Tag::Epoch).next().unwrap_or(0),
        version_release: &format!("{version}-{release}"),
        architecture: word(Tag::Arch),
        source_rpm: word(Tag::SourceRpm),
        module: word(Tag::ModularityLabel),
        licence: header.text(Tag::License),
    })))
}

/// A package as a header or a manifest states it.
pub(super) struct Stated<'a> {
    pub(super) name: &'a str,
    pub(super) epoch: u32,
    pub(super) version_release: &'a str,
    pub(super) architecture: Option<&'a str>,
    pub(super) source_rpm: Option<&'a str>,
    pub(super) module: Option<&'a str>,
    pub(super) licence: Option<&'a str>,
}

/// Gives the package. An epoch of zero is not written; a source never has one.
pub(super) fn assemble(stated: &Stated<'_>) -> Package {
    let own = stated.version_release;
    let version = match stated.epoch {
        0 => own.to_owned(),
        epoch => format!("{epoch}:{own}"),
    };
    let known = |text: &&str| *text != NONE;
    let module = stated.module.filter(known);
    let (name, source_version) = stated
        .source_rpm
        .filter(known)
        .and_then(source)
        .unwrap_or((stated.name, own));
    let differs = name != stated.name || source_version != version || module.is_some();
    Package {
        name: stated.name.to_owned(),
        version,
        package_type: PackageType::Rpm,
        architecture: stated.architecture.filter(known).map(str::to_owned),
        source: differs.then(|| SourcePackage {
            name: name.to_owned(),
            version: source_version.to_owned(),
            module: module.map(str::to_owned),
        }),
        licence: None,
    }
    .licensed(stated.licence.filter(known))
}

/// Tells whether a package was built in a module and does not say in which stream.
pub(super) fn lacks_module(package: &Package) -> bool {
    let was_built_in_one = package.version.contains(".module+el")
        || package.version.contains(".module_el")
        || package.version.contains(".module_f");
    let source = package.source.as_ref();
    was_built_in_one && source.is_none_or(|source| source.module.is_none())
}

/// Splits `name-version-release.src.rpm`.
fn source(file_name: &str) -> Option<(&str, &str)> {
    let stem = file_name
        .strip_suffix(".src.rpm")
        .or_else(|| file_name.strip_suffix(".nosrc.rpm"))?;
    let release = stem.rfind('-')?;
    let version = stem.get(..release)?.rfind('-')?;
    let (name, version_release) = (stem.get(..version)?, stem.get(version + 1..)?);
    (is_word(name) && is_word(version_release)).then_some((name, version_release))
}

/// Gives the files of a package that are on disk as it has them; directories are not its own.
pub(super) fn owned_files<'a>(
    header: &'a Header<'_>,
    package: &'a str,
) -> impl Iterator<Item = OwnedFile> + 'a {
    let dirs: Vec<&[u8]> = header.texts(Tag::DirNames).collect();
    let algorithm = header.numbers(Tag::FileDigestAlgo).next();
    let mut modes = header.numbers(Tag::FileModes);
    let mut states = header.numbers(Tag::FileStates);
    let mut digests = header.texts(Tag::FileDigests);
    let names = header
        .texts(Tag::BaseNames)
        .zip(header.numbers(Tag::DirIndexes));
    names.filter_map(move |(name, dir)| {
        let is_directory = modes
            .next()
            .is_some_and(|mode| mode & MODE_KIND == MODE_DIRECTORY);
        let is_absent = states.next().is_some_and(|state| state != STATE_NORMAL);
        let digest = digests.next().and_then(|hex| digest(algorithm, hex));
        if is_directory || is_absent {
            return None;
        }
        let dir = dirs.get(usize::try_from(dir).ok()?)?;
        let dir = dir.strip_prefix(b"/").unwrap_or(dir);
        if dir.len() + name.len() > MAX_PATH_BYTES {
            return None;
        }
        let path = [dir, name].concat();
        Some(OwnedFile {
            package: package.into(),
            path: PathHash::of(&crate::path::text(&path)),
            digest,
        })
    })
}

/// Reads a file's digest. Source: RFC 4880, section 9.4, for the algorithms' numbers.
fn digest(algorithm: Option<u32>, hex: &[u8]) -> Option<ContentDigest> {
    let bytes = hex::decode(hex).ok()?;
    match algorithm.unwrap_or(1) {
        1 => bytes.try_into().ok().map(ContentDigest::Md5),
        2 => bytes.try_into().ok().map(ContentDigest::Sha1),
        8 => bytes.try_into().ok().map(ContentDigest::Sha256),
        _ => None,
    }
}

/// Tells whether a text can be a name or a version.
pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}
