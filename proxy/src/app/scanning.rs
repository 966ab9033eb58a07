//! Who scans layers: this machine, and the linked scanners that upstreams are marked with.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sluicegate_accounts::vouched::BookParts;
use sluicegate_config::Settings;
use sluicegate_engine::content::Content;
use sluicegate_engine::events::{EventKind, Happening, LossReason, ScannerLoss};
use sluicegate_engine::instance_key::InstanceKey;
use sluicegate_engine::ledger::{EventFilter, Ledger, LedgerError};
use sluicegate_engine::memory::Memory;
use sluicegate_engine::plugins::Plugins;
use sluicegate_engine::reports::Reports;
use sluicegate_engine::scan::{LayerScan, ScanHere};
use sluicegate_linked::linked::{Linked, News};
use sluicegate_linked::recheck::{ONE_IN, Recheck, RecheckParts};
use sluicegate_linked::remote::RemoteScan;
use sluicegate_linked::roll::RollParts;
use sluicegate_local::decisions::PullLog;
use sluicegate_local::linked::scanner_file;
use sluicegate_model::clock::Clock;
use sluicegate_scanner::Limits;

use crate::origins::Upstreams;

/// Wait after the verdict store failed.
const STORE_WAIT: Duration = Duration::from_secs(10);
/// How many losses of scanners are looked through for the last of one.
const MOST_TOLD: usize = 1_000;

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
    pub(super) plugins: &'a Plugins,
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
        (scan_by, parts.plugins.clone()),
        recheck,
    ))
}

/// Does what follows from what becomes of scanners, for as long as the service runs: takes back what
/// only those said that have ended, and tells of those that are lost.
pub(super) async fn follow(linked: Linked, reports: Reports, ledger: Arc<dyn Ledger>) {
    let Some(mut news) = linked.news() else {
        return;
    };
    while let Some(news) = news.recv().await {
        match news {
            News::Ended(scanner) => take_back(&scanner, &reports).await,
            News::Lost(loss, at) => {
                while let Err(error) = tell_once(&*ledger, &loss, at).await {
                    tracing::error!(scanner = %loss.scanner, %error, "it is no event yet that a linked scanner is lost; tried again");
                    tokio::time::sleep(STORE_WAIT).await;
                }
            }
        }
    }
}

async fn take_back(scanner: &str, reports: &Reports) {
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

/// Makes an event of the loss of a scanner, unless the last event about it says the same and it was
/// not there since.
async fn tell_once(
    ledger: &dyn Ledger,
    loss: &ScannerLoss,
    at: Timestamp,
) -> Result<(), LedgerError> {
    let was_there = loss.reason == LossReason::Away && loss.last_seen.is_some();
    if was_there || last_told(ledger, &loss.enrolment).await? != Some(loss.reason) {
        let lost = Happening::ScannerLost(loss.clone());
        ledger.tell(at, lost).await?;
    }
    Ok(())
}

async fn last_told(
    ledger: &dyn Ledger,
    enrolment: &str,
) -> Result<Option<LossReason>, LedgerError> {
    let filter = EventFilter {
        kind: Some(EventKind::ScannerLost),
        ..EventFilter::default()
    };
    let told = ledger.list_events(&filter, MOST_TOLD, None).await?;
    let mut losses = told.items.iter().filter_map(|event| match &event.happened {
        Happening::ScannerLost(loss) => Some(loss),
        _ => None,
    });
    let of_it = losses.find(|loss| loss.enrolment == enrolment);
    Ok(of_it.map(|loss| loss.reason))
}

#[cfg(test)]
mod tests {
    use sluicegate_engine::ledger::Events as _;
    use sluicegate_engine::testkit::MemoryLedger;

    use super::*;

    fn loss(enrolment: &str, reason: LossReason, was_seen: bool) -> ScannerLoss {
        ScannerLoss {
            scanner: "site".into(),
            enrolment: enrolment.into(),
            reason,
            last_seen: was_seen.then_some(Timestamp::UNIX_EPOCH),
            detail: None,
        }
    }

    #[tokio::test]
    async fn a_loss_that_a_restart_finds_again_is_no_second_event() {
        let ledger = MemoryLedger::default();
        let tell = async |loss: ScannerLoss| {
            let told = tell_once(&ledger, &loss, Timestamp::UNIX_EPOCH).await;
            told.unwrap();
            ledger.list_events(&EventFilter::default(), 9, None).await
        };
        use LossReason::{Away, Suspended};
        for (loss, events) in [
            (loss("1", Away, false), 1),
            (loss("1", Away, false), 1),
            (loss("2", Away, false), 2),
            // It was there in between.
            (loss("1", Away, true), 3),
            (loss("1", Suspended, true), 4),
            (loss("1", Suspended, false), 4),
            (loss("1", Away, false), 5),
        ] {
            let told = tell(loss.clone()).await.unwrap();
            assert_eq!(told.items.len(), events, "{loss:?}");
        }
    }
}
