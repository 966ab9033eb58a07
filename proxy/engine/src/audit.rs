//! The audit: a line for each pull, durable before its answer leaves.
//!
//! What counts as one pull is the adapter's business: a client asks several times for the same.

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_model::{Digest, Repository, Tag};
use sluicegate_policy::NameRefusal;

use crate::identity::Who;

/// How a manifest was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullMethod {
    /// With its bytes.
    Get,
    /// Without them; enough for a client that has them.
    Head,
    /// By way of a blob that was refused for it: a step of a pull, never one more.
    Blob,
}

/// One manifest request that was decided.
#[derive(Clone, Debug)]
pub struct Pull {
    /// Who asked.
    pub who: Who,
    /// The canonical repository.
    pub repository: Repository,
    /// The tag asked for, where it was one.
    pub tag: Option<Tag>,
    /// The manifest.
    pub digest: Digest,
    /// The manifest that the tag names, where that is refused and another one is served for it.
    pub in_place_of: Option<Digest>,
    /// The manifests that it lists, where it is an index.
    pub leads_to: Vec<Digest>,
    /// How it was asked for.
    pub method: PullMethod,
    /// The verdict that decided; none where the answer leaves before it.
    pub rests_on: Option<Arc<Verdict>>,
}

impl Pull {
    /// Gives what came out.
    pub fn decision(&self) -> Decision {
        let decided = self.rests_on.as_ref().map(|verdict| verdict.decision);
        decided.unwrap_or(Decision::Allow)
    }
}

/// A request for a manifest whose name was refused, before anything was fetched.
#[derive(Clone, Debug)]
pub struct RefusedName {
    /// Who asked.
    pub who: Who,
    /// The canonical repository.
    pub repository: Repository,
    /// The tag asked for, where it was one.
    pub tag: Option<Tag>,
    /// The digest asked for, where it was one.
    pub digest: Option<Digest>,
    /// Whether only headers were asked for.
    pub is_head: bool,
    /// Which policies refused it, and why.
    pub refusal: NameRefusal,
}

/// A request for a registry that is not configured here.
#[derive(Clone, Debug)]
pub struct Denial {
    /// Who asked.
    pub who: Who,
    /// The registry, as asked for.
    pub registry: String,
    /// The path there.
    pub path: String,
    /// The tag asked for, where it was one.
    pub tag: Option<Tag>,
    /// The digest asked for, where it was one.
    pub digest: Option<Digest>,
}

/// Who may come in by what was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Holders of access keys.
    Keys,
    /// Linked scanners.
    Scanners,
}

/// Something that was done with access keys or linked scanners.
#[derive(Clone, Debug)]
pub struct KeyLine {
    /// With which.
    pub about: About,
    /// Who did it.
    pub who: Who,
    /// What it is called.
    pub rule: &'static str,
    /// What it was, in words; never a secret.
    pub words: String,
    /// The digest of all of them after it; none where they are what they were.
    pub book: Option<Digest>,
}

/// An image that somebody lets through, against what policy says.
#[derive(Clone, Debug)]
pub struct GlassBroken {
    /// Who does it.
    pub who: Who,
    /// The canonical repository.
    pub repository: Repository,
    /// The image.
    pub digest: Digest,
    /// Why, and until when, in words.
    pub words: String,
}

/// Says why no line could be written: the answer must not go out. What the log said is its source.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct AuditError(pub Box<dyn Error + Send + Sync>);

/// Where lines are written.
#[async_trait]
pub trait Audit: Send + Sync + std::fmt::Debug {
    /// Records a request, HEAD or GET. Its line is durable when this returns.
    async fn record(&self, pull: Pull, now: Timestamp) -> Result<(), AuditError>;

    /// Tells on what verdict a pull rests that was recorded without one.
    async fn record_verdict(&self, pull: Pull, now: Timestamp) -> Result<(), AuditError>;

    /// Records that a name was refused. Its line is durable when this returns.
    async fn record_name(&self, refused: RefusedName, now: Timestamp) -> Result<(), AuditError>;

    /// Records a request for a registry that is not configured.
    async fn record_denial(&self, denial: Denial, now: Timestamp) -> Result<(), AuditError>;

    /// Records what was done with access keys. Its line is durable when this returns.
    async fn record_key(&self, line: KeyLine, now: Timestamp) -> Result<(), AuditError>;

    /// Records that somebody lets an image through. Its line is durable when this returns.
    async fn record_break_glass(
        &self,
        broken: GlassBroken,
        now: Timestamp,
    ) -> Result<(), AuditError>;

    /// Makes sure, before something leaves that no line is written for, that lines can be.
    async fn prove(&self) -> Result<(), AuditError>;
}
