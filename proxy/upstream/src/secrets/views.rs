//! One text, read as it stands and as its encodings mean it; what is found is a part of the text.

use std::ops::Range;

use super::book::{Book, WantedSecret};

/// How often percent-encoding is undone: a value in a URL in a parameter of another one.
const MAX_DECODINGS: usize = 2;

/// Bytes, and for each of them where in the text it begins; one more entry for the text's end.
struct View {
    bytes: Vec<u8>,
    starts: Vec<usize>,
}

/// Finds every secret of the book in a text: in order, apart from each other, on the boundaries of
/// characters.
pub(super) fn find(book: &Book, text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    each_view(book, text, |view| {
        view.search(book, WantedSecret::Any, |range| {
            found.push(widened(text, range));
            true
        });
    });
    found.sort_by_key(|range| range.start);
    let mut apart: Vec<Range<usize>> = Vec::new();
    for range in found {
        match apart.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => apart.push(range),
        }
    }
    apart
}

/// Tells whether a text holds a secret that is no common word.
pub(super) fn holds_long(book: &Book, text: &str) -> bool {
    let mut is_held = false;
    each_view(book, text, |view| {
        view.search(book, WantedSecret::Long, |_| {
            is_held = true;
            false
        });
    });
    is_held
}

fn each_view(book: &Book, text: &str, mut look: impl FnMut(&View)) {
    if book.is_empty() {
        return;
    }
    let mut view = View::of(text);
    look(&view);
    if text.contains('\\') {
        look(&view.decoded(json_escape));
    }
    for _ in 0..MAX_DECODINGS {
        if !view.bytes.contains(&b'%') {
            return;
        }
        view = view.decoded(percent_escape);
        look(&view);
    }
}

impl View {
    fn of(text: &str) -> Self {
        Self {
            bytes: text.bytes().map(|byte| byte.to_ascii_lowercase()).collect(),
            starts: (0..=text.len()).collect(),
        }
    }

    /// Undoes an encoding: `escape` gives the byte that the bytes begin with, and how many it took.
    fn decoded(&self, escape: fn(&[u8]) -> Option<(u8, usize)>) -> Self {
        let (mut bytes, mut starts) = (Vec::new(), Vec::new());
        let mut at = 0;
        while let Some(rest) = self.bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let literal = rest.first().copied().unwrap_or_default();
            let (byte, taken) = escape(rest).unwrap_or((literal, 1));
            bytes.push(byte.to_ascii_lowercase());
            starts.extend(self.starts.get(at));
            at += taken;
        }
        starts.extend(self.starts.last());
        Self { bytes, starts }
    }

    /// Calls `found` with the part of the text of each secret, until it says no.
    fn search(
        &self,
        book: &Book,
        wanted: WantedSecret,
        mut found: impl FnMut(Range<usize>) -> bool,
    ) {
        let mut at = 0;
        while let Some(rest) = self.bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let Some(len) = book.longest_at(rest, wanted) else {
                at += 1;
                continue;
            };
            // What is remembered may be only a secret's beginning.
            let after = rest.iter().skip(len);
            let end = at + len + after.take_while(|byte| is_of_token(**byte)).count();
            if let (Some(start), Some(end)) = (self.starts.get(at), self.starts.get(end))
                && !found(*start..*end)
            {
                return;
            }
            at = end;
        }
    }
}

/// Gives the whole characters around a range.
fn widened(text: &str, range: Range<usize>) -> Range<usize> {
    text.floor_char_boundary(range.start)..text.ceil_char_boundary(range.end)
}

/// Tells whether a byte may be one of a token or of base64.
fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=-_.~".contains(&byte)
}

fn percent_escape(bytes: &[u8]) -> Option<(u8, usize)> {
    let [b'%', high, low, ..] = bytes else {
        return None;
    };
    Some((hex(*high)? << 4 | hex(*low)?, 3))
}

fn json_escape(bytes: &[u8]) -> Option<(u8, usize)> {
    match bytes {
        [b'\\', b'u', b'0', b'0', high, low, ..] => Some((hex(*high)? << 4 | hex(*low)?, 6)),
        [b'\\', plain @ (b'"' | b'\\' | b'/' | b'\''), ..] => Some((*plain, 2)),
        [b'\\', b'n', ..] => Some((b'\n', 2)),
        [b'\\', b't', ..] => Some((b'\t', 2)),
        _ => None,
    }
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}
