//! Keys that are set by hand.

use std::collections::BTreeMap;

use async_trait::async_trait;
use sluicegate_model::Principal;
use sluicegate_model::access::{Rights, Role};

use crate::identity::{Credentials, Identity, Presented, Unidentified, Who};
use sluicegate_model::secret::Secret;

/// Knows keys by name and secret, and believes every certificate.
#[derive(Debug, Default)]
pub struct MemoryIdentity {
    keys: BTreeMap<String, Secret>,
    /// Whether somebody who presents nothing is turned away.
    pub needs_credentials: bool,
}

impl MemoryIdentity {
    /// Adds a key.
    #[must_use]
    pub fn with_key(mut self, name: &str, secret: &str) -> Self {
        self.keys.insert(name.to_owned(), Secret::new(secret));
        self
    }

    fn key(&self, credentials: &Credentials) -> Result<Principal, Unidentified> {
        let (name, secret) = match credentials {
            Credentials::Basic { name, secret } => (name.as_str(), secret.expose()),
            Credentials::Bearer(both) => {
                let parts = both.expose().split_once('.');
                parts.ok_or(Unidentified::Wrong)?
            }
        };
        let known = self.keys.get(name);
        let is_right = known.is_some_and(|known| known.expose() == secret);
        is_right
            .then(|| Principal::Key(name.to_owned()))
            .ok_or(Unidentified::Wrong)
    }
}

#[async_trait]
impl Identity for MemoryIdentity {
    async fn who(&self, presented: Presented) -> Result<Who, Unidentified> {
        let principal = match (&presented.credentials, &presented.certificate) {
            (Some(credentials), _) => Some(self.key(credentials)?),
            (None, Some(name)) => Some(Principal::Certificate(name.clone())),
            (None, None) if self.needs_credentials => return Err(Unidentified::Missing),
            (None, None) => None,
        };
        Ok(presented.by(principal, Rights::everywhere(Role::Admin.permissions())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::identity_suite;

    fn presented(credentials: Credentials) -> Presented {
        Presented {
            credentials: Some(credentials),
            ..Presented::from_address([192, 0, 2, 1].into())
        }
    }

    fn basic(name: &str, secret: &str) -> Credentials {
        let (name, secret) = (name.to_owned(), Secret::new(secret));
        Credentials::Basic { name, secret }
    }

    #[tokio::test]
    async fn keeps_every_promise() {
        identity_suite::prove(&MemoryIdentity::default()).await;
        let keys = MemoryIdentity::default().with_key("ci", "right");
        identity_suite::prove(&keys).await;
        let needs_credentials = true;
        identity_suite::prove(&MemoryIdentity {
            needs_credentials,
            ..keys
        })
        .await;
    }

    #[tokio::test]
    async fn a_key_is_known_by_its_secret_alone() {
        let keys = MemoryIdentity::default().with_key("ci", "right");
        let bearer = |text: &str| Credentials::Bearer(Secret::new(text));
        for (credentials, wanted) in [
            (basic("ci", "right"), Some("ci")),
            (bearer("ci.right"), Some("ci")),
            (basic("ci", "wrong"), None),
            (basic("prod", "right"), None),
            (bearer("right"), None),
        ] {
            let who = keys.who(presented(credentials.clone())).await;
            let name = who.ok().and_then(|who| who.principal);
            let name = name.map(|name| name.to_string());
            assert_eq!(name.as_deref(), wanted, "{credentials:?}");
        }
    }
}
