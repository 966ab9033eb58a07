//! What a format of feeds declares, and what the entries of its files can say.
//!
//! A format names its files in a feed directory and reads one of them as a stream of entries. It
//! merges nothing, ranks nothing, and knows of no index and of no other format. The formats lie in
//! `formats`; whoever builds the index asks them.

use std::error::Error;
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::Date;
use sluicegate_model::advisory::{Advisory, SeverityBasis};

use super::cve::CveNumber;
use super::directory::{FeedDirectory, FeedFile};
use super::error::FeedError;

/// A format of feeds.
pub(super) trait Feed: Sync {
    /// What an entry says: a [`Record`] on packages, or of one CVE an [`Exploitation`] or a [`CveScore`].
    type Said;

    /// Gives the name, the revision and the place.
    fn info(&self) -> FeedInfo;

    /// Lists the files that are there, in the order in which they are to be read.
    fn files(&self, directory: &FeedDirectory) -> Result<Vec<FeedFile>, FeedError>;

    /// Hands every entry of a file to `each`, one in memory at a time and each within a bound. One
    /// that cannot be read costs only itself.
    ///
    /// *Errors*: the file as a whole is not readable; what was handed out before stands.
    fn read(&self, path: &Path, each: &mut OnEntry<'_, Self::Said>) -> Result<(), FeedError>;
}

/// A format as the lists of `formats` have it.
pub(super) type FeedFormat<T> = &'static dyn Feed<Said = T>;

/// Takes an entry.
pub(super) type OnEntry<'a, T> = dyn FnMut(FeedEntry<'_, T>) + 'a;

/// What a format declares.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FeedInfo {
    /// What it is called.
    pub(crate) name: &'static str,
    /// Raised with every change of what is read from the same files.
    pub(crate) revision: u16,
    /// Where its files lie in a feed directory.
    pub(crate) place: &'static str,
}

/// An entry of a file.
pub(super) struct FeedEntry<'a, T> {
    /// What the file calls it; none where it names no entries.
    pub(super) name: Option<&'a str>,
    pub(super) said: Result<T, EntryError>,
    /// How many entries the file has, where that is known before the last one.
    pub(super) of: Option<u64>,
}

/// Why an entry, or a part of it, could not be read: of a type of the format's own. It is told to
/// people, and nobody decides by it.
pub(super) type EntryError = Box<dyn Error + Send + Sync>;

/// A record in the sense of OSV, taken apart.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) id: String,
    /// When it last changed; none where the record gives no readable time.
    pub(super) modified: Option<Timestamp>,
    /// When it was first made public; none where the record gives no readable time.
    pub(super) published: Option<Timestamp>,
    pub(super) is_withdrawn: bool,
    pub(super) affected: Vec<AffectedPackage>,
    /// What could not be read without making the record useless.
    pub(super) oddities: Vec<EntryError>,
}

/// One package that a record speaks of.
#[derive(Debug)]
pub(super) struct AffectedPackage {
    /// The ecosystem as OSV spells it, suffix included.
    pub(super) ecosystem: String,
    /// The name as written.
    pub(super) name: String,
    pub(super) advisory: Advisory,
}

/// What is said of the exploitation of CVEs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Exploitation {
    /// One is exploited.
    Known(CveNumber),
    /// The day of those that are.
    KnownOf(Date),
    /// How likely it is that one will be: 0 to 1.
    Probability(CveNumber, f32),
    /// The day of those probabilities.
    ProbabilitiesOf(Date),
}

/// How bad a CVE is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct CveScore {
    pub(super) cve: CveNumber,
    /// When it was last changed; none where no readable time is given.
    pub(super) modified: Option<Timestamp>,
    /// The CVSS base score; none where nobody scored it, or it was rejected.
    pub(super) base: Option<(SeverityBasis, f64)>,
}
