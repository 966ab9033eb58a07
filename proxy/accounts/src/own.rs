//! Credentials that clients bring for an upstream that lets each of them in by their own: told apart
//! by a digest that says nothing, remembered as long as a token lasts, in memory alone.

use std::time::Duration;

use moka::sync::Cache;
use sluicegate_engine::identity::Credentials;
use sluicegate_engine::instance_key::InstanceKey;
use sluicegate_model::Digest;
use sluicegate_model::secret::Secret;

use super::key::PREFIX;
use super::token::TOKEN_LIFE;

/// What digests of credentials are for, as distinct from all else that the instance key signs.
const PURPOSE: &str = "login at an upstream";
/// Most logins that are remembered.
const MOST_LOGINS: u64 = 10_000;

/// Who somebody is at an upstream.
#[derive(Clone, Debug)]
pub struct OwnLogin {
    user: String,
    secret: Secret,
    digest: Digest,
}

impl OwnLogin {
    /// The name there.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The password there.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// What tells it from others, and says nothing of it.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }
}

/// Reads such credentials, and remembers those behind tokens by number.
#[derive(Clone, Debug)]
pub(crate) struct OwnLogins {
    instance: InstanceKey,
    behind_tokens: Cache<u64, OwnLogin>,
}

impl OwnLogins {
    /// Starts with none; digests are signed with this key.
    pub(crate) fn new(instance: InstanceKey) -> Self {
        let life = Duration::from_secs(TOKEN_LIFE.as_secs().unsigned_abs());
        let logins = Cache::builder().max_capacity(MOST_LOGINS);
        Self {
            instance,
            behind_tokens: logins.time_to_live(life).build(),
        }
    }

    /// Reads what is meant for another registry: a user that is no key of ours.
    pub(crate) fn read(&self, credentials: Option<&Credentials>) -> Option<OwnLogin> {
        let Some(Credentials::Basic { name, secret }) = credentials else {
            return None;
        };
        if name.is_empty() || name.starts_with(PREFIX) {
            return None;
        }
        let code = self.instance.code(PURPOSE, &[name, secret.expose()]);
        Some(OwnLogin {
            user: name.clone(),
            secret: secret.clone(),
            digest: Digest::of(code.bytes()),
        })
    }

    /// Remembers a login, and gives its number.
    pub(crate) fn keep(&self, login: OwnLogin) -> u64 {
        let number = rand::random();
        self.behind_tokens.insert(number, login);
        number
    }

    /// Gives a login by its number, as long as it is remembered.
    pub(crate) fn get(&self, number: u64) -> Option<OwnLogin> {
        self.behind_tokens.get(&number)
    }
}

#[cfg(test)]
mod tests {
    use sluicegate_engine::instance_key::KEY_BYTES;

    use super::*;

    #[test]
    fn logins_are_told_apart_by_what_says_nothing_of_them() {
        let logins = OwnLogins::new(InstanceKey::of(&[1; KEY_BYTES]));
        let login = |name: &str, secret: &str| {
            let (name, secret) = (name.to_owned(), Secret::new(secret));
            logins.read(Some(&Credentials::Basic { name, secret }))
        };
        let alice = login("alice", "a").unwrap();
        assert_eq!(alice.digest(), login("alice", "a").unwrap().digest());
        assert_ne!(alice.digest(), login("alice", "b").unwrap().digest());
        assert_ne!(alice.digest(), login("bob", "a").unwrap().digest());
        assert!(
            login("SGKAAAAAAAAAAAAAAAAAAAA", "a").is_none(),
            "a key of ours"
        );
        assert!(login("", "a").is_none());
        assert!(
            logins
                .read(Some(&Credentials::Bearer(Secret::new("x"))))
                .is_none()
        );
        assert!(!format!("{:?}", login("alice", "pass").unwrap()).contains("pass"));
        let number = logins.keep(alice.clone());
        assert_eq!(logins.get(number).unwrap().digest(), alice.digest());
        assert!(logins.get(number.wrapping_add(1)).is_none());
    }
}
