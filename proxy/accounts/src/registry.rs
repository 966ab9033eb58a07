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

use super::api::halves;
use super::key::{AccessKey, PREFIX};
use super::keys::{Keys, Proven};
use super::own::{OwnLogin, Remembered};
use super::token::{Holder, NoToken, Tokens};

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
    askers: Arc<dyn Askers>,
    is_required: bool,
    instance: InstanceKey,
    own: Remembered,
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
            askers,
            is_required,
            instance,
            own: Remembered::default(),
        }
    }

    /// Tells who asks for something of an upstream that lets each client in by its own credentials,
    /// and with which: no key of ours is asked for. Nothing is proven by it; the upstream does that.
    pub fn own(&self, presented: Presented) -> Result<(Who, Option<OwnLogin>), Unidentified> {
        let credentials = presented.credentials.as_ref();
        let mut login = credentials.and_then(|sent| OwnLogin::of(sent, &self.instance));
        let mut rights = Rights::everywhere(PULL);
        if let Some(Credentials::Bearer(token)) = credentials {
            match self.tokens.read(token) {
                Ok(claims) => {
                    if let Some(Holder::Upstream(number)) = claims.holder {
                        login = Some(self.own.get(number).ok_or(Unidentified::Wrong)?);
                    }
                    rights = rights.for_token(claims.repositories);
                }
                Err(NoToken::NotGood) => return Err(Unidentified::Wrong),
                Err(NoToken::NotOurs) => {}
            }
        }
        let user = login.as_ref().map(|login| login.user().to_owned());
        Ok((presented.by(user.map(Principal::Upstream), rights), login))
    }

    /// Tells whether clients are asked to say who they are.
    pub fn asks(&self) -> bool {
        self.is_required || self.askers.name_keys()
    }

    /// Gives a token to whoever asks for one, and when it was made.
    ///
    /// *Errors*: for a key of ours that is not good, and for whoever has none where one is needed.
    pub async fn token(
        &self,
        presented: Presented,
        repositories: BTreeSet<Repository>,
    ) -> Result<(Secret, Timestamp), Unidentified> {
        let credentials = presented.credentials.as_ref();
        let access = credentials.and_then(access_of);
        // What is no upstream's that lets clients in is nobody's by their credentials.
        let let_in = |it: &Repository| self.askers.are_let_in_by_upstream(it);
        let own: BTreeSet<Repository> = repositories
            .iter()
            .filter(|it| let_in(it))
            .cloned()
            .collect();
        // Who logs in asks for no repository yet, and what they have may be for such an upstream.
        let logs_in = repositories.is_empty() && self.askers.has_such_upstreams();
        let login = || credentials.and_then(|sent| OwnLogin::of(sent, &self.instance));
        if access.is_none() && (!own.is_empty() || (logs_in && login().is_some())) {
            let holder = login().map(|login| Holder::Upstream(self.own.keep(login)));
            return Ok(self.tokens.mint(holder, own));
        }
        let told = self.told(&presented).await?;
        self.admit(presented, told, Repeated::AsksForToken)?;
        Ok(self.tokens.mint(access.map(Holder::Key), repositories))
    }

    async fn told(&self, presented: &Presented) -> Result<Told, Unidentified> {
        let Some(credentials) = &presented.credentials else {
            return Ok(Told::Nothing);
        };
        if let Credentials::Bearer(token) = credentials {
            match self.tokens.read(token) {
                Ok(claims) => return self.by_token(claims.holder, claims.repositories),
                Err(NoToken::NotGood) => return Err(Unidentified::Wrong),
                Err(NoToken::NotOurs) => {}
            }
        }
        let halves = halves(credentials.clone());
        let Some((access, secret)) = halves.filter(|(access, _)| access.starts_with(PREFIX)) else {
            return Ok(Told::Nothing);
        };
        let proven = self.keys.prove(presented.address, &access, &secret).await;
        let proven = proven.ok_or(Unidentified::Wrong)?;
        Ok(Told::Key(proven, None))
    }

    fn by_token(
        &self,
        holder: Option<Holder>,
        repositories: BTreeSet<Repository>,
    ) -> Result<Told, Unidentified> {
        match holder {
            None => Ok(Told::Anyone(repositories)),
            Some(Holder::Upstream(_)) => Ok(Told::Own(repositories)),
            Some(Holder::Key(access)) => {
                let proven = self.keys.holder(&access).ok_or(Unidentified::Wrong)?;
                Ok(Told::Key(proven, Some(repositories)))
            }
        }
    }

    fn admit(&self, presented: Presented, told: Told, asks: Repeated) -> Result<Who, Unidentified> {
        let (mut principal, mut rights) = (None, Rights::everywhere(PULL));
        let mut has_been_asked = asks == Repeated::AsksForToken;
        match told {
            Told::Key(proven, repositories) => {
                principal = Some(proven.principal);
                rights = match repositories {
                    Some(repositories) => proven.rights.for_token(repositories),
                    None => proven.rights,
                };
            }
            Told::Anyone(repositories) => {
                rights = rights.for_token(repositories);
                has_been_asked = true;
            }
            Told::Own(repositories) => {
                // What it is for is asked of its upstream, each time: here it opens nothing else.
                return Ok(presented.by(None, rights.for_token(repositories)));
            }
            Told::Nothing => {}
        }
        if principal.is_none() {
            let certificate = presented.certificate.clone();
            principal = certificate.map(Principal::Certificate);
        }
        let is_known = principal.is_some() || self.askers.name_network(presented.address);
        if !is_known && (self.is_required || (self.askers.name_keys() && !has_been_asked)) {
            return Err(Unidentified::Missing);
        }
        Ok(presented.by(principal, rights))
    }
}

/// Whether somebody was asked before who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeated {
    /// They come to be let in.
    AsksForContent,
    /// They come because they were asked.
    AsksForToken,
}

#[async_trait]
impl Identity for RegistryIdentity {
    async fn who(&self, presented: Presented) -> Result<Who, Unidentified> {
        let told = self.told(&presented).await?;
        self.admit(presented, told, Repeated::AsksForContent)
    }
}

/// Reads the access key that somebody presents, where it is one of ours.
fn access_of(credentials: &Credentials) -> Option<AccessKey> {
    let (access, _) = halves(credentials.clone())?;
    access.parse().ok()
}

#[cfg(test)]
mod tests;
