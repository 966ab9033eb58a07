//! What one layer proves on its own: raw paths, links, whiteouts, and what analyzers found.
//!
//! Facts depend on the layer's bytes and the analyzers only, so they are kept per layer and merged
//! again for every image that shares it. `layer/` makes them, `image/` reads them, the proxy
//! stores their bytes.

mod archive;
mod candidate;
mod claim_index;
mod digests;
mod owned;
mod path_set;
mod readers;
mod readings;
mod stored;
mod told;
mod weight;

use std::io::Read;

use serde::{Deserialize, Deserializer, Serialize};
use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::digest::DiffId;
use sluicegate_model::package::{Evidence, Package};

use crate::limits::STOPPED;
pub(crate) use digests::{Hashing, PARALLEL_BYTES};

pub use archive::FoundArchive;
pub use candidate::{Candidate, NpmRecord, Record, Standing};
pub use digests::{ContentDigest, FileDigests};
pub use owned::{BinaryFacts, OwnedFile};
pub use path_set::{PathHash, PathSet};
pub(crate) use readers::NO_ENTRY;
pub use readers::{PluginName, Readers};
pub use readings::{Disputed, Reader, ReaderSet};
pub use stored::{Compression, Document, StoredForm};
pub(crate) use told::DIRECTORY_ITSELF;
pub use told::{Told, ToldFile};

/// First byte of stored facts; a change of shape raises it, so that old ones are made again. It
/// enters the scanner's fingerprint.
pub(crate) const FACTS_FORMAT: u8 = 15;

/// Bytes of the weight that follows the format: what the facts take in memory.
const WEIGHT_BYTES: usize = 8;

/// Text of stored facts that is read whole before it is parsed, in bytes: parsing is twice as quick
/// then. More is parsed as it is decompressed.
const WHOLE_TEXT_BYTES: u64 = 4 * crate::limits::MIB;

/// Most bytes that stored facts may expand to: names, hashes and packages at their budgets.
const MAX_STORED_BYTES: u64 = crate::limits::GIB;

/// Compression level of stored facts: they are written once and are mostly names.
const STORED_LEVEL: i32 = 3;

/// Most packages that one file names; more would take a scan's whole memory.
const MAX_PACKAGES_OF_FILE: usize = 100_000;

/// Most characters that are kept of who built a package.
const MAX_MAKER: usize = 80;

/// Everything a layer proves, in the order of its archive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerFacts {
    /// The digest of the uncompressed bytes; none where they could not be read to their end.
    pub diff_id: Option<DiffId>,
    /// How many bytes the layer has uncompressed.
    pub uncompressed_bytes: u64,
    /// How many entries were read.
    pub entries: u64,
    /// Whether the content has at least one tar header or end marker.
    pub tar: bool,
    /// Whether all of the content lies in one directory, as a Helm chart does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub chart: bool,
    /// What the stored bytes are; none where they were not read to their end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<StoredForm>,
    /// What could not be looked at, whatever other layers do.
    pub gaps: Vec<Gap>,
    /// What bears on the merged tree, in archive order.
    pub events: Vec<Event>,
    /// Which of the events only some readers of archives have; the rest have them all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disputed: Vec<Disputed>,
    /// What fed plugins say of the layer's files, in archive order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<ToldFile>,
    /// Every path that is neither a directory nor a symbolic link; stored apart from the text.
    #[serde(skip)]
    pub plain_paths: PathSet,
    /// Who read what; stored apart from the text.
    #[serde(skip)]
    pub readers: Readers,
}

/// An archive entry that bears on the merged tree. Paths are raw: as the layer names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A directory.
    Directory(String),
    /// A symbolic link.
    Symlink {
        /// Where it lies.
        path: String,
        /// Where it points, as written.
        target: String,
    },
    /// A hard link.
    Hardlink {
        /// Where it lies.
        path: String,
        /// The path, from the archive's root, whose content it shares.
        target: String,
    },
    /// A file that an analyzer read.
    File(Box<FileFacts>),
    /// A file that no analyzer read, kept for where it lies: code or record of one package.
    Witness(String),
    /// The removal of a path that lower layers have.
    Whiteout {
        /// What is removed.
        path: String,
        /// Whether the layer also has the path itself, so that runtimes differ.
        ambiguous: bool,
    },
    /// The removal of everything that lower layers have in a directory.
    Opaque(String),
}

