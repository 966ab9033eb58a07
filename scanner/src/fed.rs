//! The trait of plugins that are switched at run time, whatever they are written in.
//!
//! A fed plugin claims files as data and says what it finds in one, or in what the whole image
//! holds. It only adds: what it says is kept, merged and judged beside what analyzers find, and
//! nothing of theirs depends on it. `plugin_set.rs` and the merge are its only callers.

use sluicegate_model::image_config::ImageConfig;
use sluicegate_model::inventory::Inventory;

use crate::analyzer::Wants;
use crate::facts::{PluginName, Told};

/// Most fed plugins of one set.
pub const MAX_FED: usize = 64;

/// Largest file of a plugin, in bytes.
pub const MAX_FED_BYTES: u64 = 16 * 1024 * 1024;

/// Most work of one plugin on one layer, in microseconds as it counts them; what is over is not
/// read, and a gap. It is each plugin's own, so that none takes from another.
pub const MAX_LAYER_WORK: u64 = 5_000_000;

/// Files of one layer on which a plugin may fail before it reads none of it any more.
pub const MAX_FAILURES: u64 = 8;

/// Most that is kept of what one plugin says of one layer, in bytes.
pub const MAX_TOLD_BYTES: u64 = 256 * 1024;

/// What a fed plugin gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FedKind {
    /// A claimed file to packages.
    Analyzer,
    /// A claimed file, or without claims the image's inventory, to weaknesses.
    Detector,
}

/// Who a fed plugin is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FedId<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its version, as its author says.
    pub version: &'a str,
    /// The SHA-256 of its file, 64 digits.
    pub digest: &'a str,
}

impl FedId<'_> {
    /// Gives the name under which its facts are kept: another file is another plugin.
    pub fn kept_as(&self) -> PluginName {
        let Self {
            name,
            version,
            digest,
        } = self;
        PluginName {
            name: format!("fed/{name}@{version}+{digest}"),
            revision: 0,
        }
    }
}

/// What a plugin says, and what it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FedAnswer {
    /// What it says.
    pub told: Told,
    /// Its work, in microseconds that do not depend on the machine.
    pub work: u64,
}

/// A file or directory as the header of an archive has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryMode<'a> {
    /// The raw path, without a leading slash.
    pub path: &'a str,
    /// Whether it is a directory; else a regular file.
    pub is_directory: bool,
    /// The mode's bits, as POSIX has them: those of rights, and above them sticky, setgid and setuid.
    pub mode: u32,
}

/// What a plugin says of one file that it reads in pieces.
pub trait FedReader {
    /// Takes the next piece, of any length.
    fn push(&mut self, piece: &[u8]);

    /// Ends the file and gives what is said of it.
    fn finish(self: Box<Self>) -> Told;
}

/// A plugin that was fed at run time, or a detector of the program that is switched at run time.
pub trait FedPlugin: Send + Sync {
    /// Gives who it is.
    fn id(&self) -> FedId<'_>;

    /// Tells what it gives.
    fn kind(&self) -> FedKind;

    /// Lists the files that it reads; a detector without any is asked about the inventory.
    fn claims(&self) -> Vec<Wants<'_>>;

    /// Gives the largest file that it is handed, in bytes; a larger one is a gap.
    fn max_file_bytes(&self) -> u64;

    /// Reads a claimed file, whole. A failure is part of the answer.
    fn read(&self, path: &str, content: &[u8]) -> FedAnswer;

    /// Looks at what an image holds. A failure is part of the answer.
    fn detect(&self, inventory: &Inventory) -> FedAnswer;

    /// Tells whether it comes with the program. Only such read in pieces and look at configurations.
    fn is_built_in(&self) -> bool {
        false
    }

    /// Begins a claimed file that it reads in pieces, beside everything else; none where it takes files
    /// whole. It is all or none of its files.
    fn begin(&self, _path: &str, _size_bytes: u64) -> Option<Box<dyn FedReader + '_>> {
        None
    }

    /// Gives the most that is kept of what it says of one layer, in bytes.
    fn max_told_bytes(&self) -> u64 {
        MAX_TOLD_BYTES
    }

    /// Looks at the header of a file or directory.
    fn see(&self, _entry: EntryMode<'_>) -> Told {
        Told::default()
    }

    /// Looks at the configuration of an image; none where that cannot be read. The paths of what it says
    /// are places in it.
    fn look(&self, _config: Option<&ImageConfig>) -> Told {
        Told::default()
    }
}

/// Says why plugins make no set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FedError {
    /// There are too many.
    #[error("{0} plugins were fed, and one set takes at most {MAX_FED}")]
    TooMany(usize),
    /// Two have one name.
    #[error("two plugins that were fed are called {0}; their findings could not be told apart")]
    SameName(String),
}

#[cfg(test)]
mod tests;
