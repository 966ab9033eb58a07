//! Whatever the bytes are, nothing panics, and what was changed signs nothing.

use proptest::prelude::*;

use super::*;
use crate::{SIGN_PREDICATE, in_bundle, in_envelope, in_simple_signing};

static SIGNER: LazyLock<Signer> = LazyLock::new(Signer::new);
static BUNDLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let envelope = SIGNER.envelope(&statement(SIGN_PREDICATE, &DIGEST));
    bundle(&envelope).to_string().into_bytes()
});

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, text: String) {
        let wanted = wanted(&SIGNER);
        prop_assert!(in_bundle(&bytes, subject(), &wanted).is_empty());
        prop_assert!(in_envelope(&bytes, subject(), &wanted).is_empty());
        prop_assert!(in_simple_signing(&bytes, &text, subject(), &wanted).is_empty());
        prop_assert!(PublicKey::from_pem(&text).is_err());
        let der = STANDARD.encode(&bytes);
        let pem = format!("-----BEGIN PUBLIC KEY-----{der}-----END PUBLIC KEY-----");
        prop_assert!(PublicKey::from_pem(&pem).is_err());
    }

    /// A changed byte leaves a bundle that says the same, or one that says nothing.
    #[test]
    fn a_changed_byte_never_makes_it_say_something_else(at in 0_usize..10_000, byte: u8) {
        let mut changed = BUNDLE.clone();
        let at = at % changed.len();
        changed[at] = byte;
        let found = in_bundle(&changed, subject(), &wanted(&SIGNER));
        prop_assert!(found.is_empty() || found == SIGNER.said(&Statement::Signature));
    }

    #[test]
    fn what_is_cut_says_nothing(at in 0_usize..10_000) {
        let cut = &BUNDLE[..at % BUNDLE.len()];
        prop_assert!(in_bundle(cut, subject(), &wanted(&SIGNER)).is_empty());
    }
}
