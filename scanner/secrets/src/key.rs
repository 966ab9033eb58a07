//! Names of settings: which of them are those of a password or a token.

/// What a name says of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// A person chose it, or may have.
    Password,
    /// A program issued it.
    Token,
}

const PASSWORDS: [&str; 8] = [
    "password",
    "passwd",
    "passphrase",
    "passwort",
    "pwd",
    "pass",
    "passcode",
    "psw",
];
const TOKENS: [&str; 13] = [
    "secret",
    "token",
    "apikey",
    "secretkey",
    "accesskey",
    "privatekey",
    "authkey",
    "credential",
    "authtoken",
    "accesstoken",
    "clientsecret",
    "pat",
    "jwt",
];
/// Words that make a `key` one of a secret.
const OF_KEYS: [&str; 9] = [
    "api",
    "secret",
    "access",
    "private",
    "auth",
    "encryption",
    "signing",
    "master",
    "account",
];
/// Words after the secret one that still name the secret itself.
const AFTER: [&str; 13] = [
    "key",
    "value",
    "base",
    "string",
    "text",
    "plain",
    "plaintext",
    "prod",
    "production",
    "live",
    "dev",
    "staging",
    "default",
];
/// Words that make a name one of something else, wherever they stand.
const NEVER: [&str; 31] = [
    "public",
    "pub",
    "max",
    "min",
    "num",
    "csrf",
    "xsrf",
    "next",
    "page",
    "sync",
    "continuation",
    "pagination",
    "cancel",
    "cancellation",
    "bos",
    "eos",
    "pad",
    "unk",
    "mask",
    "placeholder",
    "example",
    "sample",
    "hash",
    "hashed",
    "sha",
    "sha256",
    "digest",
    "checksum",
    "fingerprint",
    "encrypted",
    "sealed",
];

/// Tells by a name what its value is; nothing where it is no secret.
pub(crate) fn named(key: &[u8]) -> Option<Named> {
    let words = words(key);
    let is_never = words.iter().any(|word| NEVER.contains(&word.as_str()));
    let kinds: Vec<_> = (0..words.len())
        .filter_map(|at| Some((at, kind(&words, at)?)))
        .collect();
    let (at, named) = *kinds.last()?;
    let mut after = words.iter().skip(at + 1);
    let is_itself = after.all(|word| {
        AFTER.contains(&word.as_str()) || word.bytes().all(|byte| byte.is_ascii_digit())
    });
    (!is_never && is_itself).then_some(named)
}

fn kind(words: &[String], at: usize) -> Option<Named> {
    let word = words.get(at)?.as_str();
    let before = at.checked_sub(1).and_then(|at| words.get(at));
    let is_end = |known: &[&str]| {
        let ends = |end: &&str| word == *end || (end.len() > 4 && word.ends_with(*end));
        known.iter().any(ends)
    };
    let is_key = word == "key" && before.is_some_and(|word| OF_KEYS.contains(&word.as_str()));
    let is_token = is_end(&TOKENS) && (word != "pat" || before.is_some());
    if is_end(&PASSWORDS) {
        Some(Named::Password)
    } else {
        (is_token || is_key).then_some(Named::Token)
    }
}

/// Takes a name apart: `dbPassword`, `DB_PASSWORD`, `db.password` are all two words.
fn words(key: &[u8]) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut last = b' ';
    for (at, byte) in key.iter().enumerate() {
        let is_next_small = key.get(at + 1).is_some_and(u8::is_ascii_lowercase);
        let begins = byte.is_ascii_uppercase()
            && (!last.is_ascii_uppercase() || is_next_small)
            && last.is_ascii_alphanumeric();
        if begins || !byte.is_ascii_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| byte.is_ascii_alphanumeric()) {
            word.push(char::from(byte.to_ascii_lowercase()));
        }
        last = *byte;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_told_from_names_about_them() {
        for (key, wanted) in [
            ("DB_PASSWORD", Some(Named::Password)),
            ("dbPassword", Some(Named::Password)),
            ("spring.datasource.password", Some(Named::Password)),
            ("PGPASSWORD", Some(Named::Password)),
            ("API_KEY", Some(Named::Token)),
            ("clientSecret", Some(Named::Token)),
            ("SECRET_KEY_BASE", Some(Named::Token)),
            ("GITHUB_TOKEN", Some(Named::Token)),
            ("//registry.npmjs.org/:_authToken", Some(Named::Token)),
            ("password_file", None),
            ("secretName", None),
            ("secretKeyRef", None),
            ("max_tokens", None),
            ("tokens", None),
            ("tokenizer", None),
            ("token_url", None),
            ("public_key", None),
            ("GPG_KEY", None),
            ("password_hash", None),
            ("compass", None),
            ("bypass", None),
        ] {
            assert_eq!(named(key.as_bytes()), wanted, "{key}");
        }
    }
}
