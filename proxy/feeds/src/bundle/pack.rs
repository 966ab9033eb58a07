//! Writes a bundle from a directory in OSV's layout.
//!
//! All files are opened at once, while nobody replaces them, and read afterwards: the bundle is of
//! one moment however long it takes. Called by `feeds export`.

use std::fs::File;
use std::io::{BufWriter, Read, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use sha2::Digest as _;
use sluicegate_machine::private;
use sluicegate_scanner::feeds::{ARCHIVE, DELTA, NVD_FOLDER};

use super::keys::SigningKey;
use super::{
    BundleError, FORMAT, FileEntry, MANIFEST, Manifest, SIGNATURES, Signatures, check_carried,
    kind_of,
};
use crate::carried::Carried;
use crate::record::sync_directory;
use crate::tables::{EPSS, KEV};

/// How hard zstd tries: what is inside is compressed already.
const LEVEL: i32 = 1;

/// The files of a feed directory, open.
pub struct Contents(Vec<Opened>);

/// One of them.
struct Opened {
    /// Where it goes.
    path: String,
    /// Where it lies.
    place: PathBuf,
    file: File,
}

/// A bundle that was written.
#[derive(Clone, Debug)]
pub struct Packed {
    /// How many files it holds.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
}

impl Contents {
    /// Opens what of a directory is a feed's.
    ///
    /// *Errors*: a file cannot be opened, or there is no ecosystem.
    pub fn open(directory: &Path) -> Result<Self, BundleError> {
        let failed = file_error("list", directory);
        let entries = std::fs::read_dir(directory).map_err(failed)?;
        let mut paths = vec![KEV.to_owned(), EPSS.to_owned()];
        for entry in entries.filter_map(Result::ok) {
            // Names that are no text are none of an ecosystem's.
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if entry.path().join(ARCHIVE).is_file() {
                paths.extend([ARCHIVE, DELTA].map(|file| format!("{name}/{file}")));
            }
        }
        let files = std::fs::read_dir(directory.join(NVD_FOLDER));
        for file in files.into_iter().flatten().filter_map(Result::ok) {
            let name = file.file_name().into_string();
            paths.extend(name.map(|name| format!("{NVD_FOLDER}/{name}")));
        }
        paths.retain(|path| kind_of(path).is_some() && Carried::at(path).is_none());
        paths.retain(|path| directory.join(path).is_file());
        paths.sort();
        if !paths.iter().any(|path| path.ends_with(ARCHIVE)) {
            let name = directory.display();
            return Err(BundleError::Malformed(format!("{name} holds no ecosystem")));
        }
        let open = |path: String| {
            let place = directory.join(&path);
            let file = File::open(&place).map_err(file_error("open", &place))?;
            Ok(Opened { path, place, file })
        };
        let mut contents = Self(paths.into_iter().map(open).collect::<Result<_, _>>()?);
        for kind in [Carried::Plugin, Carried::Knowledge] {
            let folder = directory.join(kind.folder());
            if folder.is_dir() {
                contents.carry(kind, &folder)?;
            }
        }
        Ok(contents)
    }

    /// Adds the plugins of a directory, each a file `NAME.wasm`; one takes the place of another of its
    /// name.
    ///
    /// *Errors*: a file cannot be opened, or its name is none of a plugin's.
    pub fn add_plugins(&mut self, directory: &Path) -> Result<(), BundleError> {
        self.carry(Carried::Plugin, directory)
    }

    /// Adds the files of a directory as knowledge; one takes the place of another of its name.
    ///
    /// *Errors*: a file cannot be opened, or its name is none that is carried.
    pub fn add_knowledge(&mut self, directory: &Path) -> Result<(), BundleError> {
        self.carry(Carried::Knowledge, directory)
    }

    /// Lists where its plugins lie.
    pub fn plugins(&self) -> impl Iterator<Item = &Path> {
        let plugins = self.0.iter();
        let plugins = plugins.filter(|it| Carried::at(&it.path) == Some(Carried::Plugin));
        plugins.map(|it| it.place.as_path())
    }

    /// Adds the files of a folder. Hidden ones are nobody's; another that cannot be carried would be
    /// missed, so it is an error.
    fn carry(&mut self, kind: Carried, folder: &Path) -> Result<(), BundleError> {
        let entries = std::fs::read_dir(folder).map_err(file_error("list", folder))?;
        for entry in entries.filter_map(Result::ok) {
            let (place, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if name.starts_with('.') {
                continue;
            }
            let path = format!("{}/{name}", kind.folder());
            if Carried::at(&path) != Some(kind) || !place.is_file() {
                let place = place.display();
                let reason = format!(
                    "{place} has no place in it: wanted a file {}",
                    kind.wanted()
                );
                return Err(BundleError::Malformed(reason));
            }
            let file = File::open(&place).map_err(file_error("open", &place))?;
            self.0.retain(|known| known.path != path);
            self.0.push(Opened { path, place, file });
        }
        self.0.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(())
    }
}

/// Writes a bundle; it appears at `bundle` when it is whole.
pub fn pack(
    contents: Contents,
    version: u64,
    (created, expires): (Timestamp, Timestamp),
    keys: &[SigningKey],
    bundle: &Path,
) -> Result<Packed, BundleError> {
    let failed = || file_error("write", bundle);
    let mut contents = contents.0;
    let files = contents
        .iter_mut()
        .map(|it| measure(&it.path, &mut it.file))
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(failed())?;
    check_carried(&files).map_err(BundleError::Malformed)?;
    let packed = Packed {
        files: files.len(),
        bytes: files.iter().map(|file| file.length).sum(),
    };
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        version,
        created,
        expires,
        files,
    };
    let written = write(&manifest, contents, keys, bundle).map_err(failed());
    if written.is_err() {
        // The error that stopped the export says more than one about its leftovers would.
        let _ = std::fs::remove_file(beside(bundle));
    }
    written.map(|()| packed)
}

fn measure(path: &str, file: &mut File) -> std::io::Result<FileEntry> {
    let mut hasher = sha2::Sha256::new();
    let length = std::io::copy(file, &mut HashWriter(&mut hasher))?;
    file.seek(SeekFrom::Start(0))?;
    Ok(FileEntry {
        path: path.to_owned(),
        sha256: hex::encode(hasher.finalize()),
        length,
    })
}

fn write(
    manifest: &Manifest,
    contents: Vec<Opened>,
    keys: &[SigningKey],
    bundle: &Path,
) -> std::io::Result<()> {
    let text = serde_json::to_vec(manifest)?;
    let sign = |key: &SigningKey| STANDARD.encode(key.sign(&text));
    let signatures = Signatures {
        signatures: keys.iter().map(sign).collect(),
    };
    let place = beside(bundle);
    let file = BufWriter::new(private::create_for_person(&place)?);
    let mut tar = tar::Builder::new(zstd::Encoder::new(file, LEVEL)?);
    append(&mut tar, MANIFEST, length_of(&text), text.as_slice())?;
    let text = serde_json::to_vec(&signatures)?;
    append(&mut tar, SIGNATURES, length_of(&text), text.as_slice())?;
    for (entry, Opened { path, file, .. }) in manifest.files.iter().zip(contents) {
        append(&mut tar, &path, entry.length, file.take(entry.length))?;
    }
    let file = tar.into_inner()?.finish()?.into_inner()?;
    file.sync_all()?;
    std::fs::rename(&place, bundle)?;
    match bundle.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_directory(parent),
        _ => sync_directory(Path::new(".")),
    }
}

fn append(
    tar: &mut tar::Builder<impl Write>,
    path: &str,
    length: u64,
    content: impl Read,
) -> std::io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_path(path)?;
    header.set_size(length);
    header.set_mode(0o644);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    tar.append(&header, content)
}

fn beside(bundle: &Path) -> std::path::PathBuf {
    let mut name = bundle.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

fn length_of(text: &[u8]) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

struct HashWriter<'a>(&'a mut sha2::Sha256);

impl Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub(super) fn file_error(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(std::io::Error) -> BundleError + use<> {
    let path = path.to_owned();
    move |source| BundleError::File {
        action,
        path,
        source,
    }
}
