//! Text made of stanzas: fields on lines, stanzas apart by blank lines.
//!
//! It splits and never judges, so that one bad stanza leaves the others readable. There is no
//! bound on a line's length; the file as a whole is bounded. `dpkg.rs` and `apk.rs` read with it.

/// Gives the stanzas of a text: runs of lines without a blank one between them.
pub(super) fn stanzas(text: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    let mut lines = text.split(|byte| *byte == b'\n').map(without_return);
    std::iter::from_fn(move || {
        let mut stanza = Vec::new();
        for line in lines.by_ref() {
            if !line.trim_ascii().is_empty() {
                stanza.push(line);
            } else if !stanza.is_empty() {
                return Some(stanza);
            }
        }
        (!stanza.is_empty()).then_some(stanza)
    })
}

/// Gives a value as text where it is text.
pub(super) fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value.trim_ascii()).ok()
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}
