//! Turns an image's bytes into what it holds, and that into what is known about it.
//!
//! Synchronous: no socket, no clock, no file but the advisory feeds and their index.
//! [`scan_layer`] reads one layer to its facts, which are kept; [`contents`] joins the facts of a
//! manifest's layers to what it is and holds; [`judge`] holds that against the advisories. What
//! could not be read is always a gap, never an error and never silence.
//!
//! Reading order: [`limits`], `layer` (bytes to facts), [`analyzer`] and `dispatch` (who reads
//! which file), [`facts`], `artifact` (what is no image), `overlay` and `merge` (layers to one
//! tree), `inventory` and `system`; [`feeds`], [`versions`], [`matching`], `eol`, `knowledge`,
//! `report`.

pub mod analyzer;
pub mod facts;
pub mod feeds;
pub mod limits;
pub mod matching;
pub mod versions;

mod analyzers;
mod artifact;
mod claims;
mod code;
mod dispatch;
mod distro;
mod eol;
mod gaps;
#[cfg(test)]
mod golden;
mod inventory;
mod knowledge;
mod layer;
mod merge;
mod overlay;
mod plugins;
mod purl;
mod report;
mod system;
#[cfg(test)]
mod testing;

pub use artifact::{contents, is_surely_image};
pub use facts::{FactsError, LayerFacts};
pub use layer::scan_layer;
pub use limits::{Allowance, Limits};
pub use matching::{MATCHER_REVISION, MatcherInfo, judge, judging_bytes, matchers};
pub use merge::{LayerInput, merge};
pub use plugins::{PluginInfo, PluginKind, fingerprint, plugins};
pub use purl::percent_encoded;
