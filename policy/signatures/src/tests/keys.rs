//! Keys: which are read, what is said of others, and that they verify what OpenSSL and ring sign.

use ring::signature::{ECDSA_P384_SHA384_ASN1_SIGNING, Ed25519KeyPair};

use super::*;
use crate::{KeyError, in_simple_signing};

const PAYLOAD: &[u8] = include_bytes!("../data/payload.json");
const KEYS: [(&str, &[&str]); 4] = [
    (
        include_str!("../data/p256.pub"),
        &[include_str!("../data/p256.sig")],
    ),
    (
        include_str!("../data/p384.pub"),
        &[include_str!("../data/p384.sig")],
    ),
    (
        include_str!("../data/ed25519.pub"),
        &[include_str!("../data/ed25519.sig")],
    ),
    (
        include_str!("../data/rsa-2048.pub"),
        &[
            include_str!("../data/rsa-pkcs1.sig"),
            include_str!("../data/rsa-pss.sig"),
        ],
    ),
];

#[test]
fn every_kind_of_key_verifies_what_openssl_signs_and_nothing_else() {
    for (at, (pem, _)) in KEYS.iter().enumerate() {
        let key = PublicKey::from_pem(pem).unwrap();
        let wanted = Wanted::new([&key], [Statement::Signature]);
        for (signed_by, (_, signatures)) in KEYS.iter().enumerate() {
            for signature in *signatures {
                let found = in_simple_signing(PAYLOAD, signature, subject(), &wanted);
                assert_eq!(
                    found.len(),
                    usize::from(at == signed_by),
                    "{key:?} {signature}"
                );
            }
        }
    }
}

#[test]
fn p_384_is_verified_with_the_hash_of_either_version_of_cosign() {
    let head = "3076301006072a8648ce3d020106052b81040022036200";
    let signer = Signer::with(&ECDSA_P384_SHA384_ASN1_SIGNING, head);
    let text = payload("", &DIGEST).to_string();
    let signature = signer.sign(text.as_bytes());
    let found = in_simple_signing(text.as_bytes(), &signature, subject(), &wanted(&signer));
    assert_eq!(found, signer.said(&Statement::Signature));
}

#[test]
fn ed25519_verifies_what_ring_signs() {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
    let pem = pem("302a300506032b6570032100", pair.public_key().as_ref());
    let key = PublicKey::from_pem(&pem).unwrap();
    assert!(key.has_signed(b"message", pair.sign(b"message").as_ref()));
    assert!(!key.has_signed(b"other", pair.sign(b"message").as_ref()));
}

#[test]
fn what_is_no_public_key_is_refused_in_words() {
    let p256 = KEYS[0].0;
    let body: String = p256.lines().filter(|line| !line.starts_with('-')).collect();
    let with = |body: &str| format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----");
    let changed = |at: usize, byte: u8| {
        let mut der = STANDARD.decode(&body).unwrap();
        der[at] = byte;
        with(&STANDARD.encode(der))
    };
    let mut longer = STANDARD.decode(&body).unwrap();
    longer.push(0);
    for (text, wanted) in [
        (String::new(), KeyError::NoKey),
        ("keys/release.pub".to_owned(), KeyError::NoKey),
        (with(""), KeyError::Damaged),
        (with("!!!"), KeyError::Damaged),
        (with(&body[..40]), KeyError::Damaged),
        (with(&"A".repeat(10_000)), KeyError::Long),
        (with(&STANDARD.encode(longer)), KeyError::Damaged),
        (
            p256.replace("-----END PUBLIC KEY-----", ""),
            KeyError::Damaged,
        ),
        ([p256, p256].concat(), KeyError::Damaged),
        // Another length, a point that is none, a curve that nobody knows.
        (changed(1, 0x58), KeyError::Damaged),
        (changed(26, 0x02), KeyError::Damaged),
        (changed(22, 0x08), KeyError::Kind),
        (include_str!("../data/p521.pub").to_owned(), KeyError::Kind),
        (
            include_str!("../data/rsa-1024.pub").to_owned(),
            KeyError::RsaBits(1_024),
        ),
        (
            p256.replace("PUBLIC", "ENCRYPTED SIGSTORE PRIVATE"),
            KeyError::Private,
        ),
        (
            p256.replace("PUBLIC KEY", "CERTIFICATE"),
            KeyError::Certificate,
        ),
    ] {
        assert_eq!(PublicKey::from_pem(&text).unwrap_err(), wanted, "{text}");
    }
}

#[test]
fn a_key_is_known_by_its_der_form_however_it_is_laid_out() {
    let pem = KEYS[0].0;
    let key = PublicKey::from_pem(pem).unwrap();
    let der = STANDARD.decode(
        pem.lines()
            .filter(|it| !it.starts_with('-'))
            .collect::<String>(),
    );
    assert_eq!(*key.id(), Digest::of(&der.unwrap()));
    let windows = format!("\n  {}  \n", pem.replace('\n', "\r\n"));
    assert_eq!(PublicKey::from_pem(&windows).unwrap(), key);
}
