//! The key that only this instance has: what nobody else can compute is computed with it.

use std::fmt;

use ring::hmac;
use subtle::ConstantTimeEq as _;

/// The length of a key, in bytes: that of the hash it is used with.
pub const KEY_BYTES: usize = 32;

/// A message authentication code, HMAC-SHA-256. Comparing two takes as long wherever they differ.
#[derive(Clone, Copy)]
pub struct Code([u8; KEY_BYTES]);

impl Code {
    /// Takes one that was written down.
    pub const fn of(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// Gives its bytes, to be written down.
    pub const fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Code {}

/// What can be computed from a secret is shown to nobody.
impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A key for message authentication codes.
#[derive(Clone, Debug)]
pub struct InstanceKey(hmac::Key);

impl InstanceKey {
    /// Takes the bytes of a key.
    pub fn of(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// Gives a number that only this instance can compute, for a purpose and its parts.
    pub fn number(&self, purpose: &str, parts: &[&str]) -> u64 {
        let code = self.code(purpose, parts);
        let first = code.0.first_chunk().copied().unwrap_or_default();
        u64::from_le_bytes(first)
    }

    /// Gives the code that only this instance can compute, for a purpose and its parts.
    pub fn code(&self, purpose: &str, parts: &[&str]) -> Code {
        let mut context = hmac::Context::with_key(&self.0);
        for part in std::iter::once(&purpose).chain(parts) {
            // The length keeps one part from running into the next.
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part.as_bytes());
        }
        let code = context.sign();
        Code(code.as_ref().try_into().unwrap_or([0; KEY_BYTES]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_never_runs_into_the_next() {
        let key = InstanceKey::of(&[1; KEY_BYTES]);
        assert_ne!(key.number("p", &["ab", "c"]), key.number("p", &["a", "bc"]));
        assert_ne!(key.number("p", &["a"]), key.number("q", &["a"]));
        assert_eq!(key.code("p", &["a"]), key.code("p", &["a"]));
        assert_ne!(key.code("p", &["a"]), key.code("p", &["b"]));
        assert_eq!(format!("{:?}", key.code("p", &[])), "***");
    }
}
