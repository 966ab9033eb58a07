//! The pulls that the log tells of, equal ones together.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;

use jiff::Timestamp;
use sluicegate_local::decisions::{
    self, DecisionFilter, DecisionLine, LineKind, LogError, Order, PageOf,
};
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Digest, Principal, Repository, Tag};

/// Lines that are read at a time.
const PAGE: usize = 10_000;
/// Most pulls that differ: some hundred MB.
const MAX_DIFFERENT: usize = 1_000_000;

/// Says why pulls are not known.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordedError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("the log tells of more than {MAX_DIFFERENT} pulls that differ: ask for a shorter time")]
    TooMany,
}

/// A pull, as it was asked for and decided.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    pub repository: Repository,
    pub tag: Option<Tag>,
    pub digest: Option<Digest>,
    pub platform: Option<String>,
    pub client: IpAddr,
    pub principal: Option<Principal>,
    pub decision: Decision,
}

/// A pull, and how often it was recorded.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    pub asked: Asked,
    pub pulls: u64,
}

/// Reads the pulls since an instant; blocks on the disk. `told` hears how many lines were looked at.
pub(super) fn read(
    log: &Path,
    since: Timestamp,
    mut told: impl FnMut(u64),
) -> Result<Vec<Recorded>, RecordedError> {
    let filter = DecisionFilter {
        since: Some(since),
        ..DecisionFilter::default()
    };
    let (mut found, mut lines): (HashMap<Asked, u64>, u64) = (HashMap::new(), 0);
    let mut page = PageOf {
        order: Order::Oldest,
        after: None,
        limit: PAGE,
    };
    loop {
        let read = decisions::read(log, &filter, page)?;
        for asked in read.items.into_iter().filter_map(asked) {
            let (asked, pulls) = asked;
            let count = found.entry(asked).or_default();
            *count = count.saturating_add(pulls);
        }
        if found.len() > MAX_DIFFERENT {
            return Err(RecordedError::TooMany);
        }
        lines = lines.saturating_add(read.searched.lines);
        told(lines);
        if read.next.is_none() {
            break;
        }
        page.after = read.next;
    }
    let recorded = found.into_iter();
    Ok(recorded
        .map(|(asked, pulls)| Recorded { asked, pulls })
        .collect())
}

/// Takes what a line says of a pull; none where it tells of something else.
fn asked(line: DecisionLine) -> Option<(Asked, u64)> {
    if !matches!(line.kind, LineKind::Pull | LineKind::Count) {
        return None;
    }
    let principal = line.principal.as_deref().map(Principal::named);
    let asked = Asked {
        repository: line.repository?.parse().ok()?,
        tag: line.tag.and_then(|tag| tag.parse().ok()),
        digest: line.asked.or(line.served),
        platform: line.platform,
        client: line.client?.parse().ok()?,
        principal,
        decision: line.decision?,
    };
    Some((asked, line.count))
}
