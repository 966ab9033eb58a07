//! What every analyzer promises, whatever it is fed.

use super::*;
use crate::analyzer::WantedFile;
use crate::facts::Observations;
use crate::limits::Limits;

/// Runs one analyzer as the host does, except that a panic fails the test.
pub(crate) fn analyze(analyzer: &dyn Analyzer, path: &str, content: &[u8]) -> Observations {
    let limits = Limits::default();
    let mut found = Observations::default();
    let file = WantedFile {
        path,
        content,
        limits: &limits,
    };
    if let Err(error) = analyzer.analyze(file, &mut found) {
        let gap = sluicegate_model::coverage::Gap::partial(
            sluicegate_model::coverage::GapKind::FileUnreadable,
            error.to_string(),
        );
        found.gaps.push(gap);
    }
    found
}
