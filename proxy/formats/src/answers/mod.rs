//! Verdicts as programs are told of them: by the API, in files, and read back by commands.
//!
//! What these types say is a contract: names, their order, what is null and what is left out. The
//! description of the API is made of them. They are forms of the model's values
//! ([`sluicegate_model::form`]), so that a large verdict is written without being copied; what is
//! kept of a verdict has a form of its own, elsewhere.

mod coverage;
mod finding;
mod inventory;
mod signatures;
mod verdict;

pub use coverage::{CoverageAnswer, DistroAnswer, GapAnswer};
pub use finding::{AttributedAnswer, FindingAnswer, FindingPackageAnswer};
pub use inventory::{ComponentAnswer, InventoryAnswer};
pub use signatures::{SignaturesAnswer, SignedAnswer};
pub use verdict::{
    GraceAnswer, PolicyReferenceAnswer, ProvenanceAnswer, ReasonAnswer, VerdictAnswer,
};
