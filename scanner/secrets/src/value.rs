//! Values of settings: which may be a password or a token, by what they are made of.

use crate::plausible::{changes, entropy, is_placeholder, is_template, is_words};
use crate::site::contains;

/// Words of which the passwords in samples are made.
const SAMPLES: [&str; 13] = [
    "password", "passwd", "secret", "token", "change", "default", "pass123", "admin123",
    "p@ssw0rd", "passw0rd", "some", "none", "null",
];
/// Beginnings of values that only lead to a secret, or hold it encrypted.
const LEADS: [&str; 21] = [
    "ENC(",
    "OBF:",
    "CRYPT:",
    "ENC[",
    "{cipher}",
    "vault:",
    "!vault",
    "ref+",
    "op://",
    "arn:",
    "file:",
    "env:",
    "env.",
    "os.",
    "process.",
    "projects/",
    "secretsmanager",
    "data:",
    "base64:",
    "$ANSIBLE",
    "sha",
];

/// Whether a value may be a password that a person chose, or a program.
pub(crate) fn is_password(value: &[u8]) -> bool {
    let is_length = (6..=128).contains(&value.len());
    is_length && is_free(value) && is_mixed(value) && !is_named(value)
}

/// Whether a value is of letters and something else, so that it is no word of a language.
fn is_mixed(value: &[u8]) -> bool {
    let has = |is: fn(&u8) -> bool| value.iter().any(is);
    let is_special =
        |byte: &u8| byte.is_ascii_punctuation() && !b"._-/:,;()[]{}<>|'\"`\\*".contains(byte);
    let has_letter = has(u8::is_ascii_alphabetic);
    let is_random = value.len() >= 12 && entropy(value) > 3.2 && changes(value) > 0.4;
    has_letter && (has(u8::is_ascii_digit) || has(is_special) || is_random)
}

/// Whether a value may be a token that a program issued.
pub(crate) fn is_token(value: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.+/=:~".contains(byte);
    let is_length = (16..=512).contains(&value.len());
    let is_hex = value.iter().all(u8::is_ascii_hexdigit);
    let least = if is_hex { 2.8 } else { 3.3 };
    let has_digit = value.iter().any(u8::is_ascii_digit);
    is_length
        && value.iter().all(is_letter)
        && is_free(value)
        && entropy(value) >= least
        && (has_digit || changes(value) > 0.4)
        && (is_hex || changes(value) > 0.24)
        && !is_words(value)
        && !is_named(value)
        && value.iter().any(u8::is_ascii_alphabetic)
}

/// Whether a value stands for itself: no template, no lead to another place, no placeholder.
fn is_free(value: &[u8]) -> bool {
    let is_lead = |lead: &&str| {
        let start = value.get(..lead.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(lead.as_bytes()))
    };
    let starts_code = value
        .first()
        .is_none_or(|first| b"/.^({[<&*$%\\,;|".contains(first));
    let is_text = value.iter().all(|byte| (b'!'..=b'~').contains(byte));
    is_text
        && !starts_code
        && !is_template(value)
        && !is_placeholder(value)
        && !LEADS.iter().any(is_lead)
        && !is_path(value)
}

/// Whether a value is a path, a URL, a version, a type or a call.
fn is_path(value: &[u8]) -> bool {
    let has = |text: &[u8]| contains(value, text);
    let is_version = value
        .iter()
        .all(|byte| byte.is_ascii_digit() || b".-:/TZ+".contains(byte));
    has(b"://") || has(b"()") || has(b"::") || has(b"->") || has(b"=>") || is_version
}

/// Whether a value holds a word that samples have in its place.
fn is_named(value: &[u8]) -> bool {
    SAMPLES.iter().any(|word| contains(value, word.as_bytes()))
}

/// Whether a value is a UUID, RFC 9562.
pub(crate) fn is_uuid(value: &[u8]) -> bool {
    let is_dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    let mut bytes = value.iter().enumerate();
    value.len() == 36
        && bytes.all(|(at, byte)| {
            if is_dash(at) {
                *byte == b'-'
            } else {
                byte.is_ascii_hexdigit()
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_told_from_words() {
        for value in ["Tr0ub4dor&3", "hunter22", "x9!kLm2#", "correct-Horse7"] {
            assert!(is_password(value.as_bytes()), "{value}");
        }
        for value in [
            "required",
            "changeme1",
            "${DB_PASSWORD}",
            "my-app-name",
            "/run/secrets/db",
            "getPassword()",
            "short",
            "10.2.33.4",
            "ENC(GkX3n1)",
        ] {
            assert!(!is_password(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn tokens_are_told_from_names() {
        for value in ["9f8e7d6c5b4a39281706f5e4d3c2b1a0", "kJ3hGt9RdXw2QzPlMnB7"] {
            assert!(is_token(value.as_bytes()), "{value}");
        }
        for value in [
            "kubernetes-dashboard-token",
            "com.example.auth.TokenProvider",
            "0123456789abcdef0123",
            "2024-01-01T00:00:00Z",
            "config/default/credentials",
        ] {
            assert!(!is_token(value.as_bytes()), "{value}");
        }
    }
}
