//! One line of the record: what verdicts that were alike changed of what is known of their images.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluicegate_engine::ledger::{InPackage, RecordedImage, Weaknesses};
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Digest, Domain};

use crate::chain::{Chain, Head, Link, is_sealed, seal};

/// What a line is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnEntry {
    pub(super) time: Timestamp,
    pub(super) images: Vec<String>,
    pub(super) reported_by: Option<String>,
    pub(super) audience: Vec<String>,
    pub(super) before: Option<Decision>,
    pub(super) after: Option<Decision>,
    pub(super) policies: Option<Digest>,
    pub(super) feeds: Option<String>,
    pub(super) scanner: Option<String>,
    pub(super) allowed_by: Vec<String>,
    pub(super) whole: bool,
    pub(super) added: Vec<LineWeaknesses>,
    pub(super) removed: Vec<LineWeaknesses>,
}

/// A line of the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordLine {
    /// The line's number, from 1, without holes.
    pub seq: u64,
    /// When the last of the verdicts was made, or was taken away.
    pub time: Timestamp,
    /// The images, as `repository@digest`; none where all verdicts rest on something else from now on:
    /// these policies, feeds and scanner.
    pub images: Vec<String>,
    /// Whose word it is what they hold, where that was not looked at here.
    pub reported_by: Option<String>,
    /// For whom it was decided, where that is not everybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audience: Vec<String>,
    /// What came out before; none where nothing did.
    pub before: Option<Decision>,
    /// What comes out now; none where the verdicts were taken away.
    pub after: Option<Decision>,
    /// The digest of the documents that decided, which are kept as long as the log.
    pub policies: Option<Digest>,
    /// The feed snapshot.
    pub feeds: Option<String>,
    /// The program and the name of all that read and judged.
    pub scanner: Option<String>,
    /// The exceptions without which a stricter decision would have come out, by name.
    pub allowed_by: Vec<String>,
    /// Whether this line, with those behind it of the same images and time, lists all that was found.
    pub whole: bool,
    /// What came.
    pub added: Vec<LineWeaknesses>,
    /// What went.
    pub removed: Vec<LineWeaknesses>,
    /// The hash of the line before; of no bytes at all for the first line.
    pub prev: Digest,
    /// The hash of this line up to here; none only while the line is being written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<Digest>,
}

/// Weaknesses of a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineWeaknesses {
    /// Its name.
    pub package: String,
    /// Its version.
    pub version: String,
    /// What they are called.
    pub ids: Vec<String>,
}

/// The record, as a chain.
#[derive(Clone, Copy, Debug)]
pub struct Turns;

impl Chain for Turns {
    const FILE: &'static str = "record.jsonl";
    const NAME: &'static str = "record of findings";
    type Entry = TurnEntry;
    type Line = RecordLine;

    fn chain(entry: TurnEntry, head: &Head) -> Result<(Vec<u8>, Head), serde_json::Error> {
        let seq = head.seq.saturating_add(1);
        let line = RecordLine {
            seq,
            time: entry.time,
            images: entry.images,
            reported_by: entry.reported_by,
            audience: entry.audience,
            before: entry.before,
            after: entry.after,
            policies: entry.policies,
            feeds: entry.feeds,
            scanner: entry.scanner,
            allowed_by: entry.allowed_by,
            whole: entry.whole,
            added: entry.added,
            removed: entry.removed,
            prev: head.hash.clone(),
            hash: None,
        };
        seal(seq, &line)
    }

    fn read(bytes: &[u8]) -> Option<RecordLine> {
        let line: RecordLine = serde_json::from_slice(bytes).ok()?;
        is_sealed(bytes, line.hash.as_ref()?).then_some(line)
    }

    fn link(line: &RecordLine) -> Option<Link> {
        Some(Link {
            prev: line.prev.clone(),
            head: Head {
                seq: line.seq,
                hash: line.hash.clone()?,
            },
        })
    }
}

impl RecordLine {
    /// Names the images; what names none is left out.
    pub(crate) fn recorded(&self) -> impl Iterator<Item = RecordedImage> + '_ {
        let domain = self.reported_by.as_deref().map(str::parse);
        let domain = domain.map_or(Some(Domain::Here), Result::ok);
        self.images.iter().filter_map(move |image| {
            let (repository, digest) = image.split_once('@')?;
            Some(RecordedImage {
                repository: repository.parse().ok()?,
                digest: digest.parse().ok()?,
                domain: domain.clone()?,
            })
        })
    }
}

/// Reads weaknesses of a line.
pub(crate) fn read_weaknesses(listed: &[LineWeaknesses]) -> Weaknesses {
    let mut read = Weaknesses::default();
    for of_package in listed {
        let package = InPackage {
            name: of_package.package.clone(),
            version: of_package.version.clone(),
        };
        let names = read.0.entry(package).or_default();
        names.extend(of_package.ids.iter().cloned());
    }
    read
}
