//! Who asks the API: whoever has a key, and without one whoever may.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use moka::future::Cache;
use sluicegate_engine::identity::{Identity, Presented, Unidentified, Who};
use sluicegate_model::Principal;
use sluicegate_model::access::{Permission, Rights, Role};

use super::key;
use super::keys::Keys;
use super::vouched::Told;

/// What the log calls the use of a key that may everything.
const USED: &str = "key-used";
/// How long a use of such a key is one line, and how many are remembered.
const WINDOW: Duration = Duration::from_mins(10);
const MOST_WINDOWS: u64 = 10_000;

/// What somebody without a key may do, where anybody may do anything: read.
const READ: &[Permission] = &[Permission::ReadVerdicts, Permission::ReadService];
/// What they may do where only this machine reaches the listener.
const READ_AND_SCAN: &[Permission] = &[
    Permission::ReadVerdicts,
    Permission::ReadService,
    Permission::Scan,
];

/// What is asked of those who come without a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutKey {
    /// To come with one.
    Nothing,
    /// Nothing: they read.
    Reads,
    /// Nothing: they read and ask for scans.
    ReadsAndScans,
}

/// Tells who asks the API.
#[derive(Clone, Debug)]
pub struct ApiIdentity {
    keys: Keys,
    without_key: WithoutKey,
    windows: Cache<(Option<Principal>, IpAddr), ()>,
}

impl ApiIdentity {
    /// Asks for keys, unless those without one may do something too.
    pub fn new(keys: Keys, without_key: WithoutKey) -> Self {
        let windows = Cache::builder();
        let windows = windows.max_capacity(MOST_WINDOWS).time_to_live(WINDOW);
        Self {
            keys,
            without_key,
            windows: windows.build(),
        }
    }

    fn nobody(&self, presented: Presented) -> Result<Who, Unidentified> {
        let permissions = match self.without_key {
            WithoutKey::Nothing => return Err(Unidentified::Missing),
            WithoutKey::Reads => READ,
            WithoutKey::ReadsAndScans => READ_AND_SCAN,
        };
        Ok(presented.by(None, Rights::everywhere(permissions)))
    }

    /// Writes down that an admin's key is used: nobody is answered before that.
    async fn note_use(&self, who: &Who) -> Result<(), Unidentified> {
        let window = (who.principal.clone(), who.client);
        let words = format!("{who}, {}, was used at the API", Role::Admin);
        let written = self.windows.try_get_with(window, async {
            self.keys.note(Told { rule: USED, words }, who).await
        });
        let unknown = |error| Unidentified::Unknown(Box::new(error));
        written.await.map_err(unknown)
    }
}

#[async_trait]
impl Identity for ApiIdentity {
    async fn who(&self, mut presented: Presented) -> Result<Who, Unidentified> {
        let Some(credentials) = presented.credentials.take() else {
            return self.nobody(presented);
        };
        let (access, secret) = key::presented(&credentials).ok_or(Unidentified::Wrong)?;
        let proven = self.keys.prove(presented.address, access, secret).await;
        let proven = proven.ok_or(Unidentified::Wrong)?;
        let who = presented.by(Some(proven.principal), proven.rights);
        if who.rights.allow(Permission::Administer) {
            self.note_use(&who).await?;
        }
        Ok(who)
    }
}
