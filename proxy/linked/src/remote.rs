//! The engine's port to whoever scans layers, where that is a scanner elsewhere for some upstreams
//! and this machine for all others.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use sluicegate_engine::plugins::Plugins;
use sluicegate_engine::scan::{AskedLayer, LayerScan, LayerScanError, ScannedLayer};
use sluicegate_model::{Domain, Repository};

use crate::desk::Outcome;
use crate::linked::Linked;
use crate::recheck::Recheck;
use crate::roll::Member;
use crate::task::{Assigned, LayerTask, Task};

/// Has layers scanned where the settings say.
#[derive(Clone, Debug)]
pub struct RemoteScan {
    here: Arc<dyn LayerScan>,
    linked: Linked,
    /// The names of upstreams, each with that of its scanner.
    scan_by: Arc<HashMap<String, String>>,
    plugins: Plugins,
    /// Looks at some of it again.
    recheck: Recheck,
}

impl RemoteScan {
    /// Asks the scanners that are named for upstreams, and this machine for all others; `plugins` are
    /// those in force.
    pub fn new(
        here: Arc<dyn LayerScan>,
        linked: Linked,
        (scan_by, plugins): (HashMap<String, String>, Plugins),
        recheck: Recheck,
    ) -> Self {
        Self {
            here,
            linked,
            scan_by: Arc::new(scan_by),
            plugins,
            recheck,
        }
    }

    /// Gives whose word counts for a repository, and the scanner whose that is: none where that one
    /// is not linked.
    fn word(&self, repository: &Repository) -> (Domain, Option<Arc<Member>>) {
        let Some(name) = self.scan_by.get(repository.upstream()) else {
            return (Domain::Here, None);
        };
        match self.linked.roll().named(name) {
            Some(scanner) if scanner.reach.has(repository) => {
                (scanner.domain.clone(), Some(scanner))
            }
            // It has no say there.
            Some(_) => (Domain::Here, None),
            None => (Member::domain_of_nobody(name), None),
        }
    }

    async fn scan_there(
        &self,
        scanner: &Member,
        asked: AskedLayer<'_>,
    ) -> Result<ScannedLayer, LayerScanError> {
        let (repository, layer) = (asked.repository, asked.layer);
        let work = Assigned {
            task: Task::Layer(LayerTask::of(repository, layer)),
            plugins: Arc::clone(asked.plugins),
        };
        let done = self.linked.desk().have_done(scanner, work).await;
        let done = done.map_err(|error| LayerScanError::Full(error.to_string()))?;
        match done {
            Some(Outcome::Found(scanned)) => {
                let found = scanned.facts();
                let made = (found, asked.plugins);
                self.recheck.consider(scanner, repository, layer, made);
                Ok(*scanned)
            }
            Some(Outcome::Failed(why)) => {
                let (scanner, layer) = (&scanner.name, &layer.digest);
                tracing::warn!(%scanner, %repository, %layer, why, "a linked scanner did not scan a layer");
                Err(LayerScanError::Away)
            }
            // No layer was judged by itself.
            Some(Outcome::Judged(..)) | None => Err(LayerScanError::Away),
        }
    }
}

#[async_trait]
impl LayerScan for RemoteScan {
    fn domain(&self, repository: &Repository) -> Domain {
        self.word(repository).0
    }

    fn read_by(&self, domain: &Domain) -> Option<String> {
        let Domain::Scanner { enrolment, .. } = domain else {
            return None;
        };
        // What others' analyzers find is not taken.
        let version = self.linked.desk().standing(enrolment).version;
        let plugins = self.plugins.now();
        Some(plugins.scanner_of(version.as_deref().unwrap_or("unknown")))
    }

    async fn scan(&self, asked: AskedLayer<'_>) -> Result<ScannedLayer, LayerScanError> {
        if asked.domain.is_here() {
            return self.here.scan(asked).await;
        }
        let (domain, scanner) = self.word(asked.repository);
        match scanner {
            // Another may have been linked since it was asked for.
            Some(scanner) if domain == *asked.domain => self.scan_there(&scanner, asked).await,
            Some(_) | None => Err(LayerScanError::Away),
        }
    }
}
