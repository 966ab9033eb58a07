//! Derived documents on disk: one file for each, by its kind and the hash of its key.
//!
//! All but verdicts can be derived again and are bounded.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sluicegate_engine::content::{Content as _, ContentError, DocumentKind, PackedDocument};
use sluicegate_model::Digest;
use sluicegate_model::digest::Algorithm;

use super::blob_name::BlobName;
use super::index::CacheIndex;
use super::layout::{self, FoundFile, Layout, failed};
use super::store::ContentStore;

/// Share of the blobs' capacity that derived documents may take: facts are about 1 % of their layer.
const CAPACITY_SHARE: u64 = 8;
/// Least bytes that derived documents may take, so that a tiny blob cache still remembers its scans.
const MIN_CAPACITY_BYTES: u64 = 64 * 1024 * 1024;

/// Where a document lies: its kind and the hash of its key. There is one in memory of every document.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct DocumentName {
    kind: DocumentKind,
    key: BlobName,
}

impl DocumentName {
    pub(super) fn new(kind: DocumentKind, key: &str) -> Self {
        let key = BlobName::of(&Digest::of(key.as_bytes()));
        Self { kind, key }
    }

    fn of(document: &PackedDocument) -> Self {
        Self::new(document.kind(), document.key())
    }

    fn path(&self, layout: &Layout) -> PathBuf {
        layout.documents(self.kind.name()).join(self.key.hex())
    }
}

impl ContentStore {
    pub(super) fn write_documents(&self, documents: &[PackedDocument]) -> Result<(), ContentError> {
        let mut files = Vec::new();
        for document in documents {
            let path = DocumentName::of(document).path(self.layout());
            files.push((path, document.sealed()));
        }
        match (&files[..], documents) {
            ([(path, sealed)], [one]) if one.kind().is_derived() => {
                self.layout().write_lightly(path, sealed)?;
            }
            _ => self.layout().write_many(&files)?,
        }
        documents.iter().try_for_each(|document| {
            self.admit_document(&DocumentName::of(document), document.sealed().len() as u64)
        })
    }

    fn admit_document(&self, name: &DocumentName, len: u64) -> Result<(), ContentError> {
        if !name.kind.is_derived() {
            return Ok(());
        }
        let share = self.capacity_bytes() / CAPACITY_SHARE;
        let victims = {
            let mut documents = self.documents();
            documents.insert(name.clone(), len, true);
            documents.overflow(share.max(MIN_CAPACITY_BYTES), name)
        };
        victims
            .iter()
            .try_for_each(|victim| self.delete_document(victim))
    }

    pub(super) fn read_document(
        &self,
        kind: DocumentKind,
        key: &str,
    ) -> Result<Option<Vec<u8>>, ContentError> {
        let name = DocumentName::new(kind, key);
        let path = name.path(self.layout());
        let content = match fs::read(&path) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("reading", &path, error)),
        };
        self.documents().touch(&name);
        let body = PackedDocument::unseal(kind, key, &content);
        if body.is_none() {
            tracing::warn!(path = %path.display(), "cache found a damaged document and deleted it");
            self.delete_document(&name)?;
        }
        Ok(body)
    }

    pub(super) fn stated_bytes(&self, name: &DocumentName) -> Result<Option<u64>, ContentError> {
        stated_bytes(&name.path(self.layout()))
    }

    pub(super) fn delete_document(&self, name: &DocumentName) -> Result<(), ContentError> {
        self.documents().remove(name);
        let path = name.path(self.layout());
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed("deleting", &path, error))
            }
            _ => Ok(()),
        }
    }
}

/// Lists the derived documents on disk, least recently written first.
pub(super) fn index(layout: &Layout) -> Result<CacheIndex<DocumentName>, ContentError> {
    let mut found = Vec::new();
    for kind in DocumentKind::ALL
        .into_iter()
        .filter(|kind| kind.is_derived())
    {
        for entry in layout::list(&layout.documents(kind.name()))? {
            found.extend(FoundFile::of(Algorithm::Sha256, &entry).map(|file| (kind, file)));
        }
    }
    found.sort_by_key(|(_, file)| file.modified);
    let mut index = CacheIndex::new();
    for (kind, file) in found {
        let name = DocumentName {
            kind,
            key: file.name,
        };
        index.insert(name, file.len, true);
    }
    Ok(index)
}

/// Reads how many bytes the document in a file has.
fn stated_bytes(path: &Path) -> Result<Option<u64>, ContentError> {
    let mut start = [0; PackedDocument::START_BYTES];
    let read = match fs::File::open(path).and_then(|mut file| read_start(&mut file, &mut start)) {
        Ok(read) => read,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("reading", path, error)),
    };
    Ok(start.get(..read).and_then(PackedDocument::stated_bytes))
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
