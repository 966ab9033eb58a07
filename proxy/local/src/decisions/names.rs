//! Bounds what a client can write into the log by calling itself or its images something new.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

use jiff::Timestamp;

use super::entry::LineKind;
use super::windows::{AskedPull, Because, is_within};

/// What stands for every name past the bound.
const OTHER: &str = "(other)";
/// Most user agents of one client and principal in a window that are told apart.
const MAX_AGENTS: usize = 20;
/// Most repositories of registries that are not configured here, and names that policies refuse,
/// likewise: a node's images, with room to spare.
const MAX_DENIED: usize = 100;
/// Most clients remembered, 3 KiB each at worst; past it all are forgotten, which tells more names
/// apart and never less.
const MAX_CLIENTS: usize = 10_000;

/// The names of each client in its window.
#[derive(Debug, Default)]
pub(super) struct ClientNames {
    keys: RandomState,
    clients: HashMap<u64, Named>,
}

#[derive(Debug)]
struct Named {
    since: Timestamp,
    agents: HashSet<u64>,
    denied: HashSet<u64>,
}

impl ClientNames {
    /// Replaces the names that are one too many.
    pub(super) fn bound(&mut self, asked: &mut AskedPull, now: Timestamp) {
        let keys = &self.keys;
        let client = keys.hash_one((asked.who.client, &asked.who.principal));
        if self.clients.len() >= MAX_CLIENTS && !self.clients.contains_key(&client) {
            self.clients.clear();
        }
        let named = self
            .clients
            .entry(client)
            .or_insert_with(|| Named::since(now));
        if !is_within(now, named.since) {
            *named = Named::since(now);
        }
        if let Some(agent) = &mut asked.who.user_agent
            && !has_room(&mut named.agents, keys.hash_one(&*agent), MAX_AGENTS)
        {
            OTHER.clone_into(agent);
        }
        // Nobody else has been asked whether there is such a name.
        let denied = if asked.kind == LineKind::Denied {
            Some(keys.hash_one(&asked.repository))
        } else if matches!(asked.because, Because::Name(_)) {
            Some(keys.hash_one((&asked.repository, &asked.tag, &asked.digest)))
        } else {
            None
        };
        if let Some(denied) = denied
            && !has_room(&mut named.denied, denied, MAX_DENIED)
        {
            OTHER.clone_into(&mut asked.repository);
            asked.tag = None;
            asked.digest = None;
        }
    }

    /// Forgets clients whose window has ended.
    pub(super) fn forget_ended(&mut self, now: Timestamp) {
        self.clients.retain(|_, named| is_within(now, named.since));
    }
}

impl Named {
    fn since(now: Timestamp) -> Self {
        Self {
            since: now,
            agents: HashSet::new(),
            denied: HashSet::new(),
        }
    }
}

/// Takes a name in, unless it is new and there are as many as may be.
fn has_room(names: &mut HashSet<u64>, name: u64, most: usize) -> bool {
    if names.contains(&name) {
        return true;
    }
    names.len() < most && names.insert(name)
}
