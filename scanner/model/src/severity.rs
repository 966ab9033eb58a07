//! How bad a finding is, as somebody who may judge it said.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A severity. `Unknown` means that nobody said, and is never taken for "low".
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nobody said.
    #[default]
    Unknown,
    /// Not worth fixing, says the vendor.
    Negligible,
    /// CVSS above 0 and below 4.
    Low,
    /// CVSS from 4 to below 7.
    Medium,
    /// CVSS from 7 to below 9.
    High,
    /// CVSS 9 and above.
    Critical,
}

impl Severity {
    /// Every one, worst first.
    pub const WORST_FIRST: [Self; 6] = [
        Self::Critical,
        Self::High,
        Self::Medium,
        Self::Low,
        Self::Negligible,
        Self::Unknown,
    ];

    /// Rates a CVSS score. Source: CVSS v3.1 and v4.0, "Qualitative Severity Rating Scale".
    pub fn from_cvss(score: f64) -> Self {
        if score >= 9.0 {
            Self::Critical
        } else if score >= 7.0 {
            Self::High
        } else if score >= 4.0 {
            Self::Medium
        } else if score > 0.0 {
            Self::Low
        } else {
            Self::Negligible
        }
    }

    /// Gives the name used everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Negligible => "negligible",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
