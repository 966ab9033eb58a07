//! What is shown of a replay: how far it is, and what a draft would have changed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sluicegate_model::schema::Instant;
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Digest, Repository, Tag};

use super::outcomes::Replayed;
use super::recorded::Recorded;

/// Most rows that are shown of each kind; what is beyond is counted.
const MAX_ROWS: usize = 1_000;
/// Most clients that are named in a row.
const MAX_CLIENTS: usize = 20;

/// How far a replay is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ReplayState")]
pub enum ReplayState {
    /// It is under way.
    Running,
    /// It has come to its end.
    Done,
    /// It has not.
    Failed,
}

/// A replay, as it is shown.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Replay {
    /// Its name in the API.
    pub id: String,
    /// How far it is.
    pub state: ReplayState,
    /// Why it came to no end.
    pub problem: Option<String>,
    /// From when on pulls are looked at.
    #[schemars(with = "Instant")]
    pub since: Timestamp,
    /// Lines of the log that were looked at.
    pub lines: u64,
    /// Pulls that were found and held against the draft.
    pub pulls: u64,
    /// Images that were pulled, each once for all who are judged alike.
    pub images: u64,
    /// How many of those have been judged.
    pub images_done: u64,
    /// What was let through and would be refused.
    pub newly_refused: ReplayedPulls,
    /// What was refused and would be let through.
    pub newly_allowed: ReplayedPulls,
    /// Pulls of images of which it is not kept what they hold.
    pub not_known: u64,
}

/// Pulls for which something else would have come out.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct ReplayedPulls {
    /// How many.
    pub pulls: u64,
    /// Of how many images, or names.
    pub images: u64,
    /// Those of most pulls first; filled in at the end.
    pub rows: Vec<ReplayedRow>,
    /// How many rows are not shown.
    pub more_rows: u64,
    /// Each row by what makes it one, with how often everybody pulled.
    #[serde(skip)]
    grouped: BTreeMap<RowKey, BTreeMap<String, u64>>,
}

/// What makes pulls those of one row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct RowKey {
    repository: Repository,
    tag: Option<Tag>,
    digest: Option<Digest>,
    recorded: Decision,
    in_force: Decision,
    draft: Decision,
    rule: Option<(String, String)>,
}

/// Pulls of one image for which the same would have come out.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ReplayedRow {
    /// The canonical repository.
    pub repository: Repository,
    /// The tag asked for, where it was one.
    pub tag: Option<Tag>,
    /// The manifest; none where the name alone was refused.
    pub digest: Option<Digest>,
    /// What came out then.
    pub recorded: Decision,
    /// What comes out now under the policies in force: the same as under the draft where it is not the
    /// draft that makes the difference, but what became known since.
    pub in_force: Decision,
    /// What would come out under the draft.
    pub draft: Decision,
    /// The rule of the draft that decides.
    pub rule: Option<String>,
    /// What it says.
    pub message: Option<String>,
    /// How often it was pulled.
    pub pulls: u64,
    /// By whom, those that pulled most first: access keys and other names, else addresses.
    pub clients: Vec<ReplayedClient>,
    /// How many others there are.
    pub more_clients: u64,
}

/// Who pulled, and how often.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ReplayedClient {
    /// The name by which they are known, else the address.
    pub client: String,
    /// How often.
    pub pulls: u64,
}

impl Replay {
    pub(super) fn begun(id: String, since: Timestamp) -> Self {
        Self {
            id,
            state: ReplayState::Running,
            problem: None,
            since,
            lines: 0,
            pulls: 0,
            images: 0,
            images_done: 0,
            newly_refused: ReplayedPulls::default(),
            newly_allowed: ReplayedPulls::default(),
            not_known: 0,
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.state == ReplayState::Running
    }

    pub(super) fn end(&mut self, problem: Option<String>) {
        self.state = match problem {
            None => ReplayState::Done,
            Some(_) => ReplayState::Failed,
        };
        self.problem = problem;
        self.newly_refused.sort();
        self.newly_allowed.sort();
    }

    /// Counts a pull with what would have come out.
    pub(super) fn add(&mut self, pull: &Recorded, replayed: &Replayed) {
        self.pulls = self.pulls.saturating_add(pull.pulls);
        let was_refused = pull.asked.decision == Decision::Refuse;
        let is_refused = replayed.draft == Decision::Refuse;
        match (was_refused, is_refused) {
            (false, true) => self.newly_refused.add(pull, replayed),
            (true, false) => self.newly_allowed.add(pull, replayed),
            (true, true) | (false, false) => {}
        }
    }

    pub(super) fn add_unknown(&mut self, pull: &Recorded) {
        self.pulls = self.pulls.saturating_add(pull.pulls);
        self.not_known = self.not_known.saturating_add(pull.pulls);
    }
}

impl ReplayedPulls {
    fn add(&mut self, pull: &Recorded, replayed: &Replayed) {
        self.pulls = self.pulls.saturating_add(pull.pulls);
        let asked = &pull.asked;
        let key = RowKey {
            repository: asked.scopes.in_force.repository.clone(),
            tag: asked.tag.clone(),
            digest: asked.digest.clone(),
            recorded: asked.decision,
            in_force: replayed.in_force,
            draft: replayed.draft,
            rule: replayed.rule.clone(),
        };
        let row = self.grouped.entry(key).or_default();
        for (client, pulls) in &pull.clients {
            let own = row.entry(client.clone()).or_default();
            *own = own.saturating_add(*pulls);
        }
    }

    /// Makes rows of what was counted.
    fn sort(&mut self) {
        let grouped = std::mem::take(&mut self.grouped);
        let mut named: Vec<String> = Vec::new();
        let mut rows: Vec<ReplayedRow> = Vec::new();
        for (key, clients) in grouped {
            let name = match (&key.digest, &key.tag) {
                (Some(digest), _) => format!("{}@{digest}", key.repository),
                (None, Some(tag)) => format!("{}:{tag}", key.repository),
                (None, None) => key.repository.to_string(),
            };
            named.push(name);
            rows.push(ReplayedRow::of(key, clients));
        }
        named.sort_unstable();
        named.dedup();
        self.images = named.len() as u64;
        rows.sort_by_key(|row| std::cmp::Reverse(row.pulls));
        self.more_rows = rows.len().saturating_sub(MAX_ROWS) as u64;
        rows.truncate(MAX_ROWS);
        self.rows = rows;
    }
}

impl ReplayedRow {
    fn of(key: RowKey, clients: BTreeMap<String, u64>) -> Self {
        let pulls = clients
            .values()
            .fold(0, |all: u64, own| all.saturating_add(*own));
        let clients = clients.into_iter();
        let mut clients: Vec<ReplayedClient> = clients
            .map(|(client, pulls)| ReplayedClient { client, pulls })
            .collect();
        clients.sort_by_key(|client| std::cmp::Reverse(client.pulls));
        let more_clients = clients.len().saturating_sub(MAX_CLIENTS) as u64;
        clients.truncate(MAX_CLIENTS);
        let (rule, message) = key.rule.unzip();
        Self {
            repository: key.repository,
            tag: key.tag,
            digest: key.digest,
            recorded: key.recorded,
            in_force: key.in_force,
            draft: key.draft,
            rule,
            message,
            pulls,
            clients,
            more_clients,
        }
    }
}
