//! The statements of a TOML file: headers and pairs, each in one piece whatever is in its strings.
//!
//! Values stay as written, so a list of digests takes no memory. A file that is no TOML gives fewer
//! statements, never an error.
//!
//! Source: TOML 1.0.0.

/// One statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Statement<'a> {
    /// `[name]`, or `[[name]]` where it begins an item of an array.
    Header { name: &'a str, is_item: bool },
    /// `key = value`: the key without quotes, the value as written, a comment behind it included.
    Pair { key: &'a str, value: &'a str },
}

/// Takes a file apart.
pub(super) fn statements(text: &str) -> impl Iterator<Item = Statement<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start();
            let first = rest.chars().next()?;
            let (statement, after) = match first {
                '#' => (None, split(rest, line_end(rest)).1),
                '[' => {
                    let (line, after) = split(rest, line_end(rest));
                    (header(line), after)
                }
                _ => pair(rest),
            };
            rest = after;
            if statement.is_some() {
                return statement;
            }
        }
    })
}

/// Gives a string's text; empty where it is none on one line, or has escapes.
pub(super) fn plain_string(value: &str) -> &str {
    let value = value.trim();
    let quote = value.chars().next().filter(|first| is_quote(*first));
    let read = quote.and_then(|quote| {
        let (text, after) = value.strip_prefix(quote)?.split_once(quote)?;
        let after = after.trim_start();
        let is_whole = after.is_empty() || after.starts_with('#');
        let is_plain = quote == '\'' || !text.contains('\\');
        (is_whole && is_plain).then_some(text)
    });
    read.unwrap_or_default()
}

fn is_quote(character: char) -> bool {
    matches!(character, '"' | '\'')
}

fn header(line: &str) -> Option<Statement<'_>> {
    let inside = line.strip_prefix("[[").map(|inside| (inside, "]]"));
    let (inside, close) = inside.or_else(|| Some((line.strip_prefix('[')?, "]")))?;
    let (name, _) = inside.split_once(close)?;
    Some(Statement::Header {
        name: name.trim(),
        is_item: close.len() > 1,
    })
}

/// Splits a pair off; a line that is none is passed over.
fn pair(text: &str) -> (Option<Statement<'_>>, &str) {
    let is_quoted = text.starts_with(is_quote);
    let key_length = if is_quoted { string_length(text) } else { 0 };
    let (start, after) = split(text, key_length);
    let (line, _) = split(after, line_end(after));
    let Some(equals) = line.find('=') else {
        return (None, split(after, line_end(after)).1);
    };
    let (more, value) = split(after, equals);
    let key = if is_quoted {
        start.trim_matches(is_quote)
    } else {
        more.trim()
    };
    let value = value.strip_prefix('=').unwrap_or(value);
    let (value, rest) = split(value, value_length(value));
    let value = value.trim();
    (Some(Statement::Pair { key, value }), rest)
}

fn line_end(text: &str) -> usize {
    text.find('\n').unwrap_or(text.len())
}

/// Splits at a byte; all of the text stands first where no character begins there.
fn split(text: &str, at: usize) -> (&str, &str) {
    text.split_at_checked(at).unwrap_or((text, ""))
}

/// Gives the bytes up to the line's end that ends a value: not one within brackets or a string.
fn value_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut depth = 0_usize;
    while let Some(byte) = bytes.get(at) {
        let rest = split(text, at).1;
        at += match byte {
            b'\n' if depth == 0 => return at,
            b'#' => line_end(rest),
            b'"' | b'\'' => string_length(rest),
            b'[' | b'{' => {
                depth += 1;
                1
            }
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                1
            }
            _ => 1,
        };
    }
    text.len()
}

/// Gives the bytes of the string that a text begins with, quotes included; one on a single line
/// that is not closed ends with the line.
fn string_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let Some(quote) = bytes.first().copied() else {
        return 0;
    };
    let is_long = bytes.starts_with(&[quote; 3]);
    let mut at = if is_long { 3 } else { 1 };
    while let Some(byte) = bytes.get(at) {
        let rest = bytes.get(at..).unwrap_or_default();
        match *byte {
            b'\\' if quote == b'"' => at += 1,
            b'\n' if !is_long => return at,
            byte if byte == quote && !is_long => return at + 1,
            byte if byte == quote && rest.starts_with(&[quote; 3]) => {
                // Up to two quotes before the closing ones are the text's own.
                let quotes = rest.iter().take_while(|byte| **byte == quote).count();
                return at + quotes.min(5);
            }
            _ => {}
        }
        at += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> Vec<String> {
        let shown = statements(text).map(|statement| match statement {
            Statement::Header { name, is_item } => format!("[{name}] {is_item}"),
            Statement::Pair { key, value } => format!("{key}: {}", plain_string(value)),
        });
        shown.collect()
    }

    #[test]
    fn a_string_is_one_value_whatever_is_in_it() {
        for (text, wanted) in [
            (
                "a = \"\"\"\nname = \"x\"\n[[b]]\n\\\"\"\"\" # no\"\"\"\nc = 'd'\n",
                &["a: ", "c: d"][..],
            ),
            (
                "a = '''\n\\'''\nb = \"\"\"\"x\"\"\"\"\"\nc=\"1\"",
                &["a: ", "b: ", "c: 1"],
            ),
            (
                "a = \"name = 'x'\"\nb = [\n  \"]\", # ]\n  '''\n]'''\n]\nc = '1'",
                &["a: name = 'x'", "b: ", "c: 1"],
            ),
            ("a = { b = [\n1,\n] }\nc = '1'", &["a: ", "c: 1"]),
        ] {
            assert_eq!(shown(text), wanted, "{text}");
        }
    }

    #[test]
    fn reads_every_way_of_writing_a_statement() {
        let text = "\u{20}[ a ] # x\n[[ b.c ]]\r\n\"d = e\"='f' # g\n 'h' = \"i\"\nj=\"\\n\"\n";
        let wanted = ["[a] false", "[b.c] true", "d = e: f", "h: i", "j: "];
        assert_eq!(shown(text), wanted);
    }

    #[test]
    fn what_is_no_toml_gives_less() {
        for (text, wanted) in [
            ("a\nb = '1'", &["b: 1"][..]),
            ("a = \"x\nb = '1'", &["a: ", "b: 1"]),
            ("[a\nb = '1'", &["b: 1"]),
            ("a = [\nb = '1'", &["a: "]),
            ("a = \"\"\"\nb = '1'", &["a: "]),
            ("a = \"ä\\ä\"\n\"ä\\", &["a: "]),
        ] {
            assert_eq!(shown(text), wanted, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[\\[\\]{}\"'\\\\=#\na\u{e4} ]{0,60}") {
            prop_assert!(statements(&text).count() <= text.len());
        }
    }
}
