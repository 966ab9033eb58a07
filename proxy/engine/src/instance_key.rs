//! The key that only this instance has: what nobody else can compute is computed with it.

use ring::hmac;

/// The length of a key, in bytes: that of the hash it is used with.
pub const KEY_BYTES: usize = 32;

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
        let mut context = hmac::Context::with_key(&self.0);
        for part in std::iter::once(&purpose).chain(parts) {
            // The length keeps one part from running into the next.
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part.as_bytes());
        }
        let code = context.sign();
        let first = code.as_ref().first_chunk().copied().unwrap_or_default();
        u64::from_le_bytes(first)
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
    }
}
