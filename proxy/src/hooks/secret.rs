//! What proves that a notification comes from a registry that was told the secret: the secret
//! itself, or a code of the body under it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName};
use ring::hmac;
use sluicegate_config::{Secret, SecretFile, read_hook_secret};
use sluicegate_upstream::secrets;

/// What stands before a code. Source: GitHub, "Validating webhook deliveries".
const CODE: &str = "sha256=";
/// What may stand before the secret itself. Source: RFC 6750, section 2.1.
const SCHEME: &str = "bearer ";

/// The secret, as its file says now.
pub(super) struct HookSecret {
    path: PathBuf,
    last: Arc<Mutex<Secret>>,
}

impl HookSecret {
    pub(super) fn new(file: &SecretFile) -> Self {
        secrets::learn(file.secret.expose());
        Self {
            path: file.path.clone(),
            last: Arc::new(Mutex::new(file.secret.clone())),
        }
    }

    /// Reads the file; where that gives none, the last one stays in use.
    pub(super) async fn current(&self) -> Secret {
        let (path, last) = (self.path.clone(), Arc::clone(&self.last));
        let read = tokio::task::spawn_blocking(move || {
            let read = read_hook_secret(&path);
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            match read {
                Ok(secret) if secret != *last => {
                    secrets::learn(secret.expose());
                    *last = secret;
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "secret of hooks not read; the last one stays");
                }
            }
        });
        if let Err(error) = read.await {
            tracing::error!(%error, "secret of hooks not read; the last one stays");
        }
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }
}

/// How a registry proves that it knows the secret.
#[derive(Clone, Copy, Debug)]
pub enum Proof {
    /// It says it, in `Authorization`, with `Bearer` before it or alone.
    Said,
    /// It sends the HMAC-SHA-256 of the body under it, in this header.
    Signed(&'static str),
    /// It does either: where there is a code, that has to be right.
    SaidOrSigned(&'static str),
}

impl Proof {
    /// Tells whether headers and body prove the secret; comparing takes as long wherever they differ.
    pub(super) fn is_given(self, secret: &Secret, headers: &HeaderMap, body: &[u8]) -> bool {
        match self {
            Self::Signed(name) => is_signed(secret, headers, name, body),
            Self::SaidOrSigned(name) if headers.contains_key(name) => {
                is_signed(secret, headers, name, body)
            }
            Self::Said | Self::SaidOrSigned(_) => is_said(secret, headers),
        }
    }

    /// Says what is asked for, in words.
    pub fn wanted(self) -> String {
        let said = "Authorization with the secret, with or without Bearer before it";
        let signed = |name: &str| {
            format!("{name} with {CODE} and the HMAC-SHA-256 of the body under the secret")
        };
        match self {
            Self::Said => said.to_owned(),
            Self::Signed(name) => signed(name),
            Self::SaidOrSigned(name) => format!("{}, or {said}", signed(name)),
        }
    }
}

fn is_said(secret: &Secret, headers: &HeaderMap) -> bool {
    let Some(said) = only(headers, &AUTHORIZATION) else {
        return false;
    };
    let scheme = said.get(..SCHEME.len());
    let after = scheme
        .filter(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
        .and_then(|scheme| said.get(scheme.len()..));
    let is_bare = Secret::new(said) == *secret;
    let is_behind = Secret::new(after.unwrap_or_default().trim()) == *secret;
    is_bare || is_behind
}

fn is_signed(secret: &Secret, headers: &HeaderMap, name: &'static str, body: &[u8]) -> bool {
    let sent = only(headers, &HeaderName::from_static(name));
    let code = sent.and_then(|sent| sent.strip_prefix(CODE));
    let Some(code) = code.and_then(|code| hex::decode(code).ok()) else {
        return false;
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    hmac::verify(&key, body, &code).is_ok()
}

/// Gives a header that was sent once; of two, none is meant.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut sent = headers.get_all(name).iter();
    let first = sent.next()?;
    first.to_str().ok().filter(|_| sent.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    /// Computed by OpenSSL's `dgst -sha256 -hmac`, of the two above.
    const RIGHT: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    const HEADER: &str = "x-hub-signature-256";

    fn given(proof: Proof, sent: &[(&'static str, &str)], body: &[u8]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(*name, value.parse().unwrap());
        }
        proof.is_given(&Secret::new(SECRET), &headers, body)
    }

    #[test]
    fn the_secret_is_said_alone_or_behind_bearer_and_once() {
        let said = |values: &[&str]| {
            let sent = values.iter().map(|value| ("authorization", *value));
            given(Proof::Said, &sent.collect::<Vec<_>>(), BODY)
        };
        let bearer = format!("Bearer {SECRET}");
        for right in [SECRET, &bearer, &bearer.replace("Bearer", "bEARER")] {
            assert!(said(&[right]), "{right}");
        }
        let longer = format!("{SECRET}!");
        let shorter = SECRET.get(1..).unwrap();
        let basic = format!("Basic {SECRET}");
        for wrong in ["", "Bearer", "Bearer ", &longer, shorter, &basic, "Bearerx"] {
            assert!(!said(&[wrong]), "{wrong}");
        }
        assert!(!said(&[]) && !said(&[SECRET, SECRET]));
    }

    #[test]
    fn a_code_is_of_this_body_under_this_secret() {
        let signed =
            |value: &str, body: &[u8]| given(Proof::Signed(HEADER), &[(HEADER, value)], body);
        let right = format!("sha256={RIGHT}");
        assert!(signed(&right, BODY));
        assert!(signed(&format!("sha256={}", RIGHT.to_uppercase()), BODY));
        assert!(!signed(&right, b"Hello, World?"));
        let cut = right.get(..right.len() - 2).unwrap();
        for wrong in [
            "",
            "sha256=",
            RIGHT,
            cut,
            &format!("sha1={RIGHT}"),
            "sha256=zz",
        ] {
            assert!(!signed(wrong, BODY), "{wrong}");
        }
        assert!(!given(
            Proof::Signed(HEADER),
            &[("authorization", SECRET)],
            BODY
        ));
        let twice = [(HEADER, right.as_str()), (HEADER, right.as_str())];
        assert!(!given(Proof::Signed(HEADER), &twice, BODY));
    }

    #[test]
    fn a_wrong_code_is_not_made_good_by_anything_beside_it() {
        let either = Proof::SaidOrSigned(HEADER);
        let right = format!("sha256={RIGHT}");
        assert!(given(either, &[("authorization", SECRET)], BODY));
        assert!(given(either, &[(HEADER, &right)], BODY));
        let both = [(HEADER, "sha256=00"), ("authorization", SECRET)];
        assert!(!given(either, &both, BODY));
        assert!(!given(either, &[], BODY));
    }

    #[tokio::test]
    async fn the_file_is_read_again_and_what_gives_no_secret_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hook");
        let secret = HookSecret::new(&SecretFile {
            path: path.clone(),
            secret: Secret::new("the one of the start"),
        });
        assert_eq!(secret.current().await.expose(), "the one of the start");
        for (text, wanted) in [
            ("the second that is good\n", "the second that is good"),
            ("short", "the second that is good"),
            ("", "the second that is good"),
            ("the third that is good", "the third that is good"),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(secret.current().await.expose(), wanted);
        }
    }
}
