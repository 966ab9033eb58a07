//! What detectors of the program look for: what the rules of policies ask for, and lists of malicious files.

use sluicegate_model::finding::FindingKind;
use sluicegate_policy::PolicySet;

/// What detectors of the program look for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LooksFor {
    /// Secrets.
    pub secrets: bool,
    /// How images are set up.
    pub configuration: bool,
    /// The digests of files, for lists of malicious ones: feeds bring those, and no policy asks.
    pub malware: bool,
}

impl LooksFor {
    /// All there is.
    pub const ALL: Self = Self {
        secrets: true,
        configuration: true,
        malware: true,
    };

    /// Tells what the rules of policies ask for.
    pub fn asked_by(policies: &PolicySet) -> Self {
        Self {
            secrets: policies.asks(FindingKind::Secret, None),
            configuration: policies.asks(FindingKind::Configuration, None),
            malware: false,
        }
    }

    /// Joins both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            secrets: self.secrets || other.secrets,
            configuration: self.configuration || other.configuration,
            malware: self.malware || other.malware,
        }
    }
}
