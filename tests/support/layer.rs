//! Layers built in code: a list of entries becomes a tar archive, compressed or not.
//!
//! Shapes that no image tool would write (whiteouts, odd modes, raw bytes that are no tar) are as
//! easy here as usual ones. Images are assembled from layers in `image.rs`.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

use bytes::Bytes;
use flate2::Compression as Level;
use flate2::write::GzEncoder;
use sluicegate_model::Digest;

/// How a layer is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// gzip, quick.
    Gzip,
    /// zstd.
    Zstd,
    /// None.
    Plain,
}

/// A layer as a registry holds it.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The bytes a registry serves.
    pub bytes: Bytes,
    /// The digest of those bytes.
    pub digest: Digest,
    /// The digest of the archive before compression.
    pub diff_id: Digest,
    /// How the bytes are compressed.
    pub compression: Compression,
}

impl Layer {
    /// Compresses a finished archive.
    pub fn of(archive: &[u8], compression: Compression) -> Self {
        let bytes: Bytes = match compression {
            Compression::Plain => archive.to_vec().into(),
            Compression::Zstd => zstd::encode_all(archive, 3)
                .expect("compress in memory")
                .into(),
            Compression::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Level::fast());
                encoder.write_all(archive).expect("compress in memory");
                encoder.finish().expect("compress in memory").into()
            }
        };
        let diff_id = Digest::of(archive);
        Self {
            digest: Digest::of(&bytes),
            bytes,
            diff_id,
            compression,
        }
    }

    /// Wraps bytes that a registry serves as a layer whatever they are.
    pub fn raw(bytes: impl Into<Bytes>, compression: Compression) -> Self {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        Self {
            diff_id: digest.clone(),
            digest,
            bytes,
            compression,
        }
    }
}

/// An archive in the making; entries are written in the order of the calls.
pub struct Archive {
    tar: tar::Builder<Vec<u8>>,
}

impl Default for Archive {
    fn default() -> Self {
        Self::new()
    }
}

impl Archive {
    /// Starts an empty archive.
    pub fn new() -> Self {
        Self {
            tar: tar::Builder::new(Vec::new()),
        }
    }

    /// Adds a regular file.
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.file_with_mode(path, content, 0o644)
    }

    /// Adds a regular file with permission bits of its own.
    pub fn file_with_mode(mut self, path: &str, content: impl AsRef<[u8]>, mode: u32) -> Self {
        let content = content.as_ref();
        let mut header = header(tar::EntryType::Regular, content.len() as u64, mode);
        self.tar
            .append_data(&mut header, path, content)
            .expect("write to memory");
        self
    }

    /// Adds a directory.
    pub fn directory(mut self, path: &str) -> Self {
        let mut header = header(tar::EntryType::Directory, 0, 0o755);
        self.tar
            .append_data(&mut header, path, std::io::empty())
            .expect("write to memory");
        self
    }

    /// Adds a symbolic link.
    pub fn symlink(self, path: &str, target: &str) -> Self {
        self.link(tar::EntryType::Symlink, path, target)
    }

    /// Adds a hard link.
    pub fn hardlink(self, path: &str, target: &str) -> Self {
        self.link(tar::EntryType::Link, path, target)
    }

    /// Removes `path` of the layers below, by a whiteout.
    pub fn whiteout(self, path: &str) -> Self {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let separator = if folder.is_empty() { "" } else { "/" };
        self.file(&format!("{folder}{separator}.wh.{name}"), "")
    }

    /// Hides everything that the layers below have in `folder`.
    pub fn opaque(self, folder: &str) -> Self {
        self.file(&format!("{folder}/.wh..wh..opq"), "")
    }

    /// Ends the archive.
    pub fn finish(self) -> Vec<u8> {
        self.tar.into_inner().expect("write to memory")
    }

    /// Ends the archive and makes it a layer.
    pub fn layer(self, compression: Compression) -> Layer {
        Layer::of(&self.finish(), compression)
    }

    fn link(mut self, kind: tar::EntryType, path: &str, target: &str) -> Self {
        let mut header = header(kind, 0, 0o777);
        self.tar
            .append_link(&mut header, path, target)
            .expect("write to memory");
        self
    }
}

/// Makes a layer of a root file system archive on disk.
pub fn from_tar_file(path: &Path, compression: Compression) -> Layer {
    let mut archive = Vec::new();
    File::open(path)
        .and_then(|mut file| file.read_to_end(&mut archive))
        .unwrap_or_else(|cause| panic!("read {}: {cause}", path.display()));
    Layer::of(&archive, compression)
}

/// Makes a layer of a gzip-compressed archive on disk, its bytes as they are.
pub fn from_tar_gz_file(path: &Path) -> Layer {
    let bytes =
        std::fs::read(path).unwrap_or_else(|cause| panic!("read {}: {cause}", path.display()));
    let mut archive = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes.as_slice())
        .read_to_end(&mut archive)
        .unwrap_or_else(|cause| panic!("unpack {}: {cause}", path.display()));
    Layer {
        diff_id: Digest::of(&archive),
        ..Layer::raw(bytes, Compression::Gzip)
    }
}

/// Makes a layer of `size` bytes of noise, so that no two calls share a digest unless `seed` is one.
pub fn noise(seed: u64, size: usize, compression: Compression) -> Layer {
    use rand::{RngCore as _, SeedableRng as _};
    let mut content = vec![0; size];
    rand::rngs::StdRng::seed_from_u64(seed).fill_bytes(&mut content);
    Archive::new()
        .file(&format!("noise/{seed}"), content)
        .layer(compression)
}

fn header(kind: tar::EntryType, size: u64, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header.set_mtime(1_700_000_000);
    header
}
