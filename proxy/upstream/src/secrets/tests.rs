//! A secret is gone from a text however it is written, and nothing else is.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;

/// Each test has a secret of its own: the book is the process's.
fn assert_gone(secret: &str, text: &str) {
    let scrubbed = scrub(text);
    assert!(scrubbed.contains(MARK), "{text:?} became {scrubbed:?}");
    assert!(!scrubbed.contains(secret), "{text:?} became {scrubbed:?}");
}

fn percent_encoded(text: &str, every: bool) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'0'..=b'9' if !every => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}

#[test]
fn a_password_is_gone_in_every_form() {
    let (user, password) = ("robot", "s/cret+horse-9?x");
    learn_login(user, password);
    let pair = format!("{user}:{password}");
    for form in [
        password.to_owned(),
        password.to_uppercase(),
        STANDARD.encode(&pair),
        STANDARD.encode(password),
        URL_SAFE.encode(&pair),
        URL_SAFE_NO_PAD.encode(password),
        STANDARD.encode(format!("x{pair}")),
        STANDARD.encode(format!("{{\"auth\":\"{pair}\"}}")),
        percent_encoded(password, false),
        percent_encoded(password, true),
        percent_encoded(&percent_encoded(password, false), false),
        percent_encoded(&STANDARD.encode(&pair), true),
        password.replace('/', "\\/"),
        password.replace('/', "\\u002f"),
    ] {
        assert_gone(&form, &form);
        assert_gone(&form, &format!("bad Authorization: {form}, sorry"));
        assert_gone(&form, &format!("<b>ü{form}</b>"));
    }
}

#[test]
fn what_follows_the_remembered_beginning_of_a_token_goes_too() {
    let token = format!("eyJhbGciOi.{}", "Zm9vYmFy".repeat(200));
    learn_passing(&token);
    let text = format!("token {token} is bad");
    assert_eq!(scrub(&text), "token *** is bad");
    let cut = format!("token {}", &token[..100]);
    assert_eq!(scrub(&cut), "token ***");
}

#[test]
fn the_lines_of_a_key_are_gone_from_one_line() {
    learn("{\n  \"private_key\": \"MIIEvAIBADANBgkqhki\",\n  \"id\": 1\n}");
    let one_line = r#"{ "private_key": "MIIEvAIBADANBgkqhki", "id": 1 }"#;
    assert!(!scrub(one_line).contains("MIIEvAIBADAN"));
}

#[test]
fn a_short_password_shreds_no_text_but_its_pair_is_gone() {
    learn_login("somebody", "a");
    let text = "a plain answer about a manifest";
    assert!(matches!(scrub(text), Cow::Borrowed(same) if same == text));
    assert_gone("c29tZWJvZHk6", "Basic c29tZWJvZHk6YQ==");
}

#[test]
fn common_words_are_names_and_no_betrayal() {
    learn("bookworm");
    learn("canary-of-some-length-81");
    assert!(!betrays("bookworm"));
    assert!(betrays("v-canary-of-some-length-81"));
    assert!(betrays(&STANDARD.encode("canary-of-some-length-81")));
    assert!(!betrays("canary"));
}

#[test]
fn a_passing_secret_is_forgotten_after_thousands_of_newer_ones() {
    let mut book = book::Book::default();
    let needle = |number: usize| vec![format!("token-number-{number:05}").into_bytes()];
    for number in 0..=10_000 {
        book.keep_for_now(needle(number));
    }
    let held = |number| views::holds_long(&book, &format!("token-number-{number:05}"));
    assert!(!held(0));
    assert!(held(1));
    assert!(held(10_000));
}

proptest! {
    #[test]
    fn no_text_panics_and_none_keeps_the_secret(before in ".{0,40}", after in ".{0,40}") {
        let secret = "prop-secret-canary-5521";
        learn(secret);
        let text = format!("{before}{secret}{after}");
        let scrubbed = scrub(&text);
        prop_assert!(!scrubbed.to_lowercase().contains(secret));
    }
}
