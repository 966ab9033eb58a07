//! A keyword in a text, and what stands around it, within fixed bounds.

use crate::file_kind::{FileKind, Form};

/// Bytes before a keyword that a rule may look at.
pub(crate) const BEFORE: usize = 1024;
/// Bytes from the start of a keyword on that a rule may look at: the longest private key.
pub(crate) const AFTER: usize = 16 * 1024;
/// Bytes in which a word has to stand that says whose value it is.
const NEAR: usize = 256;

/// One keyword where it stands. All positions are in `text`.
pub(crate) struct Site<'a> {
    /// From `BEFORE` before the keyword to `AFTER` after its start, or to the ends of the text.
    pub(crate) text: &'a [u8],
    /// Where the keyword begins.
    pub(crate) at: usize,
    /// Where it ends.
    pub(crate) end: usize,
    pub(crate) file: FileKind,
}

impl<'a> Site<'a> {
    pub(crate) fn byte(&self, at: usize) -> Option<u8> {
        self.text.get(at).copied()
    }

    pub(crate) fn slice(&self, from: usize, to: usize) -> &'a [u8] {
        self.text.get(from..to).unwrap_or_default()
    }

    /// Gives the end of the run of bytes that fit, from `from` on, no longer than `max`.
    pub(crate) fn run(&self, from: usize, max: usize, fits: impl Fn(u8) -> bool) -> usize {
        let run = self.text.iter().skip(from).take(max);
        from + run.take_while(|byte| fits(**byte)).count()
    }

    /// Gives the start of the run of bytes that fit and end at `to`, no longer than `max`.
    pub(crate) fn run_back(&self, to: usize, max: usize, fits: impl Fn(u8) -> bool) -> usize {
        let before = self.slice(0, to).iter().rev().take(max);
        to - before.take_while(|byte| fits(**byte)).count()
    }

    /// Whether no word runs into what begins at `at`.
    ///
    /// Escapes end a word: `\n` in a quoted text, `%3D` in a URL.
    pub(crate) fn begins_word(&self, at: usize) -> bool {
        let back = |by: usize| at.checked_sub(by).and_then(|at| self.byte(at));
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let is_hex = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
        match back(1) {
            None => true,
            Some(byte) if !is_word(byte) => true,
            Some(b'n' | b'r' | b't') if back(2) == Some(b'\\') => true,
            last => back(3) == Some(b'%') && is_hex(back(2)) && is_hex(last),
        }
    }

    /// Whether a token may begin at `at`: no word and no dash runs into it, but for that of
    /// `${NAME:-value}`. So no text is read twice, however often its keywords stand in a row.
    pub(crate) fn begins_token(&self, at: usize) -> bool {
        let back = |by: usize| at.checked_sub(by).and_then(|at| self.byte(at));
        let is_dashed = back(1) == Some(b'-') && back(2) != Some(b':');
        self.begins_word(at) && !is_dashed
    }

    /// Whether one of the words, in lower case, stands near the keyword.
    pub(crate) fn is_near(&self, words: &[&str]) -> bool {
        let near = self.slice(
            self.at.saturating_sub(NEAR),
            (self.end + NEAR).min(self.text.len()),
        );
        words.iter().any(|word| contains(near, word.as_bytes()))
    }
}

/// Whether the keyword stands in a comment of source code, or in a session that one shows.
///
/// Comments of settings are read: what was commented out is still there.
pub(crate) fn is_comment(site: &Site<'_>) -> bool {
    const MARKS: [&[u8]; 7] = [b"#", b"//", b"*", b"/*", b"--", b">>>", b"..."];
    if site.file.form != Form::Source {
        return false;
    }
    let before = site.slice(0, site.at);
    let start = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
    let line = before.get(start..).unwrap_or_default().trim_ascii_start();
    MARKS.iter().any(|mark| line.starts_with(mark))
}

/// Whether a text holds a word that is given in lower case, in any case.
pub(crate) fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len())
        .any(|window| window.eq_ignore_ascii_case(word))
}
