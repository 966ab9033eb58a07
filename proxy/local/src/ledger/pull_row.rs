//! What the log of pulls comes to for one manifest, as a row: counted line by line, and put together
//! with the rows of the indexes that list it.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluicegate_engine::ledger::{MAX_PULLERS, Pulled, PulledOnce, PullingClient};
use sluicegate_model::Digest;
use sluicegate_model::verdict::{Decision, RuleId};

use crate::decisions::{DecisionLine, LineKind};

/// Most clients that are known by a number alone, ten bytes each.
const MAX_OTHERS: usize = 500;
/// Most pulls that wait for a verdict; past it the oldest count as none.
const MAX_PENDING: usize = 64;
/// Longest address and name of a client, in characters; a row is best below 8 KiB.
const MAX_NAME_CHARS: usize = 100;
/// Longest text of a client's own, in characters.
const MAX_AGENT_CHARS: usize = 120;
/// Digits of a hash that tell clients apart: 48 bits.
const HASH_DIGITS: usize = 12;

/// Who pulled a manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PullRow {
    first: Option<OnceRow>,
    last: Option<OnceRow>,
    pulls: u64,
    refused: u64,
    /// Who pulled last first.
    clients: Vec<ClientRow>,
    /// Those that pulled before them, by their hashes, and how often.
    others: Vec<(u64, u64)>,
    /// Pulls that left before their verdict, by whose they are, and how many.
    pending: Vec<(u64, u64)>,
}

/// A pull. Times are in nanoseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct OnceRow {
    time: i64,
    client: String,
    principal: Option<String>,
    user_agent: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ClientRow {
    client: String,
    principal: Option<String>,
    pulls: u64,
    last: i64,
}

/// What a line says of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// So many pulls of it were given.
    Given(u64),
    /// So many were refused.
    Refused(u64),
    /// It left before its verdict: so many pulls begin to wait for that.
    Pending(u64),
    /// So many more wait.
    MorePending(u64),
    /// Its verdict is there: what waited was given.
    Settled,
    /// The same, and it was refused.
    SettledRefused,
}

/// Tells what a line says, and of which manifests; nothing where it is about no pull.
pub(super) fn said(line: &DecisionLine) -> Vec<(&Digest, Said)> {
    let is_pull = match line.kind {
        LineKind::Pull => true,
        LineKind::Count => false,
        _ => return Vec::new(),
    };
    let (Some(decision), Some(asked)) = (line.decision, line.asked.as_ref()) else {
        return Vec::new();
    };
    let first = line.reasons.first();
    let is_pending = first.is_some_and(|reason| reason.rule == RuleId::VERDICT_PENDING);
    let is_settled = is_pull && line.count == 0;
    if decision == Decision::Refuse {
        let refused = if is_settled {
            Said::SettledRefused
        } else {
            Said::Refused(line.count)
        };
        return vec![(asked, refused)];
    }
    let served = line.served.as_ref().unwrap_or(asked);
    let given = match (is_pending, is_pull, is_settled) {
        (true, true, _) => Said::Pending(line.count),
        (true, false, _) => Said::MorePending(line.count),
        (false, _, true) => Said::Settled,
        (false, _, false) => Said::Given(line.count),
    };
    let mut said = vec![(served, given)];
    if asked != served && !is_settled {
        said.push((asked, Said::Refused(line.count)));
    }
    said
}

impl PullRow {
    /// Takes in what a line says; false where it settles what does not wait here.
    pub(super) fn take(&mut self, line: &DecisionLine, said: Said) -> bool {
        match said {
            Said::Given(pulls) => self.give(line, pulls),
            Said::Refused(pulls) => self.refused = self.refused.saturating_add(pulls),
            Said::Pending(pulls) => {
                // What waited before of the same ended without a verdict.
                self.take_pending(line);
                self.wait(asker(line), pulls);
            }
            Said::MorePending(more) => {
                let pulls = self.take_pending(line).unwrap_or(0);
                self.wait(asker(line), pulls.saturating_add(more));
            }
            Said::Settled | Said::SettledRefused => {
                let Some(pulls) = self.take_pending(line) else {
                    return false;
                };
                if said == Said::Settled {
                    self.give(line, pulls);
                } else {
                    self.refused = self.refused.saturating_add(pulls);
                }
            }
        }
        true
    }

