//! Names in archives as paths in the image.
//!
//! A path has no leading slash, no `.` or empty component and no `..`; the root is the empty path.
//! Names are bytes. Inside, a byte that is no UTF-8 stands as a mark and its two digits, and so does
//! the mark itself, so that two names never become one path and every path is a text. For people a
//! path has `\xff` for such a byte and `\\` for `\`, so that they are told apart there as well.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Stands before the digits of a byte that is no text: a character that no text has.
const MARK: char = '\u{10FFFF}';

/// A name with no place in the image: it climbs out of the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Escapes;

/// Cleans a name into `into`, which is overwritten.
pub(crate) fn clean(name: &[u8], into: &mut String) -> Result<(), Escapes> {
    into.clear();
    let text = text(name);
    for component in text.split('/') {
        match component {
            "" | "." => {}
            ".." => {
                if into.is_empty() {
                    return Err(Escapes);
                }
                into.truncate(into.rfind('/').unwrap_or(0));
            }
            _ => {
                if !into.is_empty() {
                    into.push('/');
                }
                into.push_str(component);
            }
        }
    }
    Ok(())
}

/// Gives a name as the text that stands for it inside.
pub(crate) fn text(name: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(name) {
        Ok(text) if !text.contains(MARK) => Cow::Borrowed(text),
        _ => Cow::Owned(marked(name)),
    }
}

fn marked(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len() + 16);
    for chunk in name.utf8_chunks() {
        for letter in chunk.valid().chars() {
            if letter == MARK {
                mark(letter.encode_utf8(&mut [0; 4]).as_bytes(), &mut text);
            } else {
                text.push(letter);
            }
        }
        mark(chunk.invalid(), &mut text);
    }
    text
}

fn mark(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        text.push(MARK);
        // A string takes whatever is written to it.
        let _ = write!(text, "{byte:02x}");
    }
}

/// Gives a path as people read it.
pub(crate) fn shown(path: &str) -> Cow<'_, str> {
    if path.contains(['\\', MARK]) {
        Cow::Owned(path.replace('\\', "\\\\").replace(MARK, "\\x"))
    } else {
        Cow::Borrowed(path)
    }
}

/// Gives a sentence with paths in it as people read it.
pub(crate) fn sentence(words: String) -> String {
    if words.contains(MARK) {
        words.replace(MARK, "\\x")
    } else {
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleans_names_against_the_root() {
        let table = [
            ("./", Ok("")),
            ("./etc//passwd", Ok("etc/passwd")),
            ("/etc/./passwd/", Ok("etc/passwd")),
            ("a/../etc/x", Ok("etc/x")),
            ("../x", Err(Escapes)),
            ("a/../../x", Err(Escapes)),
            ("..x/y", Ok("..x/y")),
        ];
        for (name, wanted) in table {
            let mut path = "stale".to_owned();
            let got = clean(name.as_bytes(), &mut path);
            assert_eq!(got.map(|()| path.as_str()), wanted, "{name}");
        }
    }

    #[test]
    fn keeps_names_apart_that_are_no_text() {
        let names: [&[u8]; 6] = [
            b"a/\xff",
            b"a/\xfe",
            b"a/\\xff",
            b"a/\\\\xff",
            "a/\u{10FFFF}ff".as_bytes(),
            "a/\u{10FFFE}ff".as_bytes(),
        ];
        let paths = names.map(|name| {
            let mut path = String::new();
            assert_eq!(clean(name, &mut path), Ok(()));
            path
        });
        let inside: std::collections::BTreeSet<_> = paths.iter().collect();
        let outside: std::collections::BTreeSet<_> = paths.iter().map(|path| shown(path)).collect();
        assert_eq!((inside.len(), outside.len()), (6, 6), "{outside:?}");
        assert_eq!(shown(&paths[0]), r"a/\xff");
        assert_eq!(shown(&paths[2]), r"a/\\xff");
    }

    #[test]
    fn a_directory_is_the_same_whatever_lies_in_it() {
        let mut path = String::new();
        assert_eq!(clean("\u{e9}/x".as_bytes(), &mut path), Ok(()));
        let directory = path.trim_end_matches('x').to_owned();
        assert_eq!(clean(b"\xc3\xa9/\xff", &mut path), Ok(()));
        assert!(path.starts_with(&directory));
    }
}
