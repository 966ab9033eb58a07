//! Who scans layers: this machine, and the linked scanners that upstreams are marked with.

use std::collections::HashMap;
use std::sync::Arc;

use sluicegate_accounts::vouched::BookParts;
use sluicegate_config::Settings;
use sluicegate_engine::content::Content;
use sluicegate_engine::instance_key::InstanceKey;
use sluicegate_engine::memory::Memory;
use sluicegate_engine::reports::Reports;
use sluicegate_engine::scan::{LayerScan, ScanHere};
use sluicegate_linked::linked::Linked;
use sluicegate_linked::recheck::{ONE_IN, Recheck, RecheckParts};
use sluicegate_linked::remote::RemoteScan;
use sluicegate_linked::roll::RollParts;
use sluicegate_local::decisions::PullLog;
use sluicegate_local::linked::scanner_file;
use sluicegate_model::clock::Clock;
use sluicegate_scanner::Limits;

use crate::origins::Upstreams;

/// Makes the book of linked scanners; which there are is not read yet.
pub(super) fn linked(
    settings: &Settings,
    (instance, log): (&InstanceKey, &Arc<PullLog>),
    memory: &Memory,
    clock: &Clock,
) -> Linked {
    let parts = RollParts {
        book: BookParts {
            store: Arc::new(scanner_file(&settings.data, instance.clone())),
            log: log.clone(),
            clock: clock.clone(),
        },
        instance: instance.clone(),
    };
    Linked::new(parts, memory.clone())
}

/// What layers are scanned with, wherever that is.
pub(super) struct ScanParts<'a> {
    pub(super) limits: Limits,
    pub(super) memory: &'a Memory,
    pub(super) instance: &'a InstanceKey,
    pub(super) content: &'a Arc<dyn Content>,
    pub(super) origins: &'a Arc<Upstreams>,
    pub(super) linked: &'a Linked,
}

/// Has layers scanned where the settings say.
pub(super) fn who_scans(settings: &Settings, parts: ScanParts<'_>) -> Arc<dyn LayerScan> {
    let here = Arc::new(ScanHere::new(parts.limits, parts.memory.clone()));
    let marked = settings.upstreams.iter();
    let marked = marked.filter_map(|(name, upstream)| {
        let scanner = upstream.scan_by.clone()?;
        Some((name.clone(), scanner))
    });
    let scan_by: HashMap<String, String> = marked.collect();
    if scan_by.is_empty() {
        return here;
    }
    let recheck = Recheck::new(RecheckParts {
        instance: parts.instance.clone(),
        one_in: ONE_IN,
        here: here.clone(),
        content: Arc::clone(parts.content),
        origins: parts.origins.clone(),
        linked: parts.linked.clone(),
    });
    Arc::new(RemoteScan::new(
        here,
        parts.linked.clone(),
        scan_by,
        recheck,
    ))
}

/// Takes back what only scanners said that have ended, for as long as the service runs.
pub(super) async fn take_back(linked: Linked, reports: Reports) {
    let Some(mut endings) = linked.endings() else {
        return;
    };
    while let Some(scanner) = endings.recv().await {
        let reported_by = format!("scanner:{scanner}");
        match reports.withdraw(&reported_by, None).await {
            Ok(verdicts) => {
                tracing::info!(%scanner, verdicts, "what a linked scanner said was taken back");
            }
            Err(error) => {
                tracing::error!(%scanner, %error, "what a linked scanner said is not taken back; the next start does it");
            }
        }
    }
}
