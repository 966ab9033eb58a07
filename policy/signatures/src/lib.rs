//! Public keys, and what each of them has signed.
//!
//! Bytes and keys go in, who signed what comes out. It reads what cosign writes: simple signing under
//! the tag `sha256-HEX.sig`, envelopes of attestations under `sha256-HEX.att`, and the bundles of
//! cosign 3. Nothing here fetches, waits or knows the time, and no certificate and no log is asked:
//! a signature counts by a key that somebody has named, or it does not count.
//!
//! Every document is another's. Whatever is not what it has to be, to the letter, signs nothing; how
//! large a document may be is bounded here, how many are looked at by whoever calls.
//!
//! Reading order: [`PublicKey`], [`Wanted`], then one file for each form.

mod bundle;
mod envelope;
mod key;
mod simple;
mod vex;
mod wanted;

#[cfg(test)]
mod tests;

pub use bundle::{BUNDLE_TYPES, in_bundle};
pub use envelope::{SIGN_PREDICATE, in_envelope};
pub use key::{KeyError, PublicKey};
pub use simple::{SIGNATURE_ANNOTATION, in_simple_signing};
pub use vex::{MAX_VEX_BYTES, SignedVex, vex_in_bundle, vex_in_envelope};
pub use wanted::{MAX_DOCUMENT_BYTES, Subject, Wanted};
