//! What every ledger promises, over each engine.

mod memory {
    use super::*;

    sluicegate_engine::ledger_suite!(Kept::over(Engine::Memory(Arc::new(MemoryStore::new()))));
}

mod sled {
    use super::*;

    sluicegate_engine::ledger_suite!(Kept::over(Engine::Embedded(EngineKind::Sled)));
}

mod redb {
    use super::*;

    sluicegate_engine::ledger_suite!(Kept::over(Engine::Embedded(EngineKind::Redb)));
}

use async_trait::async_trait;
use sluicegate_engine::audit::Audit;
use sluicegate_engine::testkit::ledger_suite::Subject;

use super::*;
use crate::decisions::{DecisionLog, PullLog};
use crate::record::TurnLog;
use crate::store::EngineKind;

/// An engine that is opened anew.
enum Engine {
    Memory(Arc<MemoryStore>),
    Embedded(EngineKind),
}

/// A ledger that is kept, and where.
struct Kept {
    engine: Engine,
    directory: TempDir,
    /// None while it is opened anew.
    records: Option<Records>,
    /// None while it is opened anew.
    audit: Option<PullLog>,
}

impl Kept {
    fn over(engine: Engine) -> Self {
        let mut kept = Self {
            engine,
            directory: tempfile::tempdir().unwrap(),
            records: None,
            audit: None,
        };
        kept.open();
        kept
    }

    fn open(&mut self) {
        let home = self.directory.path();
        let content = Arc::new(ContentStore::open(&home.join("content"), 1 << 30).unwrap());
        let store: Arc<dyn VerdictStore> = match &self.engine {
            Engine::Memory(store) => Arc::clone(store) as _,
            Engine::Embedded(kind) => {
                let (store, opened) = kind.open(home).unwrap();
                assert_eq!(opened, Opened::AsItWas);
                store
            }
        };
        let (log, _) = TurnLog::open(&home.join("decisions")).unwrap();
        let (pulls, _) = DecisionLog::open(&home.join("decisions")).unwrap();
        let records = Records::new(store, content).recording(log);
        self.records = Some(records.telling_who_pulled(pulls.clone()));
        self.audit = Some(PullLog::new(pulls));
    }
}

#[async_trait]
impl Subject for Kept {
    fn ledger(&self) -> &dyn Ledger {
        self.records.as_ref().unwrap()
    }

    fn audit(&self) -> &dyn Audit {
        self.audit.as_ref().unwrap()
    }

    async fn settle(&mut self) {
        let records = self.records.as_ref().unwrap();
        records.index.fold(&records.store).await.unwrap();
    }

    async fn restart(&mut self) {
        self.records.as_ref().unwrap().at_rest().await;
        (self.records, self.audit) = (None, None);
        self.open();
    }
}
