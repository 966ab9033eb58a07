//! A root file system in a directory, read as the one layer that it would be if it were packed.
//!
//! Follows no link and opens nothing but regular files, so that it never leaves the directory.
//! File systems that the kernel makes up, such as `/proc`, are left out. What cannot be read is a
//! gap. The tree is read twice: once for its digest, once for the scan.

use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FsWord, OFlags};
use serde_json::json;
use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::digest::Algorithm;
use sluicegate_model::manifest::{Descriptor, Platform};
use sluicegate_model::{Digest, DigestHasher, media_type};

use super::called::Called;
use super::docker_archive::{descriptor, written_manifest};
use super::error::SourceError;
use super::{Source, SourceImage, Surroundings};

/// What the layer is.
const LAYER_TYPE: &str = "application/vnd.docker.image.rootfs.diff.tar";
/// File systems that hold no files of the tree's own. Source: Linux, `magic.h`.
const KERNELS_OWN: [FsWord; 9] = [
    0x9fa0,      // proc
    0x6265_6572, // sysfs
    0x1cd1,      // devpts
    0x0027_e0eb, // cgroup
    0x6367_7270, // cgroup2
    0x6462_6720, // debugfs
    0x7472_6163, // tracefs
    0x7363_6673, // securityfs
    0x1980_0202, // mqueue
];

/// A directory as an image of one layer.
pub(super) struct Rootfs {
    root: PathBuf,
    config: Vec<u8>,
    image: SourceImage,
    gaps: Vec<Gap>,
}

impl Rootfs {
    /// Reads the tree for its digest.
    pub(super) fn open(
        path: &Path,
        called: Called,
        surroundings: &Surroundings,
    ) -> Result<Self, SourceError> {
        let root = path
            .canonicalize()
            .map_err(SourceError::file("open", path))?;
        let place = root.display().to_string();
        if !root.is_dir() {
            return Err(SourceError::malformed(&place, "it is not a directory"));
        }
        let mut hashing = Hashing {
            hasher: DigestHasher::new(Algorithm::Sha256),
            bytes: 0,
        };
        let gaps = pack(&root, &mut hashing).map_err(SourceError::file("read", &root))?;
        let (diff_id, size) = (hashing.hasher.finish(), hashing.bytes);
        let platform = surroundings.platform.clone();
        let config = config(&platform.unwrap_or_else(Platform::host), &diff_id);
        let length = config.len() as u64;
        let stated = descriptor(media_type::DOCKER_CONFIG, Digest::of(&config), length);
        let layer = descriptor(LAYER_TYPE, diff_id, size);
        let (digest, manifest) = written_manifest(stated, vec![layer])?;
        let image = SourceImage {
            repository: called.repository,
            tags: called.tags,
            digest,
            manifest,
            claimed_name: None,
        };
        Ok(Self {
            root,
            config,
            image,
            gaps,
        })
    }
}

impl Source for Rootfs {
    fn image(&self) -> &SourceImage {
        &self.image
    }

    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send>, SourceError> {
        if blob.digest == self.image.manifest.config.digest {
            return Ok(Box::new(io::Cursor::new(self.config.clone())));
        }
        packed(&self.root)
    }

    fn gaps(&self) -> Vec<Gap> {
        self.gaps.clone()
    }
}

/// Packs a directory while the archive is read.
pub fn packed(root: &Path) -> Result<Box<dyn Read + Send>, SourceError> {
    let failed = SourceError::file("read", root);
    let (reader, writer) = io::pipe().map_err(failed)?;
    let own = root.to_owned();
    let packing = move || {
        let mut writer = io::BufWriter::with_capacity(64 * 1024, writer);
        // Whoever reads sees the archive end early, and that its digest is another one.
        let _seen_by_the_reader = pack(&own, &mut writer).and_then(|_| writer.flush());
    };
    let started = std::thread::Builder::new().name("pack".to_owned());
    started
        .spawn(packing)
        .map_err(SourceError::file("start a thread for", root))?;
    Ok(Box::new(reader))
}

/// Writes the config that the packed tree would have.
fn config(platform: &Platform, diff_id: &Digest) -> Vec<u8> {
    let mut config = json!({
        "os": platform.os,
        "architecture": platform.architecture,
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        "history": [{"created_by": "a directory"}],
    });
    if let (Some(variant), Some(members)) = (&platform.variant, config.as_object_mut()) {
        members.insert("variant".to_owned(), json!(variant));
    }
    config.to_string().into_bytes()
}

/// Hashes what is written to it.
struct Hashing {
    hasher: DigestHasher,
    bytes: u64,
}

