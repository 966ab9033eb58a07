//! What somebody may be called, and which patterns of repositories they may have.

/// Longest name, in bytes.
pub const MAX_NAME_BYTES: usize = 64;
/// Most patterns of anybody.
pub const MAX_PATTERNS: usize = 64;
/// Longest pattern, in bytes.
pub const MAX_PATTERN_BYTES: usize = 256;

/// Tells whether a text can be a name: the log, bindings and settings write it.
pub fn is_name(text: &str) -> bool {
    let fits = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-')
    };
    !text.is_empty() && text.len() <= MAX_NAME_BYTES && text.bytes().all(fits)
}

/// Finds a pattern that is none, or one too many.
pub fn wrong_pattern(patterns: &[String]) -> Option<&String> {
    let is_wrong = |text: &&String| text.is_empty() || text.len() > MAX_PATTERN_BYTES;
    let wrong = patterns.iter().find(is_wrong);
    wrong.or_else(|| patterns.get(MAX_PATTERNS))
}

/// Cuts a text to what an error shows of it.
pub fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}
