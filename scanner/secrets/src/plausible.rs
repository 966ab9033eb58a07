//! Whether a value may be one at all: no placeholder, no example of a manual, no words.

use crate::site::contains;

/// Words that stand in values that are no secrets.
const PLACEHOLDERS: [&str; 36] = [
    "example",
    "sample",
    "changeme",
    "change_me",
    "change-me",
    "changeit",
    "placeholder",
    "dummy",
    "your_",
    "your-",
    "yourpass",
    "yourtoken",
    "yoursecret",
    "yourkey",
    "my_secret",
    "my-secret",
    "mysecret",
    "mypassword",
    "my_password",
    "my-password",
    "mytoken",
    "redacted",
    "insert",
    "replace",
    "notreal",
    "not-a-real",
    "deadbeef",
    "foobar",
    "xxxx",
    "****",
    "....",
    "____",
    "todo",
    "fake",
    "test",
    "undefined",
];
/// Values that issuers print in their manuals or build into their emulators.
const KNOWN: [&str; 8] = [
    // Stripe, "Authentication"; the key of all its samples.
    "4eC39HqLyjWDarjtT1zdp7dc",
    "BQokikJOvBiI2HlWgH4olfQ2",
    // Azure, "Use the Azurite emulator"; "Develop locally using the Azure Cosmos DB emulator".
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq",
    "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5",
    // Slack, "Incoming webhooks"; GitHub's samples of both.
    "T00000000/B00000000",
    "16C7e42F292c6912E7710c838347Ae178B4a",
    // AWS, "Managing access keys".
    "wJalrXUtnFEMI",
    // Google, "API keys".
    "AIzaSyDaGmWKa4JsXZ",
];
/// Signs that a value is filled in later, or that it is code.
const TEMPLATES: [&str; 12] = [
    "${", "$(", "{{", "}}", "<%", "%(", "#{", "@@", "\\(", "<<", "\"+", "'+",
];

/// Whether a value is one that stands for another.
pub(crate) fn is_placeholder(value: &[u8]) -> bool {
    PLACEHOLDERS
        .iter()
        .any(|word| contains(value, word.as_bytes()))
        || is_known(value)
        || longest_sequence(value) >= 8
        || longest_repeat(value) >= 6
}

/// Whether a value is one that its issuer has published.
pub(crate) fn is_known(value: &[u8]) -> bool {
    KNOWN.iter().any(|known| {
        let known = known.as_bytes();
        value.windows(known.len()).any(|window| window == known)
    })
}

