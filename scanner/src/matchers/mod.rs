//! Who matches what: each ecosystem's order of versions, and what an advisory says of a version.
//!
//! It knows packages and advisories as values, and neither feeds nor images: the index asks it what
//! it may leave out, `matching` what applies.

mod answer;
#[cfg(test)]
pub(crate) mod golden;
mod interval;
mod order;
mod ranges;
mod registry;
mod releases;
mod relocated;

pub(crate) use answer::Affected;
pub(crate) use registry::{Matcher, Side, is_of_system, of, slim};
pub use registry::{MatcherInfo, compare_versions, matchers};

/// The revision of everything that decides findings from the same inventory and feeds. It enters
/// the scanner's fingerprint.
pub const MATCHER_REVISION: u32 = 15;
