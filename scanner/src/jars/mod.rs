//! Well-known JARs by their digests: an index file of every archive that a repository has published.
//!
//! An archive without coordinates is known by its bytes alone. [`JarsBuilder`] writes an index from
//! archives in any order, which [`add_repository`] takes from the tree of a Maven repository and
//! [`add_trivy`] from Trivy's database; [`JarIndex`] answers from the file without loading it. Called by
//! the program, and by `matching` for archives that name no coordinates.

mod build;
mod error;
mod index;
mod layout;
mod repository;
mod sorting;
mod trivy;

pub use build::{JarsBuilder, Written};
pub use error::JarsError;
pub use index::{Coordinates, JarIndex};
pub use repository::{Digests, add_repository};
pub use trivy::add_trivy;

#[cfg(test)]
mod tests;
