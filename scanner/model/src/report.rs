//! What is known about an image under one feed snapshot: findings and coverage, no decision.

use jiff::SignedDuration;

use crate::coverage::Coverage;
use crate::finding::Finding;
use crate::package::Distro;
use crate::snapshot::SnapshotId;

/// The outcome of matching an inventory.
///
/// *Shape*: findings are ordered worst first (known exploited, severity, id, package, path), and licences
/// stand behind them.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What was found.
    pub findings: Vec<Finding>,
    /// What was looked at.
    pub coverage: Coverage,
    /// The distribution, where one was identified.
    pub distro: Option<Distro>,
    /// How many components were matched or tried.
    pub packages: u64,
    /// `os/architecture[/variant]`.
    pub platform: String,
    /// What was known.
    pub feeds: SnapshotId,
    /// Up to when the advisories on its packages reach, RFC 3339: the oldest of what is known of
    /// the ecosystems that it uses; none where it uses none that is loaded.
    pub feed_time: Option<jiff::Timestamp>,
    /// How old what is known is, for each family of ecosystems that the image uses, by name.
    pub knowledge: Vec<Knowledge>,
    /// The next instant at which the findings change by themselves: support ends.
    pub valid_until: Option<jiff::Timestamp>,
}

/// How old the advisories on a family of ecosystems are, such as Debian's, Alpine's or npm's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Knowledge {
    /// The family: an ecosystem's name up to its first `:`.
    pub family: String,
    /// The newest `modified` or `published` of its records that is not in the future; none where
    /// no record gives such a time.
    pub newest: Option<jiff::Timestamp>,
    /// The most days between two days with news in the year before [`Self::newest`]; zero where
    /// there are no two such days.
    pub longest_gap_days: u32,
}

impl Knowledge {
    /// Least time for which a family may be silent and not look dead.
    const LEAST_SILENCE: SignedDuration = SignedDuration::from_hours(7 * 24);
    /// How many of its longest gaps a family may be silent.
    const GAPS: i64 = 3;

    /// Tells how long the family may be silent by its own rhythm, at least a week: what `maxAge:
    /// auto` means.
    pub fn usual_silence(&self) -> SignedDuration {
        let gap = SignedDuration::from_hours(24 * Self::GAPS * i64::from(self.longest_gap_days));
        gap.max(Self::LEAST_SILENCE)
    }
}
