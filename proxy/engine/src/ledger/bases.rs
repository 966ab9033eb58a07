//! The order of what verdicts rest on, as long as the ledger lives: whoever was slow replaces no
//! verdict that rests on something newer.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluicegate_model::Digest;
use sluicegate_model::snapshot::SnapshotId;

use super::error::LedgerError;

/// What verdicts rest on: the policies, the advisories, and what reads and judges with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basis {
    /// The digest of all policies in force.
    pub policies: Digest,
    /// The advisories in force.
    pub feeds: SnapshotId,
    /// The name of all that makes a verdict.
    pub fingerprint: String,
}

impl Basis {
    /// Gives what it is compared by.
    pub fn digest(&self) -> Digest {
        let Self {
            policies,
            feeds,
            fingerprint,
        } = self;
        let parts = [policies.as_str(), feeds.as_str(), fingerprint];
        Digest::of(parts.join("\0").as_bytes())
    }
}

/// A basis's place in the order: a later one's is greater. The default is before all, and that of
/// verdicts of a time when there was no order.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct BasisNumber(pub u64);

impl BasisNumber {
    /// Gives the one behind it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// The order of bases.
#[async_trait]
pub trait Bases: Send + Sync {
    /// Gives the number of the basis that is in force now: its own where it is the newest, else the
    /// next one, and it is the newest then, which is recorded. Durable on return.
    async fn number_basis(&self, basis: &Basis, now: Timestamp)
    -> Result<BasisNumber, LedgerError>;
}
