//! Content by digest on disk: where files lie, publication after proof, eviction, documents.
//!
//! It fills the engine's port [`Content`](sluicegate_engine::content::Content), whose rules are not
//! here. Nothing is visible under its digest before the digest is proven.

mod blob_name;
mod documents;
mod file;
mod index;
mod layout;
mod store;

pub use store::ContentStore;

#[cfg(test)]
pub(crate) mod tests;