impl Write for Hashing {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.hasher.update(piece);
        self.bytes += piece.len() as u64;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Packs a tree, sorted by name, and gives what could not be read of it.
///
/// *Errors*: the archive cannot be written.
fn pack(root: &Path, out: &mut impl Write) -> io::Result<Vec<Gap>> {
    let mut packer = Packer {
        tar: tar::Builder::new(out),
        gaps: Vec::new(),
    };
    packer.tar.mode(tar::HeaderMode::Deterministic);
    let mut waiting = vec![PathBuf::new()];
    while let Some(folder) = waiting.pop() {
        let mut names = match names(&root.join(&folder)) {
            Ok(names) => names,
            Err(error) => {
                packer.miss(&folder, &error);
                continue;
            }
        };
        names.sort();
        let mut below = Vec::new();
        for name in names {
            let path = folder.join(name);
            if packer.add(root, &path)? {
                below.push(path);
            }
        }
        waiting.extend(below.into_iter().rev());
    }
    packer.tar.finish()?;
    Ok(packer.gaps)
}

fn names(folder: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    let entries = std::fs::read_dir(folder)?;
    entries.map(|entry| Ok(entry?.file_name())).collect()
}

struct Packer<W: Write> {
    tar: tar::Builder<W>,
    gaps: Vec<Gap>,
}

impl<W: Write> Packer<W> {
    /// Adds one entry; tells whether it is a directory to go into.
    fn add(&mut self, root: &Path, path: &Path) -> io::Result<bool> {
        let whole = root.join(path);
        let metadata = match whole.symlink_metadata() {
            Ok(metadata) => metadata,
            Err(error) => {
                self.miss(path, &error);
                return Ok(false);
            }
        };
        let kind = metadata.file_type();
        if kind.is_dir() {
            let mut header = header(&metadata, tar::EntryType::Directory, 0);
            self.tar.append_data(&mut header, path, io::empty())?;
            return Ok(!is_kernels_own(&whole));
        }
        if kind.is_symlink() {
            match std::fs::read_link(&whole) {
                Ok(target) => {
                    let mut header = header(&metadata, tar::EntryType::Symlink, 0);
                    self.tar.append_link(&mut header, path, target)?;
                }
                Err(error) => self.miss(path, &error),
            }
        } else if kind.is_file() {
            self.add_file(&whole, path)?;
        } else if kind.is_fifo() {
            let mut header = header(&metadata, tar::EntryType::Fifo, 0);
            self.tar.append_data(&mut header, path, io::empty())?;
        }
        Ok(false)
    }

    fn add_file(&mut self, whole: &Path, path: &Path) -> io::Result<()> {
        // What became a link or a pipe meanwhile is not followed and not waited for.
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
        let opened = File::options()
            .read(true)
            .custom_flags(flags.cast_signed())
            .open(whole);
        let opened = opened.and_then(|file| Ok((file.metadata()?, file)));
        let (metadata, file) = match opened {
            Ok((metadata, file)) if metadata.is_file() => (metadata, file),
            Ok(_) => return Ok(()),
            Err(error) => {
                self.miss(path, &error);
                return Ok(());
            }
        };
        let mut header = header(&metadata, tar::EntryType::Regular, metadata.len());
        let mut content = Exactly {
            file,
            left: metadata.len(),
            failed: None,
        };
        self.tar.append_data(&mut header, path, &mut content)?;
        if let Some(error) = content.failed {
            self.miss(path, &error);
        }
        Ok(())
    }

    fn miss(&mut self, path: &Path, error: &io::Error) {
        let gap = Gap::partial(
            GapKind::FileUnreadable,
            format!("it could not be read: {error}"),
        );
        let path = path.to_string_lossy();
        self.gaps.push(gap.at(path));
    }
}

/// A file's content at the length that its header says, whatever happens to the file.
struct Exactly {
    file: File,
    left: u64,
    failed: Option<io::Error>,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let into = buffer.get_mut(..wanted).unwrap_or_default();
        if wanted == 0 {
            return Ok(0);
        }
        let read = match self.file.read(into) {
            _ if self.failed.is_some() => 0,
            Ok(0) => {
                self.failed = Some(io::ErrorKind::UnexpectedEof.into());
                0
            }
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => {
                self.failed = Some(error);
                0
            }
        };
        let given = if read == 0 {
            into.fill(0);
            wanted
        } else {
            read
        };
        self.left -= given as u64;
        Ok(given)
    }
}

fn header(metadata: &Metadata, kind: tar::EntryType, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(metadata.mode() & 0o7777);
    header.set_mtime(0);
    header
}

/// Tells whether a directory is the root of a file system that the kernel makes up.
fn is_kernels_own(path: &Path) -> bool {
    rustix::fs::statfs(path).is_ok_and(|found| KERNELS_OWN.contains(&found.f_type))
}
