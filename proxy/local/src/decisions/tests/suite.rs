//! What every audit promises, of the log of pulls.

use sluicegate_engine::audit::Audit;
use sluicegate_engine::testkit::audit_suite::{self, Subject};

use super::*;
use crate::durable::Disk;

struct Logged {
    directory: TempDir,
    disk: Disk,
    pulls: PullLog,
}

impl Logged {
    fn fresh() -> Self {
        let (directory, disk) = (tempfile::tempdir().unwrap(), Disk::default());
        let (log, _) = DecisionLog::open_on(directory.path(), &disk).unwrap();
        Self {
            directory,
            disk,
            pulls: PullLog::new(log),
        }
    }
}

impl Subject for Logged {
    fn audit(&self) -> &dyn Audit {
        &self.pulls
    }

    fn written(&self) -> Vec<(Option<Digest>, Decision)> {
        let lines = lines(self.directory.path()).into_iter();
        let told = lines.map(|line| (line.asked, line.decision.unwrap()));
        told.collect()
    }

    fn let_fail(&mut self, fails: bool) {
        self.disk.let_fail(fails);
    }
}

#[tokio::test]
async fn keeps_every_promise() {
    audit_suite::prove(Logged::fresh).await;
}
