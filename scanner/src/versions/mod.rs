//! How versions are ordered: one file for each ordering, one trait over them.
//!
//! A text is parsed once into a value with a total order; a text that is no version of its ordering
//! is an error, which callers report as "unknown" and never as "not affected". Nothing here knows
//! packages or advisories. Called by `matching`.

pub mod apk;
pub mod deb;
pub mod pacman;
pub mod rpm;

pub mod bitnami;
pub mod cran;
pub mod dart;
pub mod gem;
pub mod go;
pub mod maven;
pub mod nuget;
pub mod packagist;
pub mod pep440;
pub mod semver;

mod labels;
pub(crate) mod parts;

/// Longest version text that is compared, in bytes. Real ones stay below 100; Maven itself stops at
/// 256, and longer digit runs only cost time.
pub const MAX_VERSION_BYTES: usize = 256;

/// A version of one ordering.
///
/// *Shape*: `Eq` follows the order, so that two spellings of one version are equal.
pub trait ParsedVersion: Ord + Sized {
    /// Reads a version as its ordering defines it.
    fn parse(text: &str) -> Result<Self, VersionError>;
}

/// Says why a text is no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// The text is longer than is ever compared.
    #[error("version of {0} bytes is too long to compare, wanted at most {MAX_VERSION_BYTES}")]
    TooLong(usize),
    /// The text does not follow the ordering's grammar.
    #[error("{text:?} is not a version that the {ordering} order defines")]
    Malformed {
        /// The ordering's name.
        ordering: &'static str,
        /// The text, as written.
        text: String,
    },
}

/// Refuses texts that are too long to compare.
fn bounded(text: &str) -> Result<&str, VersionError> {
    if text.len() > MAX_VERSION_BYTES {
        return Err(VersionError::TooLong(text.len()));
    }
    Ok(text)
}

/// Makes the error for a text outside an ordering's grammar.
fn malformed(ordering: &'static str, text: &str) -> VersionError {
    VersionError::Malformed {
        ordering,
        text: text.to_owned(),
    }
}

/// Compares two runs of decimal digits as numbers of any length.
fn compare_digits(left: &str, right: &str) -> std::cmp::Ordering {
    let left = left.trim_start_matches('0');
    let right = right.trim_start_matches('0');
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

/// A number of any length. Its default is zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Digits(Box<str>);

impl Digits {
    /// Reads a run of decimal digits; none where it is empty or has anything else.
    fn read(text: &str) -> Option<Self> {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| Self(text.trim_start_matches('0').into()))
    }
}

impl Ord for Digits {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        compare_digits(&self.0, &other.0)
    }
}

impl PartialOrd for Digits {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
pub(crate) mod laws;
