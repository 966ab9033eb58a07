//! What the data directory holds, but the feeds: opened once, and locked from then on.

use std::sync::Arc;

use sluicegate_config::Settings;
use sluicegate_engine::attest::AttestationKey;
use sluicegate_engine::content::Content;
use sluicegate_engine::instance_key::InstanceKey;
use sluicegate_engine::ledger::Ledger;
use sluicegate_engine::plugins::Plugins;
use sluicegate_local::cache::ContentStore;
use sluicegate_local::decisions::{DecisionLog, LogError};
use sluicegate_local::ledger::Records;
use sluicegate_local::record::TurnLog;
use sluicegate_local::store::StoreError;
use sluicegate_scanner::Limits;

use super::{StartError, data_error, store};
use crate::{attestation_key, instance_key};

/// What is kept here.
pub(super) struct KeptParts {
    /// Content.
    pub(super) content: Arc<dyn Content>,
    /// The bounds of a scan; scans spool beside the content.
    pub(super) limits: Limits,
    /// What was decided.
    pub(super) ledger: Arc<dyn Ledger>,
    /// The log of pulls.
    pub(super) log: DecisionLog,
    /// The key of this instance.
    pub(super) key: InstanceKey,
    /// The key that it signs with.
    pub(super) attestation_key: AttestationKey,
}

impl KeptParts {
    /// Opens all of it; images count as listed that these plugins listed.
    pub(super) fn open(settings: &Settings, plugins: &Plugins) -> Result<Self, StartError> {
        let data = &settings.data;
        // First, for it locks the directory whatever the engine: opening the content store removes
        // leftovers.
        let (log, opened) =
            DecisionLog::open(&data.join("decisions")).map_err(|error| match error {
                LogError::InUse(..) => StartError::InUse(data.clone()),
                error => data_error(data, &error),
            })?;
        tracing::info!(%opened, "decision log opened");
        let (record, opened) =
            TurnLog::open(&data.join("decisions")).map_err(|error| data_error(data, &error))?;
        tracing::info!(%opened, "record of findings opened");
        let store = store::open(settings).map_err(|error| match error {
            StoreError::InUse { .. } => StartError::InUse(data.clone()),
            error => data_error(data, &error),
        })?;
        let content = ContentStore::open(&data.join("content"), settings.cache_bytes)
            .map_err(|error| data_error(data, &error))?;
        let limits = Limits {
            spool_dir: Some(content.spool_dir()),
            ..Limits::default()
        };
        let content: Arc<dyn Content> = Arc::new(content);
        let records = Records::new(store, Arc::clone(&content)).read_by(plugins.clone());
        let records = records.recording(record).telling_who_pulled(log.clone());
        Ok(Self {
            ledger: Arc::new(records),
            content,
            limits,
            log,
            key: instance_key::open(data, settings.instance_key_file.as_deref())
                .map_err(|error| data_error(data, &error))?,
            attestation_key: attestation_key::open(data, settings.attestation_key_file.as_deref())?,
        })
    }
}
