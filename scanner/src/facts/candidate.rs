//! What a file proves only at a place or under a name that links may give it.

use serde::{Deserialize, Serialize};
use sluicegate_model::package::Package;

/// A package that a file is the record of, if programs find it where such records lie.
///
/// Its layer cannot tell: links of other layers may lead there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Where it has to be found.
    pub record: Record,
    /// The package; its version is empty where the name has to say it.
    pub package: Package,
}

/// What kind of record a candidate is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// A `package.json`.
    Npm(NpmRecord),
    /// A `*.gemspec`.
    Gem,
    /// Composer's `installed.json`.
    Composer,
    /// The metadata of a Python distribution.
    Python,
    /// An archive with the classes of an artifact that is known by its file's name; holds that.
    Java(String),
    /// An archive at this place beside the list that names it.
    Beside(String),
}

/// What a `package.json` says beside the package's name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NpmRecord {
    /// Who it is for.
    pub standing: Standing,
    /// The file that the package is loaded from, as written.
    pub main: String,
}

/// For whom a `package.json` was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// A project, which says that it is not to be published.
    Project,
    /// It does not say.
    #[default]
    Unstated,
    /// A registry's users: it says where the package comes from.
    Published,
}
