//! From the bytes of a layer to its facts, and from those of all layers to what the image holds: one
//! way for pulls and for `inspect-image`.
//!
//! It fetches nothing: bytes are handed in, and of repositories it knows the name, for a scanner that
//! fetches by itself.
//!
//! Reading order: `layer` (one layer's bytes to facts) and `work_time`, `kept` (what an earlier scan
//! left), `image` (facts to an inventory); `port` (who scans), `here` (this machine), `layers`
//! (the layers of images that arrive together).

mod here;
mod image;
mod kept;
mod layer;
pub(crate) mod layers;
mod port;
mod work_time;

pub use here::ScanHere;
pub use image::{Scanned, config_limit, merge};
pub use kept::{Left, facts_key, review, to_keep};
pub use layer::{scan_on_this_thread, unscanned};
pub use port::{AskedLayer, EarlierFacts, LayerScan, LayerScanError, ScannedLayer};

#[cfg(test)]
mod tests;
