//! The texts of policies by digest, kept as long as the log: who allowed something can be shown
//! once the file is gone.
//!
//! One file beside the log, JSON lines, only ever appended to: a document, a set as the list of its
//! documents, or which set is in force. Each document is there once, however many sets hold it.
//! What is read is proven by its digest.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use sluicegate_machine::private;
use sluicegate_model::Digest;
use sluicegate_policy::{PolicyDocument, digest_of_documents};

use crate::durable::{Disk, write_file_anew};

/// The file's name.
const FILE_NAME: &str = "policies.jsonl";
/// Longest line that is read, in bytes: a policy file of the largest size, twice and escaped.
const MAX_LINE_BYTES: u64 = 64 * 1024 * 1024;

/// Says why texts cannot be kept or given.
#[derive(Debug, thiserror::Error)]
#[error("{attempt} the texts of policies {path:?} failed")]
pub struct TextsError {
    attempt: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TextsLine {
    Document(#[serde(with = "KeptDocument")] PolicyDocument),
    Set {
        digest: Digest,
        /// The digests of their lines.
        documents: Vec<Digest>,
    },
    InForce(Digest),
}

/// A document, as its line has it.
#[derive(Serialize, Deserialize)]
#[serde(remote = "PolicyDocument")]
struct KeptDocument {
    kind: String,
    name: String,
    file: String,
    text: String,
    canonical: String,
}

/// What is kept under a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptPolicies {
    /// The digest, as lines and verdicts cite it.
    pub digest: Digest,
    /// The documents that decided.
    pub documents: Vec<PolicyDocument>,
}

/// The file, open for appending by the one process that writes the log.
#[derive(Clone, Debug)]
pub struct PolicyTexts {
    path: Arc<Path>,
    kept: Arc<Mutex<TextsFile>>,
    disk: Disk,
}

#[derive(Debug)]
struct TextsFile {
    file: File,
    /// Bytes of whole lines that are durable.
    len: u64,
    /// Whether something may stand behind them, or a sync has failed.
    is_in_doubt: bool,
    documents: HashSet<Digest>,
    sets: HashSet<Digest>,
    in_force: Option<Digest>,
}

impl PolicyTexts {
    /// Opens or creates the file in the log's directory; blocks on the disk.
    pub fn open(directory: &Path) -> Result<Self, TextsError> {
        Self::open_on(directory, &Disk::default())
    }

    /// Does the same with this way of syncing.
    pub fn open_on(directory: &Path, disk: &Disk) -> Result<Self, TextsError> {
        let path = directory.join(FILE_NAME);
        let open = || {
            private::create_dir_all(directory)?;
            let file = private::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)?;
            disk.sync_directory(directory)?;
            TextsFile::read(file)
        };
        let kept = open().map_err(|source| TextsError {
            attempt: "opening",
            path: path.clone(),
            source,
        })?;
        Ok(Self {
            path: path.into(),
            kept: Arc::new(Mutex::new(kept)),
            disk: disk.clone(),
        })
    }

    /// Keeps documents under their digest, unless they are kept already; durable when it returns.
    pub fn keep(
        &self,
        digest: &Digest,
        documents: impl FnOnce() -> Vec<PolicyDocument>,
    ) -> Result<(), TextsError> {
        self.change("keeping", |kept| {
            if kept.sets.contains(digest) {
                return Ok(Vec::new());
            }
            let mut records = Vec::new();
            let mut listed = Vec::new();
            for document in documents() {
                let line = line_of(&TextsLine::Document(document))?;
                let id = Digest::of(&line);
                if !kept.documents.contains(&id) && !listed.contains(&id) {
                    records.push(line);
                }
                listed.push(id);
            }
            let set = TextsLine::Set {
                digest: digest.clone(),
                documents: listed,
            };
            records.push(line_of(&set)?);
            Ok(records)
        })
    }

