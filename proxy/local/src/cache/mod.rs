//! Content by digest on disk: growing files, publication after proof, eviction, derived documents.
//!
//! Nothing here is visible under its digest before the digest is proven, and the last bytes of a
//! blob that is still arriving reach no client before that. It never decides who may have what:
//! `pull` asks, and everything that leaves goes through the gate first.

mod body;
mod documents;
mod error;
mod growing;
mod index;
mod interest;
mod layout;
mod source;
mod store;
mod writer;

pub use body::{BlobBody, BlobSource, Tail, TailHold, stream};
pub use documents::{DocumentKind, PackedDocument};
pub use error::{BlobFailure, CacheError};
pub use growing::{GrowingBlob, Growth, SyncTailReader};
pub use interest::{Interest, Standing, Waiting, Watched};
pub use store::{ContentStore, Pin, StoredBlob};
pub use writer::BlobWriter;

#[cfg(test)]
mod tests;
