//! Scanners elsewhere: who is linked, what they are given to do, and what they say is worth.
//!
//! A scanner dials in, asks for work and answers; nothing here reaches out to one. What it says
//! counts for the layer that it was given, for as long as it was given it, and in its own
//! repositories only.
//!
//! Reading order: what proves somebody ([`credential`]), all that are linked ([`book`]), who is in
//! force ([`roll`]); what is given to whom ([`task`], [`leases`],
//! [`desk`]), what is taken of the answers ([`results`]); all of it together ([`linked`]), what
//! is looked at twice ([`recheck`]), the engine's port over it ([`remote`]), and what is said on the way ([`protocol`]). Nothing here knows of HTTP or files.

pub mod book;
pub mod credential;
pub mod desk;
pub mod leases;
pub mod linked;
pub mod protocol;
pub mod recheck;
pub mod remote;
pub mod results;
pub mod roll;
pub mod task;
#[cfg(test)]
mod tests;
