//! Words that came from an upstream: one short visible line, without any secret in hand.
//!
//! The only way from foreign bytes into an error, an answer or the log. Upstreams echo what they
//! were sent, and what they were sent holds credentials.

use std::fmt;

use crate::secrets;

/// Longest text taken from an upstream, in characters: one readable line.
const MAX_CHARS: usize = 200;

/// Most bytes looked at; what is shown is far shorter.
const MAX_BYTES: usize = 16 * 1024;

/// What an upstream said, fit to be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct UpstreamText(String);

impl UpstreamText {
    /// Takes over foreign words. Empty where nothing of them is visible.
    pub fn said(text: &str) -> Self {
        let end = text.floor_char_boundary(MAX_BYTES);
        let line = text.get(..end).unwrap_or_default();
        let line: String = line
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .chars()
            .filter(|c| c.is_ascii_graphic() || *c == ' ' || c.is_alphanumeric())
            .collect();
        // Before the cut, which could leave the larger part of a secret.
        let scrubbed = secrets::scrub(&line);
        Self(scrubbed.chars().take(MAX_CHARS).collect())
    }

    /// Tells whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for UpstreamText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for UpstreamText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_one_short_visible_line() {
        let said = |text: &str| UpstreamText::said(text).to_string();
        assert_eq!(said("a\u{1b}[31m\r\n\u{202e}b  c"), "a[31m b c");
        assert_eq!(said(&"a".repeat(5000)).len(), MAX_CHARS);
        assert_eq!(said("\u{202e}"), "");
    }

    #[test]
    fn invisible_characters_hide_no_secret() {
        secrets::learn("text-canary-77");
        for text in [
            "text-canary-77",
            "text-\u{200b}canary-77",
            "te\u{7}xt-canary-77 ",
        ] {
            assert_eq!(UpstreamText::said(text).to_string().trim(), "***");
        }
    }
}
