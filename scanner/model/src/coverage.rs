//! What was looked at, and what could not be.
//!
//! "Did not look" is never "clean": every gap is carried to policy, which alone decides on it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// How much of an image was judged.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum CoverageStatus {
    /// Everything that could hold a package was read and matched.
    Complete,
    /// Some of it was not; the rest was.
    Partial,
    /// So little was that the findings say nothing about the image.
    Unscannable,
}

impl CoverageStatus {
    /// Gives the name used everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Unscannable => "unscannable",
        }
    }
}

/// The status and every reason for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// The worst of what the gaps amount to.
    pub status: CoverageStatus,
    /// The gaps, sorted, without repeats.
    pub gaps: Vec<Gap>,
}

impl Coverage {
    /// Sorts the gaps and sums them up.
    pub fn from_gaps(mut gaps: Vec<Gap>) -> Self {
        gaps.sort();
        gaps.dedup();
        let status = gaps
            .iter()
            .map(Gap::weight)
            .max()
            .unwrap_or(CoverageStatus::Complete);
        Self { status, gaps }
    }
}

/// Something that was not judged.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    /// What kind of gap.
    pub kind: GapKind,
    /// Where in the image, without a leading slash; none where it concerns more than one file.
    pub path: Option<String>,
    /// In which layer; none where it concerns the whole image.
    pub layer: Option<Digest>,
    /// One line for a person.
    pub detail: String,
    /// Whether the gap alone makes the image unscannable.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fatal: bool,
}

impl Gap {
    /// Records a gap that leaves the rest of the image judged.
    pub fn partial(kind: GapKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            path: None,
            layer: None,
            detail: detail.into(),
            fatal: false,
        }
    }

    /// Records a gap after which the findings say nothing about the image.
    pub fn fatal(kind: GapKind, detail: impl Into<String>) -> Self {
        Self {
            fatal: true,
            ..Self::partial(kind, detail)
        }
    }

    /// Names the file the gap is in.
    pub fn at(self, path: impl Into<String>) -> Self {
        Self {
            path: Some(path.into()),
            ..self
        }
    }

    /// Names the layer the gap is in.
    pub fn in_layer(self, layer: Digest) -> Self {
        Self {
            layer: Some(layer),
            ..self
        }
    }

    fn weight(&self) -> CoverageStatus {
        if self.fatal {
            CoverageStatus::Unscannable
        } else {
            CoverageStatus::Partial
        }
    }
}

/// The kinds of gaps. The names are part of the API.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum GapKind {
    /// An ecosystem for which no feed is loaded.
    NoFeed,
    /// Packages of an operating system that could not be identified.
    OsUnknown,
    /// Two witnesses name different operating systems.
    OsForged,
    /// An operating system without a package database.
    OsDbMissing,
    /// A package database that lists no present package.
    OsDbEmpty,
    /// A package database that lies where its tool would not look.
    DbRelocated,
    /// A file that an analyzer wanted and could not read in full.
    FileUnreadable,
    /// A file over its analyzer's bound.
    FileTooLarge,
    /// A record of a package database that could not be read.
    RecordUnreadable,
    /// A layer that could not be decompressed or walked.
    LayerUnreadable,
    /// Bytes after a compressed stream's or archive's end.
    StreamGarbage,
    /// A layer kept outside the registry.
    ForeignLayer,
    /// An encrypted layer.
    EncryptedLayer,
    /// A layer of a type that is not read.
    UnknownLayer,
    /// A layer or config that is not what its digest says.
    DigestMismatch,
    /// An image config that could not be read.
    ConfigUnreadable,
    /// A whiteout and the file it names in one layer.
    AmbiguousLayer,
    /// A budget on bytes, ratio, entries or depth ran out.
    Budget,
    /// The time or the disk of this machine ran out: another time more may be found.
    Interrupted,
    /// An archive entry whose name leaves the root, or cannot be kept.
    UnsafePath,
    /// An advisory that names a package but no version or range.
    UnknownRange,
    /// A JAR without an identity.
    JarUnidentified,
    /// An analyzer that failed on its own.
    AnalyzerFailed,
    /// An image for an operating system that is not read, such as Windows.
    UnsupportedOs,
    /// Programs that no package owns and whose content names no product.
    UnattributedElf,
    /// A program packed so that its content cannot be read.
    PackedBinary,
    /// A language's code without the metadata that names it.
    StrippedMetadata,
    /// A package database that disagrees with the files it lists.
    DbTampered,
    /// System packages that do not come from the distribution.
    ThirdParty,
    /// A package whose version could not be told.
    VersionUnknown,
    /// An archive or disk image inside the image that is not looked into.
    NestedArchive,
    /// A release whose advisories have ended with its support.
    FeedEnded,
    /// A layer that no scanner was there for: another time one may be.
    NoScanner,
    /// A fed plugin that trapped, ran out of its limits or said what it may not.
    PluginFailed,
}

impl GapKind {
    /// Tells whether the bytes of the image are not what they are said to be, or mean different things
    /// to those who unpack them: nobody can answer for what that is.
    pub const fn is_broken(self) -> bool {
        matches!(
            self,
            Self::DigestMismatch
                | Self::LayerUnreadable
                | Self::StreamGarbage
                | Self::ConfigUnreadable
                | Self::UnsafePath
                | Self::AmbiguousLayer
        )
    }

    /// Lists the names of all kinds.
    pub fn names() -> Vec<String> {
        let schema = schemars::schema_for!(Self).to_value();
        let each = schema.get("oneOf").and_then(|each| each.as_array());
        let names = each
            .into_iter()
            .flatten()
            .filter_map(|kind| kind.get("const")?.as_str());
        names.map(str::to_owned).collect()
    }

    /// Tells whether whoever scans, not the image, is why something was not looked at: another time
    /// more may be found.
    pub const fn is_passing(self) -> bool {
        matches!(self, Self::Interrupted | Self::NoScanner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_that_of_a_kind() {
        let names = GapKind::names();
        for name in &names {
            let kind: GapKind = serde_json::from_value(name.as_str().into()).unwrap();
            assert_eq!(serde_json::to_value(kind).unwrap(), name.as_str());
        }
        let ends = [names.first(), names.last()].map(|name| name.map(String::as_str));
        assert_eq!(ends, [Some("no-feed"), Some("plugin-failed")]);
    }
}
