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
    /// Reads credentials that are meant for another registry: a user that is no key of ours.
    pub(crate) fn of(credentials: &Credentials, instance: &InstanceKey) -> Option<Self> {
        let Credentials::Basic { name, secret } = credentials else {
            return None;
        };
        if name.is_empty() || name.starts_with(PREFIX) {
            return None;
        }
        let code = instance.code(PURPOSE, &[name, secret.expose()]);
        Some(Self {
            user: name.clone(),
            secret: secret.clone(),
            digest: Digest::of(code.bytes()),
        })
    }

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

/// The logins behind tokens, by number.
#[derive(Clone, Debug)]
pub(crate) struct Remembered(Cache<u64, OwnLogin>);

impl Default for Remembered {
    fn default() -> Self {
        let life = Duration::from_secs(TOKEN_LIFE.as_secs().unsigned_abs());
        let logins = Cache::builder().max_capacity(MOST_LOGINS);
        Self(logins.time_to_live(life).build())
    }
}

impl Remembered {
    /// Remembers a login, and gives its number.
    pub(crate) fn keep(&self, login: OwnLogin) -> u64 {
        let number = rand::random();
        self.0.insert(number, login);
        number
    }

    /// Gives a login by its number, as long as it is remembered.
    pub(crate) fn get(&self, number: u64) -> Option<OwnLogin> {
        self.0.get(&number)
    }
}

#[cfg(test)]
mod tests {
    use sluicegate_engine::instance_key::KEY_BYTES;

    use super::*;

    #[test]
    fn logins_are_told_apart_by_what_says_nothing_of_them() {
        let instance = InstanceKey::of(&[1; KEY_BYTES]);
        let login = |name: &str, secret: &str| {
            let (name, secret) = (name.to_owned(), Secret::new(secret));
            OwnLogin::of(&Credentials::Basic { name, secret }, &instance)
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
        assert!(OwnLogin::of(&Credentials::Bearer(Secret::new("x")), &instance).is_none());
        assert!(!format!("{:?}", login("alice", "pass").unwrap()).contains("pass"));
        let remembered = Remembered::default();
        let number = remembered.keep(alice.clone());
        assert_eq!(remembered.get(number).unwrap().digest(), alice.digest());
        assert!(remembered.get(number.wrapping_add(1)).is_none());
    }
}
