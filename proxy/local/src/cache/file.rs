//! Blobs as files: one that is read, one that arrives, one that lies under its digest.

use std::fs::{self, File};
use std::io::{self, IoSliceMut, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use rustix::io::ReadWriteFlags;
use sluicegate_engine::content::{
    BlobBytes, Content as _, ContentError, Incoming, StoredBlob, StoredBytes,
};
use sluicegate_machine::private;
use sluicegate_model::{Digest, DigestHasher};

use super::layout::failed;
use super::store::ContentStore;

/// Bytes read at a time when a stored blob is proven again.
const PROVE_PIECE_BYTES: usize = 256 * 1024;

/// An open file: neither a rename nor a deletion disturbs who reads it.
#[derive(Debug)]
struct OpenFile(File);

impl BlobBytes for OpenFile {
    fn read_at_hand(&self, window: &mut [u8], at: u64) -> Option<usize> {
        let mut windows = [IoSliceMut::new(window)];
        let read = rustix::io::preadv2(&self.0, &mut windows, at, ReadWriteFlags::NOWAIT);
        // Else not cached, not supported here, or an error that the blocking read will report.
        read.ok().filter(|count| *count > 0)
    }

    fn read_at(&self, window: &mut [u8], at: u64) -> io::Result<usize> {
        self.0.read_at(window, at)
    }
}

/// The file of a blob that is not proven yet.
#[derive(Debug)]
pub(super) struct IncomingFile {
    store: ContentStore,
    digest: Digest,
    path: PathBuf,
    file: Arc<OpenFile>,
}

impl IncomingFile {
    pub(super) fn create(store: ContentStore, digest: Digest) -> Result<Self, ContentError> {
        let path = store.layout().incoming();
        let file = private::create_new(&path).map_err(|error| failed("creating", &path, error))?;
        Ok(Self {
            store,
            digest,
            path,
            file: Arc::new(OpenFile(file)),
        })
    }
}

impl Incoming for IncomingFile {
    fn bytes(&self) -> Arc<dyn BlobBytes> {
        Arc::clone(&self.file) as Arc<dyn BlobBytes>
    }

    fn check_room(&self) -> Result<(), ContentError> {
        self.store.layout().check_room("writing a blob", 0)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> Result<(), ContentError> {
        let written = self.file.0.write_all_at(bytes, at);
        written.map_err(|error| failed("writing", &self.path, error))
    }

    fn sync_begun(&self) -> Result<(), ContentError> {
        self.store.layout().sync_begun(&self.file.0, &self.path)
    }

    fn publish(&self, len: u64) -> Result<StoredBlob, ContentError> {
        let layout = self.store.layout();
        layout.publish(&self.file.0, &self.path, &layout.blob(&self.digest))?;
        Ok(self.store.admit(self.digest.clone(), len))
    }

    fn discard(&self) {
        // A file that cannot be deleted now is swept at the next start.
        let _ = fs::remove_file(&self.path);
        // Readers keep the file open until they notice; what they would read is not proven.
        let _ = self.file.0.set_len(0);
    }
}

/// The file of a blob that is here whole.
#[derive(Debug)]
pub(super) struct StoredFile {
    pub(super) store: ContentStore,
    pub(super) digest: Digest,
    pub(super) len: u64,
    /// Whether that was so when it was asked for; it may have been evicted since.
    pub(super) was_proven: bool,
}

impl StoredBytes for StoredFile {
    fn digest(&self) -> &Digest {
        &self.digest
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn open(&self) -> io::Result<Arc<dyn BlobBytes>> {
        Ok(Arc::new(OpenFile(self.open_file()?)))
    }

    fn is_proven(&self) -> bool {
        self.was_proven || self.store.is_proven(&self.digest)
    }

    fn prove(&self) -> io::Result<()> {
        let mut file = self.open_file()?;
        let mut hasher = DigestHasher::new(self.digest.algorithm());
        let mut piece = vec![0; PROVE_PIECE_BYTES];
        loop {
            let count = file.read(&mut piece)?;
            if count == 0 {
                break;
            }
            hasher.update(piece.get(..count).unwrap_or_default());
        }
        self.settle(&hasher.finish())
    }
}

impl StoredFile {
    /// Reads all of it and hashes it; what is not what it was is none.
    pub(super) fn read_proven(&self) -> Result<Option<Bytes>, ContentError> {
        let mut bytes = Vec::new();
        let read = self
            .open_file()
            .and_then(|file| file.take(self.len).read_to_end(&mut bytes));
        match read {
            Ok(_) => {}
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(failed("reading", &self.path(), error)),
        }
        let mut hasher = DigestHasher::new(self.digest.algorithm());
        hasher.update(&bytes);
        Ok(self.settle(&hasher.finish()).is_ok().then(|| bytes.into()))
    }

    fn open_file(&self) -> io::Result<File> {
        let opened = File::open(self.path()).and_then(|file| {
            let len = file.metadata()?.len();
            if len == self.len {
                Ok(file)
            } else {
                let message = format!("{} is {len} bytes long, wanted {}", self.digest, self.len);
                Err(io::Error::new(io::ErrorKind::InvalidData, message))
            }
        });
        opened.inspect_err(|error| {
            if is_gone(error) {
                self.store.remove(&self.digest);
            }
        })
    }

    fn settle(&self, got: &Digest) -> io::Result<()> {
        if *got == self.digest {
            self.store.note_proven(&self.digest);
            return Ok(());
        }
        tracing::error!(digest = %self.digest, %got, "cache found a damaged blob and evicted it");
        self.store.remove(&self.digest);
        let message = format!("content of {} hashes to {got}", self.digest);
        Err(io::Error::new(io::ErrorKind::InvalidData, message))
    }

    fn path(&self) -> PathBuf {
        self.store.layout().blob(&self.digest)
    }
}

/// Tells whether an error means that the file is not the one that was stored.
fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::InvalidData
    )
}