/// What analyzers found in one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    /// The file's raw path.
    pub path: String,
    /// What was found in it.
    pub found: Observations,
    /// The file's own digests, where its owner decides whether what was found counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digests: Option<FileDigests>,
}

/// What one file proves on its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observations {
    /// The packages it names.
    #[serde(deserialize_with = "tight")]
    pub packages: Vec<FoundPackage>,
    /// The operating system it names.
    pub os: Option<OsClaim>,
    /// Whether it is an operating system's package database, even one without packages.
    pub database: bool,
    /// What could not be read; it counts only if the file is in the merged image.
    #[serde(deserialize_with = "tight")]
    pub gaps: Vec<Gap>,
    /// The files that it says belong to its packages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owned: Vec<OwnedFile>,
    /// The archives, itself and those in it, that do not state what they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub archives: Vec<FoundArchive>,
    /// What it proves only where links give it another path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
    /// That it is a program, and what is known of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary: Option<BinaryFacts>,
}

/// A package and where in its file it was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FoundPackage {
    /// The package.
    pub package: Package,
    /// The path within the file, for archives; empty otherwise.
    pub inside: String,
    /// What the package's presence rests on.
    #[serde(default, skip_serializing_if = "Evidence::is_installed")]
    pub evidence: Evidence,
    /// Who built it, as a system's database says: rpm's vendor, dpkg's origin or the domain of its
    /// maintainer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maker: Option<Box<str>>,
    /// Of a Go module, its packages that are linked into the program, by their paths below the
    /// module's and `.` for its root; empty where that is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub linked: Vec<String>,
    /// Of a part of a program, what that runs on, as Go names it: `linux/amd64`, each part empty where
    /// the program's headers do not say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub platform: String,
}

/// Reads a list that is short and that there are very many of, without room for more.
fn tight<'de, D: Deserializer<'de>, T: Deserialize<'de>>(reader: D) -> Result<Vec<T>, D::Error> {
    let mut list = Vec::deserialize(reader)?;
    list.shrink_to_fit();
    Ok(list)
}

/// An operating system's name as one file states it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OsClaim {
    /// `ID`, lower case; empty where the file does not say.
    pub id: String,
    /// `VERSION_ID`; empty where the file does not say.
    pub version: String,
    /// `VERSION_CODENAME`; empty where the file does not say.
    pub codename: String,
}

