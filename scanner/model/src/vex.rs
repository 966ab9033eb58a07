//! What the author of a VEX document says of a weakness in a product.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// How a product stands to a weakness, as its author says.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum VexStatus {
    /// The weakness does not bear on it.
    NotAffected,
    /// The weakness is mended in it.
    Fixed,
    /// Nobody knows yet.
    UnderInvestigation,
    /// The weakness bears on it.
    Affected,
}

impl VexStatus {
    /// Gives the word that is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAffected => "not_affected",
            Self::Fixed => "fixed",
            Self::UnderInvestigation => "under_investigation",
            Self::Affected => "affected",
        }
    }
}

/// Why a weakness does not bear on a product.
///
/// Source: CISA, "Vulnerability Exploitability eXchange (VEX): Status Justifications", June 2022.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum VexJustification {
    /// What has the weakness is not in the product.
    ComponentNotPresent,
    /// It is there without the code that has the weakness.
    VulnerableCodeNotPresent,
    /// The code is there and is never run.
    VulnerableCodeNotInExecutePath,
    /// The code is run, and no attacker can steer it.
    VulnerableCodeCannotBeControlledByAdversary,
    /// The product protects itself.
    InlineMitigationsAlreadyExist,
}

impl VexJustification {
    /// Every justification.
    pub const ALL: [Self; 5] = [
        Self::ComponentNotPresent,
        Self::VulnerableCodeNotPresent,
        Self::VulnerableCodeNotInExecutePath,
        Self::VulnerableCodeCannotBeControlledByAdversary,
        Self::InlineMitigationsAlreadyExist,
    ];

    /// Gives the word that is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ComponentNotPresent => "component_not_present",
            Self::VulnerableCodeNotPresent => "vulnerable_code_not_present",
            Self::VulnerableCodeNotInExecutePath => "vulnerable_code_not_in_execute_path",
            Self::VulnerableCodeCannotBeControlledByAdversary => {
                "vulnerable_code_cannot_be_controlled_by_adversary"
            }
            Self::InlineMitigationsAlreadyExist => "inline_mitigations_already_exist",
        }
    }
}

/// A statement for which a finding does not count.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VexStatement {
    /// `not_affected` or `fixed`.
    pub status: VexStatus,
    /// Why, in one of the words that everybody uses.
    pub justification: Option<VexJustification>,
    /// Why, in the author's words.
    pub statement: Option<String>,
    /// Who says so.
    pub author: String,
    /// The document's id, as its author gave it.
    pub document: String,
    /// The document's file, as policies name it; of a signed one the digest of what was signed.
    pub file: String,
    /// The key that signed the document, by the SHA-256 of its DER form; none of a file.
    pub key: Option<Digest>,
    /// Since when it is said.
    pub timestamp: Timestamp,
    /// For the rules of which policies it counts.
    pub policies: Vec<String>,
}

impl VexStatement {
    /// Gives the name under which decisions cite the document.
    pub fn cited(&self) -> String {
        cited(&self.file)
    }
}

/// Gives the name under which decisions cite the document in a file; no exception is called so.
pub fn cited(file: &str) -> String {
    format!("vex:{file}")
}

impl fmt::Display for VexStatement {
    /// Says in one line who says what, and why.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {}", self.status.as_str(), self.author)?;
        if let Some(key) = &self.key {
            write!(f, " (signed, {key})")?;
        }
        if let Some(justification) = self.justification {
            write!(f, ": {}", justification.as_str())?;
        }
        match &self.statement {
            Some(words) if self.justification.is_some() => write!(f, " ({words})"),
            Some(words) => write!(f, ": {words}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_that_are_written() {
        for justification in VexJustification::ALL {
            let written = serde_json::to_value(justification).unwrap();
            assert_eq!(written, justification.as_str());
        }
        for status in [
            VexStatus::NotAffected,
            VexStatus::Fixed,
            VexStatus::UnderInvestigation,
            VexStatus::Affected,
        ] {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }
}