    /// Gives the digest of the set that was in force last; none before there was any.
    pub fn in_force(&self) -> Option<Digest> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.in_force.clone()
    }

    /// Notes which set is in force; durable when it returns.
    pub fn set_in_force(&self, digest: &Digest) -> Result<(), TextsError> {
        self.change("writing", |kept| {
            if kept.in_force.as_ref() == Some(digest) {
                return Ok(Vec::new());
            }
            Ok(vec![line_of(&TextsLine::InForce(digest.clone()))?])
        })
    }

    /// Appends the lines that `make` gives, all or none.
    fn change(
        &self,
        attempt: &'static str,
        make: impl FnOnce(&TextsFile) -> io::Result<Vec<Vec<u8>>>,
    ) -> Result<(), TextsError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = make(&kept).and_then(|lines| kept.append(&lines, &self.disk));
        changed.map_err(|source| TextsError {
            attempt,
            path: self.path.to_path_buf(),
            source,
        })
    }

    /// Finds what is kept under the digest of a set or of one of its documents, in the log's
    /// directory; blocks on the disk. What its digest does not prove is not given.
    pub fn find(directory: &Path, digest: &Digest) -> Result<Option<KeptPolicies>, TextsError> {
        let path = directory.join(FILE_NAME);
        find(&path, digest).map_err(|source| TextsError {
            attempt: "reading",
            path,
            source,
        })
    }
}

impl TextsFile {
    /// Reads what is there; what stands behind the last newline is what a crash left.
    fn read(file: File) -> io::Result<Self> {
        let mut kept = Self {
            file: file.try_clone()?,
            len: 0,
            is_in_doubt: false,
            documents: HashSet::new(),
            sets: HashSet::new(),
            in_force: None,
        };
        let mut len = 0_u64;
        each_line(&file, |line| {
            len = len.saturating_add(line.len() as u64).saturating_add(1);
            kept.note(line);
        })?;
        kept.is_in_doubt = file.metadata()?.len() != len;
        kept.len = len;
        Ok(kept)
    }

    fn note(&mut self, line: &[u8]) {
        match serde_json::from_slice(line) {
            Ok(TextsLine::Document(_)) => drop(self.documents.insert(Digest::of(line))),
            // One whose documents are damaged is kept again.
            Ok(TextsLine::Set { digest, documents }) => {
                if documents.iter().all(|id| self.documents.contains(id)) {
                    self.sets.insert(digest);
                }
            }
            Ok(TextsLine::InForce(digest)) => self.in_force = Some(digest),
            // Not kept, as far as anybody can tell: it is kept again when it is needed.
            Err(_damaged) => {}
        }
    }

    fn append(&mut self, lines: &[Vec<u8>], disk: &Disk) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        if std::mem::replace(&mut self.is_in_doubt, true) {
            self.file.set_len(self.len)?;
            write_file_anew(&self.file, 0, self.len)?;
        }
        let mut bytes = lines.join(&b'\n');
        bytes.push(b'\n');
        self.file.write_all_at(&bytes, self.len)?;
        disk.sync_data(&self.file)?;
        self.is_in_doubt = false;
        self.len = self.len.saturating_add(bytes.len() as u64);
        for line in lines {
            self.note(line);
        }
        Ok(())
    }
}

fn line_of(record: &TextsLine) -> io::Result<Vec<u8>> {
    Ok(serde_json::to_vec(record)?)
}

fn find(path: &Path, wanted: &Digest) -> io::Result<Option<KeptPolicies>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut listed = vec![wanted.clone()];
    let mut is_set = false;
    each_line(&file, |line| {
        if let Ok(TextsLine::Set { digest, documents }) = serde_json::from_slice(line)
            && digest == *wanted
        {
            listed = documents;
            is_set = true;
        }
    })?;
    let among: HashSet<Digest> = listed.iter().cloned().collect();
    let mut found: HashMap<Digest, PolicyDocument> = HashMap::new();
    each_line(&file, |line| {
        let id = Digest::of(line);
        if among.contains(&id)
            && let Ok(TextsLine::Document(document)) = serde_json::from_slice(line)
        {
            found.insert(id, document);
        }
    })?;
    let documents = listed.iter().map(|id| found.get(id).cloned());
    let Some(documents) = documents.collect::<Option<Vec<_>>>() else {
        return Ok(None);
    };
    let is_proven = !is_set || digest_of_documents(&documents) == *wanted;
    Ok(is_proven.then(|| KeptPolicies {
        digest: wanted.clone(),
        documents,
    }))
}

/// Shows every whole line, without its newline.
fn each_line(file: &File, mut show: impl FnMut(&[u8])) -> io::Result<()> {
    let mut reader = BufReader::new(ReadAt { file, at: 0 });
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader
            .by_ref()
            .take(MAX_LINE_BYTES)
            .read_until(b'\n', &mut line)?;
        if read == 0 || line.pop() != Some(b'\n') {
            return Ok(());
        }
        show(&line);
    }
}

/// Reads a file from its start, wherever its own position is.
struct ReadAt<'a> {
    file: &'a File,
    at: u64,
}

impl io::Read for ReadAt<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at = self.at.saturating_add(read as u64);
        Ok(read)
    }
}
