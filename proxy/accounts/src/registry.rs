//! Who asks the registry: a key's holder, a node that is known otherwise, or whoever comes.
//!
//! One header has two owners: what is no key of ours is for the registry behind, and never a failed
//! login here.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use sluicegate_engine::identity::{Credentials, Identity, Presented, Unidentified, Who};
use sluicegate_engine::instance_key::InstanceKey;
use sluicegate_model::access::{Permission, Rights};
use sluicegate_model::clock::Clock;
use sluicegate_model::secret::Secret;
use sluicegate_model::{Principal, Repository};

use super::key::{self, PREFIX};
use super::keys::{Keys, Proven};
use super::own::{OwnLogin, OwnLogins};
use super::token::{Claims, Holder, NoToken, Tokens};

/// What is pulled with nothing but the right to.
const PULL: &[Permission] = &[Permission::Pull];

/// What the policies in force say of those who ask.
pub trait Askers: Send + Sync + std::fmt::Debug {
    /// Tells whether any policy is bound to keys, so that clients have to be asked for theirs.
    fn name_keys(&self) -> bool;

    /// Tells whether a repository is of an upstream that lets each client in by its own credentials.
    fn are_let_in_by_upstream(&self, repository: &Repository) -> bool;

    /// Tells whether there is any such upstream.
    fn has_such_upstreams(&self) -> bool;

    /// Tells whether a policy is bound to a network in which this address is.
    fn name_network(&self, address: IpAddr) -> bool;
}

/// What is known of somebody by what they sent.
enum Told {
    /// Nothing was sent that is for us.
    Nothing,
    /// They asked for a token before, and are nobody; it is for these repositories.
    Anyone(BTreeSet<Repository>),
    /// They have something for upstreams that let clients in by it; their token is for these alone.
    Own(BTreeSet<Repository>),
    /// They have a key, and perhaps a token that is for these.
    Key(Proven, Option<BTreeSet<Repository>>),
}

/// Tells who asks the registry.
#[derive(Clone, Debug)]
pub struct RegistryIdentity {
    keys: Keys,
    tokens: Tokens,
    own: OwnLogins,
    askers: Arc<dyn Askers>,
    is_required: bool,
}

impl RegistryIdentity {
    /// Joins what it asks; `is_required` is whether nobody is let in who is not known.
    pub fn new(
        keys: Keys,
        (instance, clock): (InstanceKey, Clock),
        askers: Arc<dyn Askers>,
        is_required: bool,
    ) -> Self {
        Self {
            keys,
            tokens: Tokens::new(instance.clone(), clock),
            own: OwnLogins::new(instance),
            askers,
            is_required,
        }
    }

    /// Tells who asks for something of an upstream that lets each client in by its own credentials,
    /// and with which: no key of ours is asked for. Nothing is proven by it; the upstream does that.
    pub fn own(&self, presented: Presented) -> Result<(Who, Option<OwnLogin>), Unidentified> {
        let (mut login, mut rights) = (None, Rights::everywhere(PULL));
        match self.claims(&presented)? {
            Some(claims) => {
                if let Some(Holder::Upstream(number)) = claims.holder {
                    login = Some(self.own.get(number).ok_or(Unidentified::Wrong)?);
                }
                rights = rights.for_token(claims.repositories);
            }
            None => login = self.own.read(presented.credentials.as_ref()),
        }
        let user = login.as_ref().map(|login| login.user().to_owned());
        Ok((presented.by(user.map(Principal::Upstream), rights), login))
    }

    /// Gives a token to whoever asks for one, and when it was made.
    ///
    /// *Errors*: for a key of ours that is not good, and for whoever has none where one is needed.
    pub async fn token(
        &self,
        presented: Presented,
        repositories: BTreeSet<Repository>,
    ) -> Result<(Secret, Timestamp), Unidentified> {
        let told = match self.told(&presented).await? {
            Told::Nothing => {
                if let Some(token) = self.own_token(&presented, &repositories) {
                    return Ok(token);
                }
                // Whoever comes here was asked who they are.
                Told::Anyone(repositories.clone())
            }
            told => told,
        };
        // A token makes no other: its holder comes with the key.
        let holder = match &told {
            Told::Key(proven, None) => Some(Holder::Key(proven.access.clone())),
            _ => None,
        };
        self.admit(presented, told)?;
        Ok(self.tokens.mint(holder, repositories))
    }

