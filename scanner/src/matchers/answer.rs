//! What an advisory answers.

/// What an advisory says about a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Affected {
    /// It is affected.
    Yes,
    /// It is not.
    No,
    /// The version or the advisory's ranges cannot be compared.
    Unknown,
    /// The advisory names the package but neither versions nor ranges of versions.
    NoRange,
}
