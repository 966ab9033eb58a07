//! One image from anywhere to a verdict, without a service: what `inspect-image` runs on.
//!
//! The same scanner, merge, matching and policy as on a pull, so that an inventory made here is
//! the one the proxy makes, byte for byte. Never opens a service's store: what is known of layers
//! is kept under `<data>/inspect`.
//!
//! Reading order: `source` (where images come from), `facts_cache`, `scan` (layers to inventory).

mod facts_cache;
pub mod salt;
mod scan;
pub mod source;

pub use facts_cache::FactsCache;
pub use scan::{LayerProgress, Scanner};
