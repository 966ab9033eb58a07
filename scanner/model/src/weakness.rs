//! A weakness that a detector found in an image itself, where no advisory speaks of a package.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::finding::FindingKind;
use crate::severity::Severity;

/// What a plugin says of one weakness.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Weakness {
    /// The plugin's own name of it: the plugin's name in capitals, `-`, and more.
    pub id: String,
    /// Other names of it, such as a CVE; sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// What kind of thing it is.
    pub kind: FindingKind,
    /// How bad it is, as the plugin says.
    pub severity: Severity,
    /// One line for a person.
    pub summary: String,
    /// The package that has it; none where it is a file's alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<WeakPackage>,
    /// What ends it, each alone; empty where nothing is known to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remedy: Vec<Remedy>,
    /// Where in the image, without a leading slash.
    pub path: String,
    /// The line of the file, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The byte of that line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// Of a secret, the first digits of the salted hash of its value: the same wherever it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// Whether a later layer replaces or removes the file; its own still holds it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_hidden: bool,
}

/// The name under which secrets are found: no plugin may have it.
pub const SECRETS: &str = "secrets";

/// The name under which careless configurations are found: no plugin may have it.
pub const CONFIGURATION: &str = "configuration";

/// The name under which malicious files are found: no plugin may have it.
pub const MALWARE: &str = "malware";

/// A package as a plugin names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WeakPackage {
    /// Its name.
    pub name: String,
    /// The installed version; may be empty.
    pub version: String,
    /// Its package URL; empty where it has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub purl: String,
}

/// A package and the version of it that has the weakness no more. Never a command.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Remedy {
    /// The package.
    pub package: String,
    /// The version.
    pub version: String,
}

/// A weakness of an image, and who says so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FoundWeakness {
    /// The plugin's name.
    pub plugin: String,
    /// The layer that has the file; of what was told of the whole image, its last one.
    pub layer: Digest,
    /// What it says.
    #[serde(flatten)]
    pub weakness: Weakness,
}

/// A component that fed plugins alone name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ToldComponent {
    /// The component's package URL.
    pub purl: String,
    /// Its path.
    pub path: String,
    /// The plugin's name.
    pub plugin: String,
}
