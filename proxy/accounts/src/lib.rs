//! Who asks: access keys, tokens, and what is known of those who have neither.
//!
//! Reading order: one key ([`key`], its [`halves`]), all of them ([`book`]), how they are
//! kept ([`kept`], [`store`]) and that the log vouches for them ([`vouched`]), what is in force ([`keys`]); then who somebody is, at the registry ([`registry`], with its [`token`]s),
//! at the API ([`api`]) and on this machine ([`local`]), and at an upstream that tells
//! clients apart itself ([`own`]). Nothing here knows of HTTP or files.

pub mod api;
pub mod book;
pub mod guesses;
pub mod halves;
pub mod kept;
pub mod key;
pub mod keys;
pub mod local;
pub mod own;
pub mod registry;
pub mod store;
#[cfg(any(test, feature = "testkit"))]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "only tests ask for it"
)]
pub mod testkit;
pub mod token;
pub mod vouched;
pub mod wanted;
