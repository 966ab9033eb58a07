//! Tokens of the registry: who asked for one, for which repositories, until when.
//!
//! A token is signed and kept by nobody, and it proves no more than the key behind it: whether that
//! is still good is asked again each time.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sluicegate_engine::instance_key::{Code, InstanceKey};
use sluicegate_model::Repository;
use sluicegate_model::clock::{Clock, is_to_come};
use sluicegate_model::secret::Secret;

use super::key::AccessKey;

/// How long a token is good for.
pub const TOKEN_LIFE: SignedDuration = SignedDuration::from_mins(5);
/// What every token begins with.
const PREFIX: &str = "SGT.";
/// What signatures of tokens are for, as distinct from all else that the instance key signs.
const PURPOSE: &str = "registry token";
/// Longest token that is looked at, in bytes; and most repositories of one.
const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// Most repositories that one token is for.
pub const MAX_REPOSITORIES: usize = 16;

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Who asked for it; none for whoever comes.
    pub holder: Option<Holder>,
    /// What it is for: a token without any opens nothing but the front door.
    pub repositories: BTreeSet<Repository>,
    /// When it was made.
    pub issued: Timestamp,
}

/// Who asked for a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holder {
    /// Whoever has this key.
    Key(AccessKey),
    /// Whoever presented the credentials of an upstream, which are remembered under a number.
    Upstream(u64),
}

/// Says why a token is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoToken {
    /// It was made elsewhere, for something else.
    NotOurs,
    /// It was ours, or looks so, and is not good.
    NotGood,
}

/// Makes and reads tokens.
#[derive(Clone, Debug)]
pub struct Tokens {
    instance: InstanceKey,
    clock: Clock,
}

impl Tokens {
    /// Signs with this key.
    pub fn new(instance: InstanceKey, clock: Clock) -> Self {
        Self { instance, clock }
    }

    /// Makes a token; gives it, and when it was made.
    pub fn mint(
        &self,
        holder: Option<Holder>,
        repositories: BTreeSet<Repository>,
    ) -> (Secret, Timestamp) {
        let issued = self.clock.now();
        let claims = Claims {
            holder,
            repositories,
            issued,
        };
        let said = serde_json::to_vec(&claims).unwrap_or_default();
        let said = URL_SAFE_NO_PAD.encode(said);
        let signature = URL_SAFE_NO_PAD.encode(self.sign(&said).bytes());
        (Secret::new(format!("{PREFIX}{said}.{signature}")), issued)
    }

    /// Reads a token that is good now.
    pub fn read(&self, token: &Secret) -> Result<Claims, NoToken> {
        let text = token
            .expose()
            .strip_prefix(PREFIX)
            .ok_or(NoToken::NotOurs)?;
        self.claims(text).ok_or(NoToken::NotGood)
    }

    fn claims(&self, text: &str) -> Option<Claims> {
        if text.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let (said, signature) = text.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let signature = Code::of(signature.try_into().ok()?);
        if self.sign(said) != signature {
            return None;
        }
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(said).ok()?).ok()?;
        let now = self.clock.now();
        // One of a time to come was made while the clock stood wrong.
        let is_good = now.duration_since(claims.issued) < TOKEN_LIFE;
        (is_good && !is_to_come(claims.issued, now)).then_some(claims)
    }

    fn sign(&self, said: &str) -> Code {
        self.instance.code(PURPOSE, &[said])
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use sluicegate_engine::instance_key::KEY_BYTES;

    use super::*;

    fn tokens(seed: u8) -> (Tokens, Arc<AtomicI64>) {
        let second = Arc::new(AtomicI64::new(1_800_000_000));
        let told = Arc::clone(&second);
        let tell = move || Timestamp::from_second(told.load(Ordering::SeqCst)).unwrap();
        let instance = InstanceKey::of(&[seed; KEY_BYTES]);
        (Tokens::new(instance, Clock::from_fn(tell)), second)
    }

    #[test]
    fn a_token_is_read_as_it_was_made_until_its_time_is_over() {
        let (tokens, second) = tokens(1);
        let repositories = BTreeSet::from(["a.io/b".parse().unwrap()]);
        let holder = Some(Holder::Upstream(7));
        let (token, _) = tokens.mint(holder.clone(), repositories.clone());
        let claims = tokens.read(&token).unwrap();
        assert_eq!((claims.holder, claims.repositories), (holder, repositories));
        second.fetch_add(299, Ordering::SeqCst);
        assert!(tokens.read(&token).is_ok());
        second.fetch_add(1, Ordering::SeqCst);
        assert_eq!(
            tokens.read(&token),
            Err(NoToken::NotGood),
            "its time is over"
        );
        second.fetch_sub(3_600, Ordering::SeqCst);
        assert_eq!(
            tokens.read(&token),
            Err(NoToken::NotGood),
            "the clock went back"
        );
    }

    #[test]
    fn no_other_bytes_are_a_token() {
        let (tokens, _) = tokens(1);
        let (token, _) = tokens.mint(None, BTreeSet::new());
        let text = token.expose();
        for at in 0..text.len() {
            let mut changed = text.as_bytes().to_vec();
            changed[at] ^= 1;
            let changed = Secret::new(String::from_utf8(changed).unwrap());
            assert!(tokens.read(&changed).is_err(), "byte {at}");
        }
        for text in [
            "",
            "SGT.",
            "SGT..",
            "SGT.e30.e30",
            "eyJhbGciOiJub25lIn0.e30.",
        ] {
            assert!(tokens.read(&Secret::new(text)).is_err(), "{text}");
        }
        let foreign = Secret::new("eyJhbGciOiJub25lIn0.e30.");
        assert_eq!(tokens.read(&foreign), Err(NoToken::NotOurs));
        let (other, _) = super::tests::tokens(2);
        assert_eq!(
            other.read(&token),
            Err(NoToken::NotGood),
            "another instance's"
        );
    }
}