    /// Makes a token for upstreams that let each client in by its own credentials, where one is asked
    /// for. Who logs in asks for no repository yet, and what they have may be for such an upstream.
    fn own_token(
        &self,
        presented: &Presented,
        repositories: &BTreeSet<Repository>,
    ) -> Option<(Secret, Timestamp)> {
        let is_own = |it: &&Repository| self.askers.are_let_in_by_upstream(it);
        let own: BTreeSet<Repository> = repositories.iter().filter(is_own).cloned().collect();
        let login = self.own.read(presented.credentials.as_ref());
        let logs_in = repositories.is_empty() && login.is_some();
        if own.is_empty() && !(logs_in && self.askers.has_such_upstreams()) {
            return None;
        }
        let holder = login.map(|login| Holder::Upstream(self.own.keep(login)));
        Some(self.tokens.mint(holder, own))
    }

    /// Reads a token of ours; none where nothing of the kind was sent.
    fn claims(&self, presented: &Presented) -> Result<Option<Claims>, Unidentified> {
        let Some(Credentials::Bearer(token)) = &presented.credentials else {
            return Ok(None);
        };
        match self.tokens.read(token) {
            Ok(claims) => Ok(Some(claims)),
            Err(NoToken::NotGood) => Err(Unidentified::Wrong),
            Err(NoToken::NotOurs) => Ok(None),
        }
    }

    async fn told(&self, presented: &Presented) -> Result<Told, Unidentified> {
        if let Some(claims) = self.claims(presented)? {
            return self.by_token(claims);
        }
        let sent = presented.credentials.as_ref().and_then(key::presented);
        let Some((access, secret)) = sent.filter(|(access, _)| access.starts_with(PREFIX)) else {
            return Ok(Told::Nothing);
        };
        let proven = self.keys.prove(presented.address, access, secret).await;
        let proven = proven.ok_or(Unidentified::Wrong)?;
        Ok(Told::Key(proven, None))
    }

    fn by_token(&self, claims: Claims) -> Result<Told, Unidentified> {
        let repositories = claims.repositories;
        match claims.holder {
            None => Ok(Told::Anyone(repositories)),
            Some(Holder::Upstream(_)) => Ok(Told::Own(repositories)),
            Some(Holder::Key(access)) => {
                let proven = self.keys.holder(&access).ok_or(Unidentified::Wrong)?;
                Ok(Told::Key(proven, Some(repositories)))
            }
        }
    }

    fn admit(&self, presented: Presented, told: Told) -> Result<Who, Unidentified> {
        let rights = Rights::everywhere(PULL);
        let (rights, was_asked) = match told {
            Told::Key(proven, repositories) => {
                let rights = match repositories {
                    Some(repositories) => proven.rights.for_token(repositories),
                    None => proven.rights,
                };
                return Ok(presented.by(Some(proven.principal), rights));
            }
            // What it is for is asked of its upstream, each time: here it opens nothing else.
            Told::Own(repositories) => {
                return Ok(presented.by(None, rights.for_token(repositories)));
            }
            Told::Anyone(repositories) => (rights.for_token(repositories), true),
            Told::Nothing => (rights, false),
        };
        if let Some(name) = presented.certificate.clone() {
            return Ok(presented.by(Some(Principal::Certificate(name)), rights));
        }
        let has_to_say = self.is_required || (!was_asked && self.askers.name_keys());
        if has_to_say && !self.askers.name_network(presented.address) {
            return Err(Unidentified::Missing);
        }
        Ok(presented.by(None, rights))
    }
}

#[async_trait]
impl Identity for RegistryIdentity {
    async fn who(&self, presented: Presented) -> Result<Who, Unidentified> {
        let told = self.told(&presented).await?;
        self.admit(presented, told)
    }
}

#[cfg(test)]
mod tests;