/// Says why stored facts are none.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// They were written by another revision of the scanner.
    #[error("stored layer facts have format {0:?}, wanted {FACTS_FORMAT}")]
    Format(Option<u8>),
    /// They could not be decompressed.
    #[error("stored layer facts could not be decompressed")]
    Decompress(#[source] std::io::Error),
    /// They are not the text they should be.
    #[error("stored layer facts could not be parsed")]
    Parse(#[source] serde_json::Error),
}

impl Event {
    /// Gives the raw path that the event is about.
    pub fn path(&self) -> &str {
        match self {
            Self::Directory(path)
            | Self::Symlink { path, .. }
            | Self::Hardlink { path, .. }
            | Self::Whiteout { path, .. }
            | Self::Witness(path)
            | Self::Opaque(path) => path,
            Self::File(facts) => &facts.path,
        }
    }
}

impl LayerFacts {
    /// Stands for a layer that is kept outside the registry.
    pub fn foreign() -> Self {
        Self::unread(Gap::fatal(
            GapKind::ForeignLayer,
            "the layer is kept outside the registry and was not fetched",
        ))
    }

    /// Stands for an encrypted layer.
    pub fn encrypted() -> Self {
        Self::unread(Gap::fatal(
            GapKind::EncryptedLayer,
            "the layer is encrypted",
        ))
    }

    /// Stands for a layer of a type that is not read.
    pub fn unknown(media_type: &str) -> Self {
        let shown: String = media_type.chars().take(160).collect();
        Self::unread(Gap::fatal(
            GapKind::UnknownLayer,
            format!("layers of type {shown:?} are not read"),
        ))
    }

    /// Stands for a layer that could not be read, with the reason.
    pub fn unreadable(reason: impl Into<String>) -> Self {
        Self::unread(Gap::fatal(GapKind::LayerUnreadable, reason))
    }

    /// Stands for a layer whose facts are too many beside those of the layers below.
    pub fn beyond_budget() -> Self {
        Self::unread(Gap::fatal(
            GapKind::Budget,
            "the image's layers hold more than is looked at for one image",
        ))
    }

    /// Stands for a layer whose scan was asked to stop.
    pub fn stopped() -> Self {
        Self::unread(Gap::fatal(GapKind::Interrupted, STOPPED))
    }

    /// Stands for a layer that no scanner was there for: another time there may be one.
    pub fn without_scanner() -> Self {
        Self::unread(Gap::fatal(
            GapKind::NoScanner,
            "no scanner was there to look at the layer",
        ))
    }

    /// Tells whether whoever scans, not the layer, is why something was not read: another time more
    /// may be found, so the facts are not to be kept.
    pub fn was_interrupted(&self) -> bool {
        let of_files = self.events.iter().flat_map(|event| match event {
            Event::File(facts) => facts.found.gaps.as_slice(),
            _ => &[],
        });
        let mut gaps = self.gaps.iter().chain(of_files);
        gaps.any(|gap| gap.kind.is_passing())
    }

    /// Tells whether an event is there for a reader of archives.
    pub fn is_read_by(&self, event: usize, reader: Reader) -> bool {
        let at = self
            .disputed
            .binary_search_by_key(&event, |disputed| disputed.event);
        at.ok()
            .and_then(|at| self.disputed.get(at))
            .is_none_or(|disputed| disputed.readers.has(reader))
    }

    /// Tells whether the content is a tar archive, by content and not by its claimed type.
    pub fn is_tar(&self) -> bool {
        self.tar
    }

    /// Writes the facts for storage: their weight and who made them, then the paths' hashes, who
    /// read what and the rest as text, compressed as it is made.
    pub fn to_bytes(&self) -> Vec<u8> {
        let write = || -> std::io::Result<Vec<u8>> {
            let mut start = vec![FACTS_FORMAT];
            start.extend(self.weight().to_le_bytes());
            start.extend(readers::write_names(&self.readers.plugins));
            let mut encoder = zstd::stream::write::Encoder::new(start, STORED_LEVEL)?;
            self.plain_paths.write(&mut encoder)?;
            self.readers.write(&mut encoder)?;
            serde_json::to_writer(&mut encoder, self)?;
            encoder.finish()
        };
        write().expect("facts hold only strings and numbers, and memory has no I/O")
    }

    /// Tells what stored facts take in memory once they are read, in bytes.
    pub fn stored_weight(bytes: &[u8]) -> Result<u64, FactsError> {
        Ok(parts(bytes)?.weight)
    }

    /// Tells which analyzers made stored facts.
    pub fn stored_names(bytes: &[u8]) -> Result<Vec<PluginName>, FactsError> {
        parts(bytes)?.names()
    }

    /// Reads stored facts.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FactsError> {
        Self::from_bytes_within(bytes, MAX_STORED_BYTES)
    }

    /// Reads stored facts that expand to at most so many bytes; longer ones are an error.
    pub fn from_bytes_within(bytes: &[u8], most: u64) -> Result<Self, FactsError> {
        let parts = parts(bytes)?;
        let decoder = zstd::stream::read::Decoder::with_buffer(parts.compressed);
        let decoder = decoder.map_err(FactsError::Decompress)?;
        let most = most.min(MAX_STORED_BYTES);
        let mut bounded = std::io::BufReader::new(decoder.take(most));
        let plain_paths = PathSet::read(&mut bounded).map_err(FactsError::Decompress)?;
        let readers = Readers::read(parts.names()?, &mut bounded);
        let readers = readers.map_err(FactsError::Decompress)?;
        let mut text = Vec::new();
        let mut start = (&mut bounded).take(WHOLE_TEXT_BYTES);
        start
            .read_to_end(&mut text)
            .map_err(FactsError::Decompress)?;
        let is_whole = start.limit() > 0;
        let facts: Result<Self, _> = if is_whole {
            serde_json::from_slice(&text)
        } else {
            serde_json::from_reader(text.as_slice().chain(bounded))
        };
        let facts = facts.map_err(FactsError::Parse)?;
        Ok(Self {
            plain_paths,
            readers,
            ..facts
        })
    }

    fn unread(gap: Gap) -> Self {
        Self {
            gaps: vec![gap],
            ..Self::default()
        }
    }
}

