//! Turns an image's bytes into what it holds, and that into what is known about it.
//!
//! Synchronous: no socket, no clock, no file but the advisory feeds and their index.
//! [`scan_layer`] reads one layer to its facts, which are kept; [`merge`] joins the facts of an
//! image's layers to its inventory; [`judge`] holds that against the advisories. What could not be
//! read is always a gap, never an error and never silence.
//!
//! Reading order: [`limits`], `layer` (bytes to facts), [`analyzer`] and `dispatch` (who reads
//! which file), [`facts`], `overlay` and `merge` (layers to one tree), `inventory` and `system`;
//! [`feeds`], [`versions`], [`matching`], `eol`, `report`.

pub mod analyzer;
pub mod facts;
pub mod feeds;
pub mod limits;
pub mod matching;
pub mod versions;

mod analyzers;
mod claims;
mod code;
mod dispatch;
mod distro;
mod eol;
#[cfg(test)]
mod golden;
mod inventory;
mod layer;
mod merge;
mod overlay;
mod plugins;
mod purl;
mod report;
mod system;
#[cfg(test)]
mod testing;

pub use facts::{FactsError, LayerFacts};
pub use layer::scan_layer;
pub use limits::Limits;
pub use matching::{MATCHER_REVISION, MatcherInfo, judge, matchers};
pub use merge::{LayerInput, merge};
pub use plugins::{PluginInfo, PluginKind, fingerprint, plugins};
pub use purl::percent_encoded;
