//! The engine under the verdicts: which one the settings name, and whether another has kept some.

use std::sync::Arc;

use sluicegate_config::{Settings, StoreEngine};
use sluicegate_local::store::{EngineKind, StoreError, VerdictStore};

/// Names the engine of these settings.
pub(super) fn engine(settings: &Settings) -> EngineKind {
    match settings.store {
        StoreEngine::Sled => EngineKind::Sled,
        StoreEngine::Redb => EngineKind::Redb,
    }
}

/// Names the engine that has kept verdicts here, where that of the settings has none.
pub(super) fn other(settings: &Settings) -> Option<EngineKind> {
    let is_new = !engine(settings).is_in(&settings.data);
    let mut kinds = EngineKind::ALL.into_iter();
    kinds.find(|kind| is_new && kind.is_in(&settings.data))
}

/// Opens the store; says so where that leaves what another engine has kept.
pub(super) fn open(settings: &Settings) -> Result<Arc<dyn VerdictStore>, StoreError> {
    let engine = engine(settings);
    if let Some(other) = other(settings) {
        let directory = other.directory(&settings.data);
        let directory = directory.display();
        tracing::warn!(
            store = %engine, %other, %directory,
            "the verdicts here are of another engine and are not used; every image is judged again"
        );
    }
    let (store, opened) = engine.open(&settings.data)?;
    tracing::info!(%engine, %opened, "verdict store opened");
    Ok(store)
}
