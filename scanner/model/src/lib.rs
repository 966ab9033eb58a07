//! The vocabulary of Sluicegate: pure values that every other crate speaks.
//!
//! Nothing here opens a file, a socket or a clock. Text from outside is parsed once, at the edge,
//! into a type that cannot hold a wrong value; after that it is never checked again.
//!
//! Reading order: what is pulled ([`digest`], [`image`], [`names`], [`manifest`], [`registry`],
//! [`image_config`], [`artifact`]), what is found in it ([`package`], [`licence`], [`weakness`], [`coverage`], [`inventory`]),
//! what is known ([`advisory`], [`severity`], [`snapshot`], [`vex`]), and what follows ([`finding`], [`report`],
//! [`audience`], [`access`], [`domain`], [`heard`], [`signature`], [`verdict`]); how all of it is written, for programs, is [`form`], [`schema`] and
//! [`percent`]; what people may write in files, for editors, is [`shape`]. What several crates ask in the same way: [`glob`], [`secret`], [`clock`], [`backoff`].

pub mod absent;
pub mod access;
pub mod advisory;
pub mod archive;
pub mod artifact;
pub mod audience;
pub mod backoff;
pub mod clock;
pub mod config_texts;
pub mod coverage;
pub mod digest;
pub mod domain;
pub mod finding;
pub mod form;
pub mod gate;
pub mod glob;
pub mod hashed;
pub mod heard;
mod hex_text;
pub mod image;
pub mod image_config;
pub mod inventory;
pub mod json_tree;
pub mod licence;
pub mod manifest;
pub mod media_type;
pub mod names;
pub mod package;
pub mod percent;
pub mod registry;
pub mod report;
pub mod run_config;
#[cfg(any(test, feature = "samples"))]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "only tests ask for it"
)]
pub mod samples;
pub mod schema;
pub mod secret;
pub mod severity;
pub mod shape;
pub mod signature;
pub mod snapshot;
pub mod strict_json;
pub mod strict_yaml;
pub mod verdict;
pub mod vex;
pub mod weakness;

pub use audience::{Audience, Principal, Scope};
pub use digest::{Digest, DigestHasher};
pub use domain::{Domain, Sighting};
pub use image::{Reference, Repository, Tag};
