//! Reads images again that other plugins have read: after the set has changed, in the background, one at
//! a time and after whatever a request needs.
//!
//! What layers hold is taken from what is kept of them wherever it still holds; only a layer that may
//! hold what a new plugin claims is read, from the cache or from upstream. An image that cannot be read
//! again is left to its next pull, and so is what others said an image holds.

use std::sync::Arc;
use std::time::Duration;

use crate::ledger::{Judged, Ledger};
use crate::plugins::ActivePlugins;
use crate::pull::error::PullError;
use crate::pull::judge::Judge;
use crate::pull::manifests::Manifests;
use sluicegate_model::manifest::Manifest;

/// How often the plugins in force are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Time until the next attempt after a walk that failed.
const RETRY: Duration = Duration::from_secs(30);
/// Verdicts that are listed together.
const PAGE: usize = 256;

/// Reads images again.
#[derive(Clone)]
pub struct Reread {
    judge: Judge,
    ledger: Arc<dyn Ledger>,
    manifests: Manifests,
}

/// What became of the images of a walk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Walked {
    /// Images that were read again.
    pub(crate) read: u64,
    /// Images that could not be read.
    pub(crate) left: u64,
}

impl Reread {
    /// Joins the parts; [`Self::run`] starts it.
    pub(crate) fn new(judge: Judge, ledger: Arc<dyn Ledger>, manifests: Manifests) -> Self {
        Self {
            judge,
            ledger,
            manifests,
        }
    }

    /// Works until the program ends. With the plugins that come with the program nothing is read.
    pub async fn run(self) {
        let mut done: Option<Arc<ActivePlugins>> = None;
        loop {
            tokio::time::sleep(LOOK).await;
            let plugins = self.judge.plugins();
            let is_done = done.as_ref().is_some_and(|it| Arc::ptr_eq(it, &plugins));
            if plugins.come_with_the_program() || is_done {
                continue;
            }
            match self.walk(&plugins).await {
                Ok(Some(Walked { read, left })) => {
                    tracing::info!(read, left, "images read again by the plugins in force");
                    done = Some(plugins);
                }
                // Others came in force.
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(%error, "images not read again; tried again later");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// Looks at every image; none where other plugins come in force meanwhile.
    pub(crate) async fn walk(&self, plugins: &ActivePlugins) -> Result<Option<Walked>, PullError> {
        let (mut walked, mut after) = (Walked::default(), None);
        loop {
            let page = self.ledger.judged(after.as_ref(), PAGE).await?;
            for judged in page.items {
                if self.judge.plugins().number() != plugins.number() {
                    return Ok(None);
                }
                self.judge.let_pulls_pass().await;
                match self.look_at(&judged).await {
                    Ok(is_read) => walked.read = walked.read.saturating_add(u64::from(is_read)),
                    Err(error) => {
                        let Judged { digest, scope } = &judged;
                        tracing::warn!(repository = %scope, %digest, %error, "image not read again; its next pull does it");
                        walked.left = walked.left.saturating_add(1);
                    }
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(Some(walked));
            }
        }
    }

    /// Has an image judged by what the plugins in force find in it; tells whether it was read for that.
    async fn look_at(&self, Judged { digest, scope }: &Judged) -> Result<bool, PullError> {
        if !scope.domain.is_here() || self.judge.current(scope, digest).await?.is_some() {
            return Ok(false);
        }
        let known = self.manifests.known(&scope.repository, digest).await?;
        let Manifest::Image(image) = &known.parsed else {
            return Ok(false);
        };
        self.judge.read_again(scope, digest, image).await?;
        Ok(true)
    }
}
