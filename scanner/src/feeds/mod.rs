//! What is known: advisory feeds on disk, and the immutable index that is built from them.
//!
//! A feed is a directory in the layout of the public OSV bucket. [`build_index`] reads it once and
//! writes one file, [`FeedIndex`] answers from that file by key. These are the only parts of the
//! crate that open files; nothing here fetches, schedules or calls a clock. Called by the program's
//! feed loading and by `matching`.

mod archive;
mod blocks;
mod build;
mod compare;
pub mod cve;
mod directory;
mod error;
mod exploits;
mod extras;
mod feed;
mod formats;
mod gather;
mod index;
mod layout;
mod names;
mod rating;
pub(crate) mod scope;
mod severities;
mod sources;
mod stamps;
mod status;
mod times;

pub use build::build_index;
pub use directory::{ARCHIVE, DELTA, FeedDirectory};
pub use error::FeedError;
pub(crate) use exploits::shown_probability;
pub(crate) use feed::FeedInfo;
pub(crate) use formats::formats;
pub use formats::{NVD_FOLDER, is_nvd_file};
pub use index::FeedIndex;
pub(crate) use layout::FORMAT as INDEX_FORMAT;
pub use sources::source_fingerprint;
pub use stamps::{Stamp, read_stamp, read_stamps};
pub use status::{BuildProgress, EcosystemStatus, FeedProblem};

/// The largest record that is read, in bytes.
pub use archive::MAX_RECORD_BYTES;

#[cfg(test)]
pub(crate) mod golden;
#[cfg(test)]
mod tests;
