//! What a plugin claims, as its manifest says it, and as the scanner looks it up.

use serde::Deserialize;
use sluicegate_scanner::analyzer::{HEAD_BYTES, MAX_ENDING_DOTS, Wants};

/// Longest text of a claim, in bytes.
const MAX_TEXT: usize = 256;

/// Fewest bytes by which a content is claimed: one would be of too many files.
const MIN_BYTES: usize = 2;

/// A claim as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Claim {
    /// The file with exactly this path.
    Path(String),
    /// Every file right in this directory.
    Dir(String),
    /// Every file with this name.
    Name(String),
    /// Every file whose name ends so.
    Ending(String),
    /// Every file whose name starts and ends so.
    NameAround(Around),
    /// Every file right in a directory of this name whose name ends so.
    InDirNamed(InDir),
    /// Every file whose first bytes are these.
    Starts(Content),
    /// Every file with these bytes at a place.
    At(Place),
}

/// The start and the end of a name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Around {
    /// Its start.
    pub starts: String,
    /// Its end.
    pub ends: String,
}

/// A directory's own name, and the end of a file's.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InDir {
    /// The directory's name.
    pub dir: String,
    /// The end of the file's name.
    pub ending: String,
}

/// The first bytes of a file, and others near its beginning.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// The first bytes, in hexadecimal digits.
    #[serde(deserialize_with = "hex::deserialize")]
    pub bytes: Vec<u8>,
    /// Bytes that follow somewhere.
    #[serde(default, deserialize_with = "hex::deserialize")]
    pub holds: Vec<u8>,
}

/// Bytes at a place.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Where they begin.
    pub at: usize,
    /// The bytes, in hexadecimal digits.
    #[serde(deserialize_with = "hex::deserialize")]
    pub bytes: Vec<u8>,
}

impl Claim {
    /// Says what is wrong with a claim.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self {
            Self::Path(path) | Self::Dir(path) => is_path(path),
            Self::Name(name) => is_name(name),
            Self::Ending(ending) => is_ending(ending),
            Self::NameAround(around) => {
                is_name(&around.starts)?;
                is_ending(&around.ends)
            }
            Self::InDirNamed(within) => {
                is_name(&within.dir)?;
                is_ending(&within.ending)
            }
            Self::Starts(content) => {
                is_content(0, &content.bytes)?;
                is_content(
                    content.bytes.len(),
                    &[&[0; MIN_BYTES][..], &content.holds].concat(),
                )
            }
            Self::At(place) => is_content(place.at, &place.bytes),
        }
    }

    /// Gives it as the scanner has it.
    pub(crate) fn wants(&self) -> Wants<'_> {
        match self {
            Self::Path(path) => Wants::Exact(path),
            Self::Dir(dir) => Wants::InDir(dir),
            Self::Name(name) => Wants::Named(name),
            Self::Ending(ending) => Wants::Ending(ending),
            Self::NameAround(Around { starts, ends }) => Wants::NamedAround { starts, ends },
            Self::InDirNamed(InDir { dir, ending }) => Wants::InDirsNamed { dir, ending },
            Self::Starts(Content { bytes, holds }) => Wants::Content {
                starts: bytes,
                holds,
            },
            Self::At(Place { at, bytes }) => Wants::At {
                at: *at,
                holds: bytes,
            },
        }
    }
}

fn is_path(path: &str) -> Result<(), String> {
    let mut parts = path.split('/');
    let is_odd = |part: &str| matches!(part, "" | "." | "..");
    if path.len() > MAX_TEXT || parts.any(is_odd) {
        return Err(format!(
            "has the path {path:?}; one is written from the image's root, as etc/app/app.conf"
        ));
    }
    Ok(())
}

fn is_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > MAX_TEXT || name.contains('/') {
        return Err(format!(
            "has the name {name:?}; one is of 1 to {MAX_TEXT} bytes without /"
        ));
    }
    Ok(())
}

fn is_ending(ending: &str) -> Result<(), String> {
    is_name(ending)?;
    let dots = ending.matches('.').count();
    if !ending.starts_with('.') || ending.len() < 2 || dots > MAX_ENDING_DOTS {
        return Err(format!(
            "has the ending {ending:?}; one begins with a dot, has more than that and at most \
             {MAX_ENDING_DOTS} dots"
        ));
    }
    Ok(())
}

fn is_content(at: usize, bytes: &[u8]) -> Result<(), String> {
    let end = at.saturating_add(bytes.len());
    if bytes.len() < MIN_BYTES || end > HEAD_BYTES || bytes.len() > MAX_TEXT {
        return Err(format!(
            "has {} bytes at {at}; they are {MIN_BYTES} to {MAX_TEXT}, within the first {HEAD_BYTES}",
            bytes.len()
        ));
    }
    Ok(())
}
