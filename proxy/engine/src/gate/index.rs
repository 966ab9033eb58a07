//! Indexes at the gate: which children are judged with one, and what their verdicts mean for it.
//!
//! A passed index releases no child: each is gated alone when it is asked for.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::content::Watched;
use futures_util::future::join_all;
use moka::sync::Cache;
use sluicegate_model::gate::GateMode;
use sluicegate_model::manifest::{Descriptor, Index, Manifest, ManifestError};
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_model::{Digest, Repository, Scope};

use super::manifest::JudgedManifest;
use super::{Gate, Judged};
use crate::pull::error::PullError;
use crate::pull::manifests::KnownManifest;

/// Deepest nesting of indexes accepted.
const MAX_DEPTH: usize = 4;
/// Most manifests looked at for one index, nested ones included: an index over indexes of 256
/// children each, four deep, would be four thousand million.
const MAX_MANIFESTS: usize = 256;

/// Nests whose manifests are remembered, each at most [`MAX_MANIFESTS`] digests.
const NESTS: u64 = 100;
/// How long they are: a client that is sent round walks its nest again at each hop.
const REMEMBERED_FOR: Duration = Duration::from_mins(5);

/// What nests of indexes have shown lately, by the outermost one.
#[derive(Clone, Debug)]
pub(super) struct Nests(Cache<(Repository, Digest), Shown>);

type Shown = Arc<Mutex<HashSet<Digest>>>;

impl Default for Nests {
    fn default() -> Self {
        let nests = Cache::builder().max_capacity(NESTS);
        Self(nests.time_to_idle(REMEMBERED_FOR).build())
    }
}

impl Nests {
    fn of(&self, repository: &Repository, outermost: &Digest) -> Shown {
        self.0
            .get_with((repository.clone(), outermost.clone()), Shown::default)
    }
}

/// Where in a nest of indexes a manifest is.
#[derive(Clone, Default)]
pub(super) struct Nesting {
    depth: usize,
    /// The indexes that led here, the outermost first.
    above: Vec<Digest>,
    /// How many manifests this walk through the nest has come to.
    seen: Arc<AtomicUsize>,
    /// Which ones all walks through it have.
    shown: Shown,
    /// Whoever asked for the outermost one, and may have left since.
    client: Watched,
}

impl Nesting {
    /// Starts at the outermost manifest.
    pub(super) fn of(
        nests: &Nests,
        repository: &Repository,
        manifest: &KnownManifest,
        client: Watched,
    ) -> Self {
        let shown = match &manifest.parsed {
            Manifest::Image(_) => Shown::default(),
            Manifest::Index(_) => nests.of(repository, &manifest.digest),
        };
        Self {
            shown,
            client,
            ..Self::default()
        }
    }

    /// Gives whoever asked.
    pub(super) fn client(&self) -> Watched {
        self.client.clone()
    }

    /// Steps into an index.
    pub(super) fn under(mut self, index: &Digest) -> Self {
        self.above.push(index.clone());
        self
    }

    /// Gives the indexes that led here, the outermost first.
    pub(super) fn above(&self) -> &[Digest] {
        &self.above
    }

    fn enter(&self) -> Result<(), PullError> {
        within("levels", self.depth + 1, MAX_DEPTH)
    }

    fn child(&self, digest: &Digest) -> Result<Self, PullError> {
        let seen = self.seen.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        within("manifests", seen, MAX_MANIFESTS)?;
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if !shown.contains(digest) {
            within("manifests", shown.len().saturating_add(1), MAX_MANIFESTS)?;
            shown.insert(digest.clone());
        }
        drop(shown);
        Ok(Self {
            depth: self.depth + 1,
            ..self.clone()
        })
    }
}

fn within(what: &'static str, got: usize, wanted: usize) -> Result<(), PullError> {
    if got <= wanted {
        return Ok(());
    }
    let error = ManifestError::Nesting { what, got, wanted };
    Err(PullError::Manifest(Arc::new(error)))
}

