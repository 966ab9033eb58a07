//! Turns an image's bytes into what it holds, and that into what is known about it.
//!
//! Synchronous: no socket, no clock, no file but the advisory feeds, their index, that of JARs and lists of digests.
//! [`scan_layer`] reads one layer to its facts, which are kept; [`contents`] joins the facts of a
//! manifest's layers to what it is and holds; [`judge`] holds that against the advisories. What
//! could not be read is always a gap, never an error and never silence.
//!
//! Reading order: [`limits`], `layer` (bytes to facts), [`analyzer`], [`fed`] and `plugin_set`
//! (who reads which file), [`facts`], `image` (layers to one tree, and what is judged of it),
//! `inventory`, `artifact` (what is no image); [`versions`], `matchers`, [`jars`], [`hash_list`], [`feeds`], `eol`,
//! `knowledge`, `report`, `licences`, [`matching`], `change`.

pub mod analyzer;
pub mod facts;
pub mod fed;
pub mod feeds;
pub mod hash_list;
pub mod jars;
pub mod limits;
pub mod matching;
pub mod versions;

mod analyzers;
mod artifact;
mod change;
mod claims;
mod code;
mod configuration;
mod distro;
mod ends;
mod eol;
mod examples;
mod gaps;
#[cfg(test)]
mod golden;
mod image;
mod inventory;
mod knowledge;
mod layer;
mod licences;
mod malware;
mod matchers;
mod names;
mod path;
mod plugin_set;
mod plugins;
mod purl;
mod read_at;
mod report;
mod secrets;
mod sqlite;
#[cfg(test)]
mod testing;

pub use analyzers::{
    FedFile, FedTable, JarNames, NameTables, ProductTable, TableError, package_of,
};
pub use artifact::{contents, contents_by, is_surely_image};
pub use change::{Reach, reach};
pub use configuration::ConfigurationDetector;
pub use eol::{SupportError, SupportTable};
pub use facts::{FactsError, LayerFacts, PluginName};
pub use image::layers::LayerInput;
pub use inventory::{merge, merge_by};
pub use layer::{MAGIC_BYTES, is_compressed, scan_layer, scan_layer_again};
pub use licences::{licences, licences_bytes};
pub use limits::{Allowance, Limits};
pub use malware::MalwareDetector;
pub use matchers::{MATCHER_REVISION, MatcherInfo, compare_versions, matchers};
pub use matching::{
    ARCHIVES_BY_DIGEST, FILES_BY_DIGEST, KnownPackages, judge, judge_knowing, judging_bytes,
    with_archives_named,
};
pub use plugin_set::{Kept, PluginSet};
pub use plugins::{
    PluginInfo, PluginKind, describe_fed, detectors, facts_fingerprint, fingerprint,
    fingerprint_by, plugins,
};
pub use secrets::SecretDetector;
