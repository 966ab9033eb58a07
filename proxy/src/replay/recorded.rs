//! The pulls that the log tells of, equal ones together.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::Path;

use jiff::Timestamp;
use sluicegate_engine::identity::Who;
use sluicegate_local::decisions::{
    self, DecisionFilter, DecisionLine, LineKind, LogError, Order, PageOf,
};
use sluicegate_model::access::Rights;
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Digest, Principal, Repository, Scope, Tag};

/// Lines that are read at a time.
const PAGE: usize = 10_000;
/// Most pulls that differ, some KiB each at worst.
const MAX_DIFFERENT: usize = 100_000;
/// Most clients that are told apart of equal pulls, and of all of them together.
const MAX_CLIENTS: usize = 1_000;
const MAX_NAMED: usize = 1_000_000;
/// What all others are called.
const OTHERS: &str = "(others)";

/// Says why pulls are not known.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordedError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("the log tells of more than {MAX_DIFFERENT} pulls that differ: ask for a shorter time")]
    TooMany,
}

/// Where and for whom a pull is judged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Scopes {
    /// Under the draft.
    pub draft: Scope,
    /// Under what is in force.
    pub in_force: Scope,
}

/// A pull, as it was asked for and decided.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    pub scopes: Scopes,
    pub tag: Option<Tag>,
    pub digest: Option<Digest>,
    pub platform: Option<String>,
    pub decision: Decision,
}

/// A pull, and how often it was recorded.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    pub asked: Asked,
    pub pulls: u64,
    /// How often by whom: names of keys and others, else addresses.
    pub clients: BTreeMap<String, u64>,
}

/// What is told of equal pulls.
#[derive(Default)]
struct Told {
    pulls: u64,
    clients: BTreeMap<String, u64>,
}

/// Reads the pulls since an instant; blocks on the disk. `scopes` tells where and for whom somebody is
/// judged, `told` hears how many lines were looked at.
pub(super) fn read(
    log: &Path,
    since: Timestamp,
    scopes: impl Fn(&Repository, &Who, Option<&Tag>) -> Scopes,
    mut told: impl FnMut(u64),
) -> Result<Vec<Recorded>, RecordedError> {
    let filter = DecisionFilter {
        since: Some(since),
        ..DecisionFilter::default()
    };
    let (mut found, mut lines): (HashMap<Asked, Told>, u64) = (HashMap::new(), 0);
    let mut named = 0;
    let mut page = PageOf {
        order: Order::Oldest,
        after: None,
        limit: PAGE,
    };
    loop {
        let read = decisions::read(log, &filter, page)?;
        for line in read.items {
            let count = line.count;
            if let Some((asked, client)) = asked(line, &scopes) {
                found
                    .entry(asked)
                    .or_default()
                    .add(client, count, &mut named);
            }
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
    let recorded = found.into_iter().map(|(asked, told)| Recorded {
        asked,
        pulls: told.pulls,
        clients: told.clients,
    });
    Ok(recorded.collect())
}

impl Told {
    /// Counts pulls of a client; `named` counts the clients that are told apart.
    fn add(&mut self, client: String, pulls: u64, named: &mut usize) {
        self.pulls = self.pulls.saturating_add(pulls);
        let is_known = self.clients.contains_key(&client);
        let is_room = self.clients.len() < MAX_CLIENTS && *named < MAX_NAMED;
        let client = if is_known || is_room {
            *named = named.saturating_add(usize::from(!is_known));
            client
        } else {
            OTHERS.to_owned()
        };
        let own = self.clients.entry(client).or_default();
        *own = own.saturating_add(pulls);
    }
}

/// Takes what a line says of a pull, and by whom; none where it tells of something else.
fn asked(
    line: DecisionLine,
    scopes: &impl Fn(&Repository, &Who, Option<&Tag>) -> Scopes,
) -> Option<(Asked, String)> {
    if !matches!(line.kind, LineKind::Pull | LineKind::Count) {
        return None;
    }
    let client: IpAddr = line.client?.parse().ok()?;
    let who = Who {
        client,
        principal: line.principal.as_deref().map(Principal::named),
        user_agent: None,
        rights: Rights::everywhere(&[]),
    };
    let tag: Option<Tag> = line.tag.and_then(|tag| tag.parse().ok());
    let asked = Asked {
        scopes: scopes(&line.repository?.parse().ok()?, &who, tag.as_ref()),
        tag,
        digest: line.asked.or(line.served),
        platform: line.platform,
        decision: line.decision?,
    };
    Some((asked, line.principal.unwrap_or_else(|| client.to_string())))
}
