//! A value that cannot be printed, logged or serialized.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

/// Text that only the one who sends it, or is sent it, may see. Its memory is zeroed when nobody
/// holds it any more, and comparing two takes as long wherever they differ.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// Gives the text; call it only where it is put on the wire or hashed.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        let (one, other) = (self.expose().as_bytes(), other.expose().as_bytes());
        one.ct_eq(other).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_equal_to_itself_and_shown_to_nobody() {
        let secret = Secret::new("open");
        assert_eq!(secret, Secret::new("open"));
        assert_ne!(secret, Secret::new("opem"));
        assert_ne!(secret, Secret::new("ope"));
        assert_eq!(format!("{secret:?}"), "***");
    }
}
