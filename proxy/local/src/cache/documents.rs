//! Derived documents: layer facts, inventories, reports and full verdicts, by a key of the caller's.
//!
//! Each file names its kind and key inside and carries a checksum over everything, so a damaged or
//! misplaced one is missing, never wrong. All but verdicts can be derived again and are bounded.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sluicegate_model::Digest;

use super::error::CacheError;
use super::index::Index;
use super::layout::{self, Layout};
use super::store::{ContentStore, off_worker};

/// First bytes of every document: the format and its version.
const MAGIC: &[u8; 8] = b"sgdoc\0\0\x01";
/// Bytes of the checksum, the hexadecimal SHA-256 of what follows it, kind and key.
const CHECKSUM_BYTES: usize = 64;
/// Longest header of a zstd frame, in bytes. Source: RFC 8878, section 3.1.1.1: 4 + 1 + 1 + 4 + 8.
const MAX_FRAME_HEADER_BYTES: usize = 18;
/// Largest document, in bytes before compression; an inventory of 100,000 packages has about 40 MB.
const MAX_DOCUMENT_BYTES: usize = 128 * 1024 * 1024;
/// Share of the blobs' capacity that derived documents may take: facts are about 1 % of their layer.
const CAPACITY_SHARE: u64 = 8;
/// Least bytes that derived documents may take, so that a tiny blob cache still remembers its scans.
const MIN_CAPACITY_BYTES: u64 = 64 * 1024 * 1024;
/// zstd's own default: past it time doubles for a few percent of size.
const COMPRESSION_LEVEL: i32 = 3;

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DocumentKind {
    /// What one layer holds.
    Facts,
    /// What one image holds.
    Inventory,
    /// What is known about one image under one feed snapshot.
    Report,
    /// A verdict with all its findings; never evicted, its record in the verdict store names it.
    Verdict,
}

const KINDS: [DocumentKind; 4] = [
    DocumentKind::Facts,
    DocumentKind::Inventory,
    DocumentKind::Report,
    DocumentKind::Verdict,
];

impl DocumentKind {
    /// Names the directory that documents of the kind lie in.
    pub const fn directory(self) -> &'static str {
        match self {
            Self::Facts => "facts",
            Self::Inventory => "inventory",
            Self::Report => "report",
            Self::Verdict => "verdict",
        }
    }

    const fn is_derived(self) -> bool {
        !matches!(self, Self::Verdict)
    }
}

/// Where a document lies: its kind and the hash of its key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct DocumentName {
    kind: DocumentKind,
    file: String,
}

impl DocumentName {
    fn new(kind: DocumentKind, key: &str) -> Self {
        let file = Digest::of(key.as_bytes()).hex().to_owned();
        Self { kind, file }
    }

    fn path(&self, layout: &Layout) -> PathBuf {
        layout.documents(self.kind.directory()).join(&self.file)
    }
}

/// A document as its file holds it, ready to be stored.
#[derive(Clone, Debug)]
pub struct PackedDocument {
    kind: DocumentKind,
    key: String,
    content: Vec<u8>,
}

impl PackedDocument {
    /// Compresses a document and seals it with its kind and key; takes as long as that does.
    pub fn new(kind: DocumentKind, key: &str, body: &[u8]) -> Result<Self, CacheError> {
        let packed = zstd::bulk::compress(body, COMPRESSION_LEVEL)
            .map_err(|error| CacheError::io("compressing", Path::new(key), error))?;
        Self::from_packed(kind, key, body.len(), &packed)
    }

    /// Seals a document of `len` bytes that zstd has compressed already, in one frame.
    pub fn from_packed(
        kind: DocumentKind,
        key: &str,
        len: usize,
        packed: &[u8],
    ) -> Result<Self, CacheError> {
        if len > MAX_DOCUMENT_BYTES {
            return Err(CacheError::TooLarge {
                digest: Digest::of(key.as_bytes()),
                len: len as u64,
                max: MAX_DOCUMENT_BYTES as u64,
            });
        }
        let checksum = checksum(kind, key, packed);
        Ok(Self {
            kind,
            key: key.to_owned(),
            content: [&MAGIC[..], checksum.hex().as_bytes(), packed].concat(),
        })
    }

    /// Tells how many bytes its file has.
    pub fn file_bytes(&self) -> u64 {
        self.content.len() as u64
    }

    fn name(&self) -> DocumentName {
        DocumentName::new(self.kind, &self.key)
    }
}

impl ContentStore {
    /// Stores a document, replacing one of the same kind and key; whole, or not at all. What cannot
    /// be derived again is durable when this returns.
    pub async fn put_document(
        &self,
        kind: DocumentKind,
        key: &str,
        body: Vec<u8>,
    ) -> Result<(), CacheError> {
        let (store, key) = (self.clone(), key.to_owned());
        off_worker("storing a document", move || {
            store.write_document(kind, &key, &body)
        })
        .await
    }

    /// Gives a document; a missing or damaged one is none, and a damaged one is deleted.
    pub async fn document(
        &self,
        kind: DocumentKind,
        key: &str,
    ) -> Result<Option<Vec<u8>>, CacheError> {
        let (store, key) = (self.clone(), key.to_owned());
        off_worker("reading a document", move || {
            store.read_document(kind, &key)
        })
        .await
    }