/// Stored facts, taken apart.
struct Parts<'a> {
    weight: u64,
    /// The analyzers that made them, as they are written.
    names: &'a [u8],
    compressed: &'a [u8],
}

impl Parts<'_> {
    fn names(&self) -> Result<Vec<PluginName>, FactsError> {
        readers::read_names(self.names).ok_or(FactsError::Format(Some(FACTS_FORMAT)))
    }
}

/// Takes stored facts apart.
fn parts(bytes: &[u8]) -> Result<Parts<'_>, FactsError> {
    let format = || FactsError::Format(bytes.first().copied());
    let rest = bytes.strip_prefix(&[FACTS_FORMAT]).ok_or_else(format)?;
    let (weight, rest) = rest
        .split_first_chunk::<WEIGHT_BYTES>()
        .ok_or_else(format)?;
    let (names, compressed) = readers::split_names(rest).ok_or_else(format)?;
    Ok(Parts {
        weight: u64::from_le_bytes(*weight),
        names,
        compressed,
    })
}

impl FoundPackage {
    /// Makes one that the whole file is, or states.
    pub(crate) fn of(evidence: Evidence, package: Package) -> Self {
        Self {
            package,
            inside: String::new(),
            evidence,
            maker: None,
            linked: Vec::new(),
            platform: String::new(),
        }
    }
}

impl Observations {
    /// Records an installed package.
    pub fn add(&mut self, package: Package) {
        self.add_on(Evidence::Installed, package);
    }

    /// Records a package with what its presence rests on; past the most of one file, a gap.
    pub fn add_on(&mut self, evidence: Evidence, package: Package) {
        if self.packages.len() >= MAX_PACKAGES_OF_FILE {
            return self.names_too_many();
        }
        self.packages.push(FoundPackage::of(evidence, package));
    }

    /// Records a module of a program with its packages that are linked into it.
    pub(crate) fn add_linked(&mut self, package: Package, linked: Vec<String>) {
        let before = self.packages.len();
        self.add(package);
        if let Some(added) = self.packages.get_mut(before) {
            added.linked = linked;
        }
    }

    /// Records an installed package with who built it, where its database says so.
    pub fn add_of(&mut self, maker: Option<&str>, package: Package) {
        let before = self.packages.len();
        self.add(package);
        let added = self.packages.get_mut(before);
        if let (Some(added), Some(maker)) = (added, maker) {
            added.maker = Some(maker.chars().take(MAX_MAKER).collect::<String>().into());
        }
    }

    /// Records a package of which the file is the record where programs find it as one; past the most
    /// of one file, a gap.
    pub(crate) fn add_candidate(&mut self, record: Record, package: Package) {
        if self.candidates.len() >= MAX_PACKAGES_OF_FILE {
            return self.names_too_many();
        }
        self.candidates.push(Candidate { record, package });
    }

    fn names_too_many(&mut self) {
        if !self.gaps.iter().any(|gap| gap.kind == GapKind::Budget) {
            let detail = format!("the file names more than {MAX_PACKAGES_OF_FILE} packages");
            self.gaps.push(Gap::fatal(GapKind::Budget, detail));
        }
    }

    /// Tells whether nothing at all was found.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty()
            && self.os.is_none()
            && !self.database
            && self.gaps.is_empty()
            && self.owned.is_empty()
            && self.archives.is_empty()
            && self.candidates.is_empty()
            && self.binary.is_none()
    }
}