    fn give(&mut self, line: &DecisionLine, pulls: u64) {
        let Some(client) = &line.client else {
            return;
        };
        self.pulls = self.pulls.saturating_add(pulls);
        let once = OnceRow {
            time: nanoseconds(line.time),
            client: cut(client, MAX_NAME_CHARS),
            principal: line.principal.as_ref().map(|it| cut(it, MAX_NAME_CHARS)),
            user_agent: line.user_agent.as_ref().map(|it| cut(it, MAX_AGENT_CHARS)),
        };
        let before = self.known(&once.client, once.principal.as_deref());
        self.clients.insert(
            0,
            ClientRow {
                client: once.client.clone(),
                principal: once.principal.clone(),
                pulls: before.saturating_add(pulls),
                last: once.time,
            },
        );
        if self.clients.len() > MAX_PULLERS
            && let Some(oldest) = self.clients.pop()
            && self.others.len() < MAX_OTHERS
        {
            self.others.push((oldest.hash(), oldest.pulls));
        }
        self.first.get_or_insert_with(|| once.clone());
        self.last = Some(once);
    }

    /// Takes a client off the lists, and tells how often it had pulled.
    fn known(&mut self, client: &str, principal: Option<&str>) -> u64 {
        let is_it = |it: &ClientRow| it.client == client && it.principal.as_deref() == principal;
        if let Some(at) = self.clients.iter().position(is_it) {
            return self.clients.remove(at).pulls;
        }
        let hash = hash([Some(client), principal]);
        let at = self.others.iter().position(|(other, _)| *other == hash);
        at.map_or(0, |at| self.others.remove(at).1)
    }

    fn wait(&mut self, asker: u64, pulls: u64) {
        if self.pending.len() >= MAX_PENDING {
            self.pending.remove(0);
        }
        self.pending.push((asker, pulls));
    }

    fn take_pending(&mut self, line: &DecisionLine) -> Option<u64> {
        let asker = asker(line);
        let at = self.pending.iter().position(|(other, _)| *other == asker)?;
        Some(self.pending.remove(at).1)
    }

    /// Puts rows together; none where nobody was given what they are of, and nobody refused.
    pub(super) fn together(rows: impl IntoIterator<Item = Self>) -> Option<Pulled> {
        let mut all = Pulled::default();
        let mut clients: HashMap<u64, (Option<ClientRow>, u64)> = HashMap::new();
        for row in rows {
            all.pulls = all.pulls.saturating_add(row.pulls);
            all.refused = all.refused.saturating_add(row.refused);
            for once in row.first.into_iter().filter_map(OnceRow::told) {
                if all.first.as_ref().is_none_or(|it| once.time < it.time) {
                    all.first = Some(once);
                }
            }
            for once in row.last.into_iter().filter_map(OnceRow::told) {
                if all.last.as_ref().is_none_or(|it| once.time >= it.time) {
                    all.last = Some(once);
                }
            }
            for (hash, pulls) in row.others {
                let known = clients.entry(hash).or_default();
                known.1 = known.1.saturating_add(pulls);
            }
            for client in row.clients {
                let known = clients.entry(client.hash()).or_default();
                known.1 = known.1.saturating_add(client.pulls);
                if known.0.as_ref().is_none_or(|it| it.last < client.last) {
                    known.0 = Some(client);
                }
            }
        }
        if all.pulls == 0 && all.refused == 0 {
            return None;
        }
        let count = clients.len();
        let named = clients.into_values();
        let named = named.filter_map(|(client, pulls)| client?.told(pulls));
        all.clients = named.collect();
        all.clients
            .sort_by(|one, other| (other.last, &one.client).cmp(&(one.last, &other.client)));
        all.clients.truncate(MAX_PULLERS);
        all.others = count.saturating_sub(all.clients.len()) as u64;
        Some(all)
    }
}

impl OnceRow {
    fn told(self) -> Option<PulledOnce> {
        Some(PulledOnce {
            time: Timestamp::from_nanosecond(self.time.into()).ok()?,
            client: self.client,
            principal: self.principal,
            user_agent: self.user_agent,
        })
    }
}

impl ClientRow {
    fn hash(&self) -> u64 {
        hash([Some(&self.client), self.principal.as_deref()])
    }

    fn told(self, pulls: u64) -> Option<PullingClient> {
        Some(PullingClient {
            last: Timestamp::from_nanosecond(self.last.into()).ok()?,
            client: self.client,
            principal: self.principal,
            pulls,
        })
    }
}

/// Names whose pull a line is of: what tells windows of the log apart within a repository.
fn asker(line: &DecisionLine) -> u64 {
    let parts = [&line.client, &line.principal, &line.user_agent, &line.tag];
    hash(parts.map(Option::as_deref))
}

fn hash<const N: usize>(parts: [Option<&str>; N]) -> u64 {
    let text = parts.map(|part| part.map_or_else(String::new, |part| format!("{part}\n")));
    let digest = Digest::of(text.join("\0").as_bytes());
    let digits = digest.hex().get(..HASH_DIGITS).unwrap_or_default();
    u64::from_str_radix(digits, 16).unwrap_or_default()
}

fn nanoseconds(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX)
}

fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}
