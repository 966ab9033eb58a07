//! What others wrote, as a piece of a line that people read: printable ASCII, and short.

/// Most characters that are shown of a word which others wrote.
const MAX_SHOWN: usize = 200;

/// Makes a word that others wrote one short piece of a line, of ASCII alone.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = printable(text).chars().take(MAX_SHOWN).collect();
    if text.chars().nth(MAX_SHOWN).is_some() {
        shown.push_str("...");
    }
    shown
}

/// Makes a line of printable ASCII of a text.
pub(crate) fn printable(text: &str) -> String {
    let printable = |c: char| {
        if c.is_ascii_graphic() || c == ' ' {
            c
        } else {
            '?'
        }
    };
    text.chars().map(printable).collect()
}
