//! Every secret in hand, and texts without them.
//!
//! Upstreams echo what they were sent: a header in an error message, a password in a redirect.
//! Whoever comes to hold a secret has it learned here; whatever an upstream said passes `scrub`
//! before it becomes an error, and once more where answers and log lines leave the program. One
//! book serves the whole process, because the log does.
//!
//! A secret is recognised in clear, percent-encoded, escaped as JSON does, and in base64 of either
//! alphabet at any alignment, whatever the case of its letters. One of fewer than
//! [`SHORTEST_BYTES`] is not: a password `a` would leave nothing of any text.

mod book;
mod encodings;
mod views;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::{LazyLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use book::Book;

/// Shortest secret that is recognised in clear, in bytes.
pub const SHORTEST_BYTES: usize = book::HEAD_BYTES;

/// What stands where a secret was.
const MARK: &str = "***";

static BOOK: LazyLock<RwLock<Book>> = LazyLock::new(RwLock::default);

/// Remembers a secret for as long as the program runs.
pub fn learn(secret: &str) {
    write().keep(encodings::needles(secret));
}

/// Remembers a user's password, and the pair as `Basic` encodes it.
pub fn learn_login(username: &str, password: &str) {
    let mut needles = encodings::needles(password);
    // The pair's base64 is long enough to be recognised where the password alone is not.
    needles.extend(encodings::base64_of(
        format!("{username}:{password}").as_bytes(),
    ));
    write().keep(needles);
}

/// Remembers a secret of short life, such as a token, until thousands of newer ones are known.
pub fn learn_passing(secret: &str) {
    write().keep_for_now(encodings::short_needles(secret));
}

/// Gives the text with `***` in the place of every secret in hand.
pub fn scrub(text: &str) -> Cow<'_, str> {
    let found = views::find(&read(), text);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut from = 0;
    for range in found {
        clean.push_str(text.get(from..range.start).unwrap_or_default());
        clean.push_str(MARK);
        from = range.end;
    }
    clean.push_str(text.get(from..).unwrap_or_default());
    Cow::Owned(clean)
}

/// Tells whether a name holds a secret that is too long to be a common word.
///
/// For names that are left out whole: `latest` may be somebody's password, and is a tag.
pub fn betrays(name: &str) -> bool {
    views::holds_long(&read(), name)
}

fn read() -> RwLockReadGuard<'static, Book> {
    BOOK.read().unwrap_or_else(PoisonError::into_inner)
}

fn write() -> RwLockWriteGuard<'static, Book> {
    BOOK.write().unwrap_or_else(PoisonError::into_inner)
}
