//! Foreign text made fit to be seen: what an image says must not steer the terminal of its reader.
//!
//! The one place for all text that goes to a terminal, a table or the log. JSON has its own way
//! with the same characters, in [`super::json`].

use serde::Serialize;
use serde_json::Value;

/// Longest foreign text shown in a table, in characters.
const MAX_SHOWN_CHARS: usize = 200;

/// Makes a text printable and cuts one without end.
pub fn shown(text: &str) -> String {
    let mut printable = String::with_capacity(text.len().min(MAX_SHOWN_CHARS));
    for (count, c) in text.chars().enumerate() {
        if count == MAX_SHOWN_CHARS {
            printable.push('…');
            break;
        }
        push(&mut printable, c);
    }
    printable
}

/// Makes a text printable: control characters, and characters that hide or reorder others, are
/// shown by their number.
pub fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    text.chars().for_each(|c| push(&mut printable, c));
    printable
}

/// Makes a text of several lines printable; its lines stay lines.
pub fn printable_lines(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(printable).collect();
    lines.join("\n")
}

fn push(printable: &mut String, c: char) {
    if is_treacherous(c) {
        printable.extend(c.escape_unicode());
    } else {
        printable.push(c);
    }
}

/// Tells whether a character acts on a terminal, or changes how others are read.
///
/// Source: Unicode, general category Cc; the bidirectional controls of UAX #9; UTR #36 on the
/// characters that take no room.
pub fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Gives the name that a value of the vocabulary has in the API.
pub fn name_of(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(name)) => name,
        _ => String::new(),
    }
}

/// Writes a number with its noun: `1 gap`, `2 gaps`.
pub fn counted(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

#[cfg(test)]
mod tests {
    use super::{MAX_SHOWN_CHARS, printable, printable_lines, shown};

    #[test]
    fn foreign_text_cannot_steer_a_terminal() {
        for (foreign, wanted) in [
            ("openssl", "openssl"),
            ("naïve-ß-漢", "naïve-ß-漢"),
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("a\nrefused\r", "a\\u{a}refused\\u{d}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{202e}gnp.exe", "\\u{202e}gnp.exe"),
            ("zero\u{200b}width", "zero\\u{200b}width"),
        ] {
            assert_eq!(shown(foreign), wanted);
            assert_eq!(printable(foreign), wanted);
        }
        assert_eq!(
            printable_lines("a\n\u{1b}[1mb\r\n"),
            "a\n\\u{1b}[1mb\\u{d}\n"
        );
    }

    #[test]
    fn text_without_end_is_cut() {
        let long = "a".repeat(MAX_SHOWN_CHARS + 1);
        assert_eq!(shown(&long).chars().count(), MAX_SHOWN_CHARS + 1);
        assert!(shown(&long).ends_with('…'));
        let fits = "a".repeat(MAX_SHOWN_CHARS);
        assert_eq!(shown(&fits), fits);
        assert_eq!(printable(&long), long);
    }
}