    /// Tells how many bytes a document has, read from its first bytes only; none where it is missing or
    /// damaged.
    pub async fn document_bytes(
        &self,
        kind: DocumentKind,
        key: &str,
    ) -> Result<Option<u64>, CacheError> {
        let path = DocumentName::new(kind, key).path(self.layout());
        off_worker("looking at a document", move || stated_bytes(&path)).await
    }

    /// Stores documents as [`Self::put_document`] does, with one sync for all of them.
    pub async fn put_documents(&self, documents: Vec<PackedDocument>) -> Result<(), CacheError> {
        if documents.is_empty() {
            return Ok(());
        }
        let store = self.clone();
        off_worker("storing documents", move || {
            let mut files = Vec::new();
            for document in &documents {
                let path = document.name().path(store.layout());
                files.push((path, document.content.as_slice()));
            }
            store.layout().write_many(&files)?;
            documents.iter().try_for_each(|document| {
                store.admit_document(&document.name(), document.content.len() as u64)
            })
        })
        .await
    }

    /// Deletes a document, if it is there.
    pub async fn remove_document(&self, kind: DocumentKind, key: &str) -> Result<(), CacheError> {
        let (store, name) = (self.clone(), DocumentName::new(kind, key));
        off_worker("deleting a document", move || store.delete_document(&name)).await
    }

    fn write_document(&self, kind: DocumentKind, key: &str, body: &[u8]) -> Result<(), CacheError> {
        let document = PackedDocument::new(kind, key, body)?;
        let name = document.name();
        let path = name.path(self.layout());
        if kind.is_derived() {
            self.layout().write_lightly(&path, &document.content)?;
        } else {
            self.layout().write_whole(&path, &document.content)?;
        }
        self.admit_document(&name, document.content.len() as u64)
    }

    fn admit_document(&self, name: &DocumentName, len: u64) -> Result<(), CacheError> {
        if !name.kind.is_derived() {
            return Ok(());
        }
        let share = self.capacity_bytes() / CAPACITY_SHARE;
        let victims = {
            let mut documents = self.documents();
            documents.insert(name.clone(), len);
            documents.overflow(share.max(MIN_CAPACITY_BYTES), name)
        };
        victims
            .iter()
            .try_for_each(|victim| self.delete_document(victim))
    }

    fn read_document(&self, kind: DocumentKind, key: &str) -> Result<Option<Vec<u8>>, CacheError> {
        let name = DocumentName::new(kind, key);
        let path = name.path(self.layout());
        let content = match fs::read(&path) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(CacheError::io("reading", &path, error)),
        };
        self.documents().touch(&name);
        let body = unpack(kind, key, &content);
        if body.is_none() {
            tracing::warn!(path = %path.display(), "cache found a damaged document and deleted it");
            self.delete_document(&name)?;
        }
        Ok(body)
    }

    fn delete_document(&self, name: &DocumentName) -> Result<(), CacheError> {
        self.documents().remove(name);
        let path = name.path(self.layout());
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(CacheError::io("deleting", &path, error))
            }
            _ => Ok(()),
        }
    }
}

/// Lists the derived documents on disk, least recently written first.
pub(super) fn index(layout: &Layout) -> Result<Index<DocumentName>, CacheError> {
    let mut found = Vec::new();
    for kind in KINDS.into_iter().filter(|kind| kind.is_derived()) {
        for entry in layout::list(&layout.documents(kind.directory()))? {
            let (Ok(file), Ok(metadata)) = (entry.file_name().into_string(), entry.metadata())
            else {
                continue;
            };
            let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            found.push((modified, DocumentName { kind, file }, metadata.len()));
        }
    }
    found.sort_by_key(|(modified, _, _)| *modified);
    let mut index = Index::new();
    for (_, name, len) in found {
        index.insert(name, len);
    }
    Ok(index)
}

fn checksum(kind: DocumentKind, key: &str, packed: &[u8]) -> Digest {
    let mut hasher =
        sluicegate_model::DigestHasher::new(sluicegate_model::digest::Algorithm::Sha256);
    for part in [kind.directory().as_bytes(), key.as_bytes()] {
        // The length before each part keeps two splits of one text apart.
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.update(packed);
    hasher.finish()
}

/// Reads how many bytes the document in a file has.
fn stated_bytes(path: &Path) -> Result<Option<u64>, CacheError> {
    let mut start = [0; MAGIC.len() + CHECKSUM_BYTES + MAX_FRAME_HEADER_BYTES];
    let read = match fs::File::open(path).and_then(|mut file| read_start(&mut file, &mut start)) {
        Ok(read) => read,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(CacheError::io("reading", path, error)),
    };
    let frame = start.get(MAGIC.len() + CHECKSUM_BYTES..read);
    let stated = frame.and_then(|frame| zstd::zstd_safe::get_frame_content_size(frame).ok());
    Ok(stated.flatten())
}

/// Fills a buffer as far as the file goes, and tells how far.
fn read_start(file: &mut fs::File, start: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = start.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest)? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

fn unpack(kind: DocumentKind, key: &str, content: &[u8]) -> Option<Vec<u8>> {
    let rest = content.strip_prefix(MAGIC)?;
    let (stated, packed) = rest.split_at_checked(CHECKSUM_BYTES)?;
    if stated != checksum(kind, key, packed).hex().as_bytes() {
        return None;
    }
    let announced = zstd::zstd_safe::get_frame_content_size(packed).ok()??;
    let len = usize::try_from(announced).ok()?;
    if len > MAX_DOCUMENT_BYTES {
        return None;
    }
    zstd::bulk::decompress(packed, len).ok()
}
