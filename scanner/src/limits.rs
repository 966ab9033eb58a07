//! The budgets of scanning one layer: bytes, ratio, entries, names, nesting, spooled files.
//!
//! A budget that runs out is a fatal gap, never a silent skip. Callers hand [`Limits`] in; nothing
//! here reads configuration, and nothing reads a clock: whoever measures time sets [`Stop`].

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use std::path::PathBuf;

/// One kibibyte, in bytes.
pub const KIB: u64 = 1024;
/// One mebibyte, in bytes.
pub const MIB: u64 = 1024 * KIB;
/// One gibibyte, in bytes.
pub const GIB: u64 = 1024 * MIB;

/// Most memory that a scan takes for one thing, be it what was found or one file's content, before it asks
/// for more, in bytes.
pub(crate) const USUAL_BYTES: u64 = 8 * MIB;

/// What a scan says that was asked to stop.
pub(crate) const STOPPED: &str = "scanning the layer took longer than it may";

/// Asks a scan to come to its end; all clones are one request.
///
/// It is heeded at every piece of the stream, every entry, between analyzers and within archives
/// in files. The scan still reads its source to the end and gives what it found, with a gap.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Tells whether somebody has asked.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Told by a scan that it is about to take more memory than scans do as a rule.
///
/// The call may block, or ask the scan to stop: whoever shares memory out among scans lets the large
/// ones go one after the other. A scan that goes on stays within [`Limits`].
#[derive(Clone, Default)]
pub struct Allowance(Option<Arc<dyn Fn() + Send + Sync>>);

impl Allowance {
    /// Calls `ask` whenever a scan takes more than is usual, each time that happens.
    pub fn new(ask: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(ask)))
    }

    /// Asks if `bytes` are more than is usual.
    pub(crate) fn ask_for(&self, bytes: u64) {
        if bytes > USUAL_BYTES
            && let Some(ask) = &self.0
        {
            ask();
        }
    }
}

impl fmt::Debug for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Allowance").field(&self.0.is_some()).finish()
    }
}

/// How much work one layer may cause.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most uncompressed bytes of one layer.
    pub max_uncompressed_bytes: u64,
    /// Most uncompressed bytes for each compressed one, once past `ratio_free_bytes`.
    pub max_ratio: u64,
    /// Uncompressed bytes below which the ratio does not count.
    pub ratio_free_bytes: u64,
    /// Most archive entries of one layer.
    pub max_entries: u64,
    /// Longest name or link target of an entry, in bytes.
    pub max_name_bytes: u64,
    /// Most memory that the names of one layer take, in bytes, with what keeping each one costs.
    pub max_kept_name_bytes: u64,
    /// Most memory that all of one layer's facts take, in bytes: names, packages, owned files, gaps.
    pub max_facts_bytes: u64,
    /// Most packages that one layer's facts keep.
    pub max_packages: u64,
    /// Most files of packages that one database, and one layer's facts, keep.
    pub max_owned_files: u64,
    /// How deep archives inside files are opened.
    pub max_nested_depth: u32,
    /// Most bytes inflated from archives inside one file.
    pub max_nested_bytes: u64,
    /// Most entries of archives inside one file.
    pub max_nested_entries: u64,
    /// Most bytes of one layer's files that are written to temporary files, one at a time.
    pub max_spooled_bytes: u64,
    /// Where temporary files are made; none for the system's own place.
    pub spool_dir: Option<PathBuf>,
    /// Whether the scan has been asked to stop.
    pub stop: Stop,
    /// Who is asked for more memory than is usual.
    pub allowance: Allowance,
}

impl Default for Limits {
    /// Gives budgets that every image seen in the wild stays below.
    ///
    /// A gzip stream cannot exceed 1,032:1 (RFC 1951, 258 bytes from two bits), so the ratio of
    /// 1,100 stops zstd bombs only; gzip is bounded by its bytes. 4,096 is Linux's `PATH_MAX`.
    /// The names of two million files take 31 MiB, so that 56 leave room for 200,000 directories.
    fn default() -> Self {
        Self {
            max_uncompressed_bytes: 64 * GIB,
            max_ratio: 1_100,
            ratio_free_bytes: GIB,
            max_entries: 2_000_000,
            max_name_bytes: 4_096,
            max_kept_name_bytes: 56 * MIB,
            max_facts_bytes: 96 * MIB,
            max_packages: 100_000,
            max_owned_files: 250_000,
            max_nested_depth: 5,
            max_nested_bytes: 256 * MIB,
            max_nested_entries: 200_000,
            max_spooled_bytes: 16 * GIB,
            spool_dir: None,
            stop: Stop::default(),
            allowance: Allowance::default(),
        }
    }
}
