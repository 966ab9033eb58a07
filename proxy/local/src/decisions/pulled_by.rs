//! Who pulled some images, newest pulls first: one look backwards through the log for all of them.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicegate_model::schema::Instant;
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Digest, Repository};

use super::line::{DecisionLine, Decisions};
use crate::chain::{Chain as _, LinesBackwards, LogError, MAX_LINE_BYTES};

/// Most bytes of the log looked at, from its end: about 130,000 lines, a tenth of a second.
const MAX_LOG_BYTES: u64 = 64 * 1024 * 1024;
/// Most clients named for one image.
const MAX_CLIENTS: usize = 20;
/// Longest text of a client's own that is told, in characters.
const MAX_AGENT_CHARS: usize = 120;
/// What stands before a line's digest, now and earlier. No text of a client's can hold it: its quotes
/// are escaped.
const DIGEST_FIELDS: [&str; 2] = ["\"asked\":\"", "\"digest\":\""];

/// Who pulled an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PulledBy {
    /// The clients that asked for it last.
    pub clients: Vec<Puller>,
    /// How many other clients there are.
    pub others: u64,
    /// Whether the whole log was looked at; else there may be older pulls.
    pub complete: bool,
}

/// A client that pulled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Puller {
    /// Its address.
    pub client: String,
    /// The access key or user of its last pull, where there is one.
    pub principal: Option<String>,
    /// What it said it is, at its last pull.
    pub user_agent: Option<String>,
    /// How many pulls its lines stand for.
    pub pulls: u64,
    /// When it pulled last.
    #[schemars(with = "Instant")]
    pub last: Timestamp,
    /// What came out then.
    pub decision: Decision,
}

/// What is asked of the log: who pulled an image in a repository, up to an instant.
#[derive(Clone, Debug)]
pub struct WhoPulled {
    /// The canonical repository.
    pub repository: Repository,
    /// The manifest.
    pub digest: Digest,
    /// The indexes that list it: who pulls one of them by tag pulls through it.
    pub through: Vec<Digest>,
    /// Later pulls do not count.
    pub until: Timestamp,
}

/// Gives who pulled, in the order asked; blocks on the disk. No log is an empty one.
pub fn pulled_by(directory: &Path, asked: &[WhoPulled]) -> Result<Vec<PulledBy>, LogError> {
    let mut found: Vec<Clients> = asked.iter().map(|_| Clients::default()).collect();
    let complete = look(directory, asked, &mut found)?;
    let told = |clients: Clients| PulledBy {
        clients: clients.named,
        others: clients.others.len() as u64,
        complete,
    };
    Ok(found.into_iter().map(told).collect())
}

/// Counts the lines that are asked for; tells whether the whole log was looked at.
fn look<'a>(
    directory: &Path,
    asked: &'a [WhoPulled],
    found: &mut [Clients],
) -> Result<bool, LogError> {
    let path = directory.join(Decisions::FILE);
    let failed = |error| LogError::io::<Decisions>("reading", &path, error);
    let names = |asked: &'a WhoPulled| std::iter::once(&asked.digest).chain(&asked.through);
    let digests: HashSet<&str> = asked.iter().flat_map(names).map(Digest::as_str).collect();
    let mut wanted: HashMap<(String, &Digest), Vec<usize>> = HashMap::new();
    for (at, asked) in asked.iter().enumerate() {
        for digest in names(asked) {
            let image = (asked.repository.to_string(), digest);
            wanted.entry(image).or_default().push(at);
        }
    }
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(failed(error)),
    };
    let end = file.metadata().map_err(failed)?.len();
    let (lines, _) = LinesBackwards::new(&file, MAX_LINE_BYTES).map_err(failed)?;
    for line in lines {
        let (start, bytes) = line.map_err(failed)?;
        if end.saturating_sub(start) > MAX_LOG_BYTES {
            return Ok(false);
        }
        let is_wanted = digest_of(&bytes).is_some_and(|digest| digests.contains(digest));
        if is_wanted && let Some(line) = DecisionLine::read(&bytes) {
            let Some(image) = line.repository.clone().zip(line.asked.as_ref()) else {
                continue;
            };
            for at in wanted.get(&image).into_iter().flatten() {
                if let (Some(asked), Some(clients)) = (asked.get(*at), found.get_mut(*at))
                    && line.time <= asked.until
                {
                    clients.add(&line);
                }
            }
        }
    }
    Ok(true)
}

/// Finds a line's digest without reading the line.
fn digest_of(line: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(line).ok()?;
    let mut fields = DIGEST_FIELDS.iter();
    let (_, rest) = fields.find_map(|field| text.split_once(field))?;
    rest.split('"').next()
}

#[derive(Default)]
struct Clients {
    named: Vec<Puller>,
    others: HashSet<String>,
}

impl Clients {
    /// Counts a line that is older than all before.
    fn add(&mut self, line: &DecisionLine) {
        let (Some(client), Some(decision)) = (&line.client, line.decision) else {
            return;
        };
        let known = self.named.iter_mut();
        if let Some(puller) = known.into_iter().find(|p| p.client == *client) {
            puller.pulls = puller.pulls.saturating_add(line.count);
        } else if self.named.len() < MAX_CLIENTS {
            let shortened = |text: &String| text.chars().take(MAX_AGENT_CHARS).collect();
            self.named.push(Puller {
                client: client.clone(),
                principal: line.principal.clone(),
                user_agent: line.user_agent.as_ref().map(shortened),
                pulls: line.count,
                last: line.time,
                decision,
            });
        } else {
            self.others.insert(client.clone());
        }
    }
}