impl Gate {
    /// Judges the wanted children, each in a task of its own, and decides by their verdicts.
    pub(super) async fn index(
        &self,
        scope: &Scope,
        index: &Index,
        nesting: Nesting,
    ) -> Result<JudgedManifest, PullError> {
        nesting.enter()?;
        let repository = &scope.repository;
        let mut verdicts = Vec::new();
        let mut waiting = Vec::new();
        for child in self.wanted_children(repository, index).await? {
            let current = match self.parts.judge.warm(scope, &child) {
                Some(verdict) => Some(verdict),
                // What is known of content is this repository's only once its upstream gave the
                // bytes.
                None if self.parts.ledger.is_member(repository, &child).await? => {
                    self.parts.judge.current(scope, &child).await?
                }
                None => None,
            };
            match current {
                Some(verdict) => verdicts.push(Ok(Some(verdict))),
                None => waiting.push(self.spawn_child(scope, &child, nesting.child(&child)?)),
            }
        }
        match self.parts.mode {
            GateMode::Hold => {
                for ended in join_all(waiting).await {
                    verdicts.push(
                        ended.unwrap_or_else(|panic| {
                            Err(PullError::broken("judging an index", panic))
                        }),
                    );
                }
            }
            // The children's tasks run on; each child is gated alone when it is asked for.
            GateMode::Stream => verdicts.extend(waiting.iter().map(|_| Ok(None))),
        }
        self.decide_index(repository, verdicts).await
    }

    /// Starts a child's pull in a task of its own, so that it outlives whoever asked.
    fn spawn_child(
        &self,
        scope: &Scope,
        child: &Digest,
        nesting: Nesting,
    ) -> tokio::task::JoinHandle<Result<Option<Arc<Verdict>>, PullError>> {
        let (gate, scope, child) = (self.clone(), scope.clone(), child.clone());
        tokio::spawn(async move {
            let manifest = gate
                .parts
                .manifests
                .listed(&scope.repository, &child)
                .await?;
            let judged = gate.judged_at(&scope, &manifest, None, nesting);
            Ok(judged.await?.into_verdict())
        })
    }

    async fn decide_index(
        &self,
        repository: &Repository,
        children: Vec<Result<Option<Arc<Verdict>>, PullError>>,
    ) -> Result<JudgedManifest, PullError> {
        let mut total = children.len();
        let (mut failed, mut refused, mut strictest) = (None, Vec::new(), None::<Arc<Verdict>>);
        for child in children {
            match child {
                Ok(Some(verdict)) if verdict.decision == Decision::Refuse => refused.push(verdict),
                Ok(Some(verdict)) => {
                    if strictest
                        .as_ref()
                        .is_none_or(|known| known.decision < verdict.decision)
                    {
                        strictest = Some(verdict);
                    }
                }
                Ok(None) => {}
                // A mirror that holds some platforms only: there is nothing that could leave, and
                // so no verdict that could speak for or against the others.
                Err(PullError::UnknownManifest) => total -= 1,
                Err(error) => failed = Some(error),
            }
        }
        for verdict in &refused {
            if refused.len() == total
                || self
                    .parts
                    .ledger
                    .is_released(repository, &verdict.digest)
                    .await?
            {
                return Ok(Judged::Refused(Arc::clone(verdict)));
            }
        }
        match failed {
            Some(error) if strictest.is_none() => Err(error),
            _ => Ok(Judged::Passes(strictest)),
        }
    }

    /// Names what is judged with an index: what nobody runs is not, nor what no platform of ours runs.
    pub(super) async fn wanted_children(
        &self,
        repository: &Repository,
        index: &Index,
    ) -> Result<Vec<Digest>, PullError> {
        let pulled = self.parts.ledger.platforms(repository).await?;
        let wanted = |child: &&Descriptor| match &child.platform {
            None => true,
            Some(platform) if platform.is_unknown() => false,
            Some(platform) => {
                self.parts
                    .platforms
                    .iter()
                    .any(|wanted| platform.serves(wanted))
                    || pulled.iter().any(|pulled| platform.to_string() == *pulled)
            }
        };
        let mut children: Vec<Digest> = Vec::new();
        let manifests = index.manifests.iter().filter(|it| it.may_be_manifest());
        for child in manifests.filter(wanted) {
            if !children.contains(&child.digest) {
                children.push(child.digest.clone());
            }
        }
        Ok(children)
    }
}