/// Whether a value is filled in later: `${X}`, `{{ x }}`, `<x>`.
pub(crate) fn is_template(value: &[u8]) -> bool {
    let is_in = |sign: &&str| {
        let sign = sign.as_bytes();
        value.windows(sign.len()).any(|window| window == sign)
    };
    TEMPLATES.iter().any(is_in)
        || (value.starts_with(b"$")
            && value
                .iter()
                .skip(1)
                .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_'))
        || (value.starts_with(b"<") && value.ends_with(b">"))
        || (value.starts_with(b"%") && value.ends_with(b"%"))
        || (value.starts_with(b"[") && value.ends_with(b"]"))
        || (value.starts_with(b"__") && value.ends_with(b"__"))
        || (value.starts_with(b"@") && value.ends_with(b"@"))
}

/// Gives the entropy of a value's bytes, in bits for each. Source: Shannon, by their frequencies.
pub(crate) fn entropy(value: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in value {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let all = value.len() as f64;
    let shares = counts.iter().filter(|count| **count > 0);
    shares
        .map(|count| f64::from(*count) / all)
        .map(|share| -share * share.log2())
        .sum()
}

/// Gives how often neighbours are of different classes (lower, upper, digit, other), as a share.
///
/// Of random letters and digits it is about a half; of words, a fifth.
pub(crate) fn changes(value: &[u8]) -> f64 {
    let class = |byte: u8| match byte {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    };
    let pairs = value.iter().zip(value.iter().skip(1));
    let changes = pairs.filter(|(left, right)| class(**left) != class(**right));
    changes.count() as f64 / value.len().max(2) as f64
}

/// Whether a value is made of words and numbers: `kube-system/my-token`, `getAccessToken2`.
pub(crate) fn is_words(value: &[u8]) -> bool {
    let is_break = |byte: &u8| !byte.is_ascii_alphanumeric();
    let mut pieces = value.split(is_break).filter(|piece| !piece.is_empty());
    pieces.all(is_word)
}

/// Whether a piece is a word, some words written as one, or a number of a version.
fn is_word(piece: &[u8]) -> bool {
    let digits = piece.iter().filter(|byte| byte.is_ascii_digit()).count();
    if digits == piece.len() {
        return digits <= 5;
    }
    let last = piece.iter().rposition(|byte| !byte.is_ascii_digit());
    let letters = piece.get(..=last.unwrap_or_default()).unwrap_or_default();
    if !letters.iter().all(u8::is_ascii_alphabetic) || piece.len() - letters.len() > 2 {
        return false;
    }
    let is_upper = letters.iter().all(u8::is_ascii_uppercase);
    is_upper && letters.len() < 16 || capitals(letters) < 0.2 && has_vowels(letters)
}

/// Gives how often a capital follows a small letter, as a share: where words are written as one, at
/// most every fifth; of random letters, every fourth.
fn capitals(letters: &[u8]) -> f64 {
    let pairs = letters.iter().zip(letters.iter().skip(1));
    let begins =
        pairs.filter(|(left, right)| left.is_ascii_lowercase() && right.is_ascii_uppercase());
    begins.count() as f64 / letters.len() as f64
}

/// Whether vowels are as frequent as in words.
fn has_vowels(letters: &[u8]) -> bool {
    let is_vowel = |byte: &&u8| b"aeiouyAEIOUY".contains(byte);
    let vowels = letters.iter().filter(is_vowel).count();
    letters.len() < 4 || vowels * 5 >= letters.len()
}

/// Gives the length of the longest run of bytes that each follow the one before: `abcdef`.
fn longest_sequence(value: &[u8]) -> usize {
    longest(value, |left, right| left.checked_add(1) == Some(right))
}

fn longest_repeat(value: &[u8]) -> usize {
    longest(value, |left, right| left == right)
}

fn longest(value: &[u8], is_next: impl Fn(u8, u8) -> bool) -> usize {
    let (mut longest, mut run) = (1, 1);
    for (left, right) in value.iter().zip(value.iter().skip(1)) {
        run = if is_next(*left, *right) { run + 1 } else { 1 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_a_value_is_none() {
        for value in [
            "AKIAIOSFODNN7EXAMPLE",
            "changeme",
            "xxxxxxxxxxxx",
            "abcdefghijkl",
            "00000000000000",
            "your_token_here",
        ] {
            assert!(is_placeholder(value.as_bytes()), "{value}");
        }
        assert!(!is_placeholder(b"q8Zr2LmVx0TnB7cY"));
        for value in [
            "${TOKEN}",
            "$TOKEN",
            "{{ .Values.x }}",
            "<token>",
            "%TOKEN%",
        ] {
            assert!(is_template(value.as_bytes()), "{value}");
        }
        assert!(!is_template(b"pa$$w0rd"));
    }

    #[test]
    fn words_are_told_from_what_is_random() {
        for value in [
            "kube-system/my-token",
            "getAccessToken2",
            "com.acme.Secret",
            "v1.2.3",
        ] {
            assert!(is_words(value.as_bytes()), "{value}");
        }
        for value in ["q8Zr2LmVx0TnB7cY", "f3a9c07be1", "kJhGtRdXwQzPlMnB"] {
            assert!(!is_words(value.as_bytes()), "{value}");
        }
    }
}
