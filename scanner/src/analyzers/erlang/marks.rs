//! The marks of an Erlang term: brackets, commas, atoms and strings.
//!
//! Numbers, binaries' and maps' signs are told apart only as far as it takes to skip them.
//!
//! Source: Erlang/OTP, Reference Manual, "Data Types" and "Character Set".

/// One mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AppMark {
    /// `{` or `[`.
    Open,
    /// `}` or `]`.
    Close,
    /// `,`.
    Comma,
    /// An atom, with or without quotes.
    Atom(String),
    /// A string.
    Text(String),
    /// Anything else.
    Other,
    /// Quotes without an end; nothing follows.
    Unreadable,
}

/// Reads a term mark by mark; blanks and comments are left out.
pub(super) struct Marks<'a> {
    rest: &'a [u8],
}

impl<'a> Marks<'a> {
    pub(super) fn new(content: &'a [u8]) -> Self {
        Self { rest: content }
    }

    fn skip_blanks(&mut self) {
        loop {
            self.rest = self.rest.trim_ascii_start();
            if !self.rest.starts_with(b"%") {
                return;
            }
            let end = self.rest.iter().position(|byte| *byte == b'\n');
            self.advance(end.unwrap_or(self.rest.len()));
        }
    }

    fn advance(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    /// Takes what stands between quotes, its escapes as they are but for the quote's own.
    fn quoted(&mut self, quote: u8) -> Option<String> {
        let mut text = Vec::new();
        let mut bytes = self.rest.iter().enumerate().skip(1);
        while let Some((at, byte)) = bytes.next() {
            match *byte {
                b'\\' => text.push(*bytes.next()?.1),
                byte if byte == quote => {
                    self.advance(at + 1);
                    return Some(String::from_utf8_lossy(&text).into_owned());
                }
                byte => text.push(byte),
            }
        }
        self.rest = &[];
        None
    }

    fn word(&mut self) -> String {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'@');
        let end = self.rest.iter().position(|byte| !is_part(byte));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        String::from_utf8_lossy(word).into_owned()
    }
}

impl Iterator for Marks<'_> {
    type Item = AppMark;

    fn next(&mut self) -> Option<AppMark> {
        self.skip_blanks();
        let first = *self.rest.first()?;
        if first.is_ascii_lowercase() {
            return Some(AppMark::Atom(self.word()));
        }
        if matches!(first, b'"' | b'\'') {
            let text = self.quoted(first);
            return Some(match text {
                Some(text) if first == b'"' => AppMark::Text(text),
                Some(atom) => AppMark::Atom(atom),
                None => AppMark::Unreadable,
            });
        }
        if first.is_ascii_alphanumeric() {
            self.word();
            return Some(AppMark::Other);
        }
        self.advance(match self.rest {
            // `$"` is a character, not the start of a string; `$\"` is the same one.
            [b'$', b'\\', ..] => 3,
            [b'$', ..] => 2,
            _ => 1,
        });
        Some(match first {
            b'{' | b'[' => AppMark::Open,
            b'}' | b']' => AppMark::Close,
            b',' => AppMark::Comma,
            _ => AppMark::Other,
        })
    }
}
