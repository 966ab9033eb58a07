//! Patterns over names with `/`: `*` and `?` stay within a component, `**` crosses them.

use std::iter::once;

/// A pattern for image names and paths.
///
/// Matching takes pattern length times text length at most, whatever the text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Glob(Vec<Token>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Token {
    Literal(char),
    /// `?`: one character of a component.
    One,
    /// `*`: some characters of a component.
    Within,
    /// `**`: anything.
    Across,
    /// `**/`: whole components, or none.
    Components,
}

impl Glob {
    /// Reads a pattern; every text is one.
    pub fn new(text: &str) -> Self {
        Self(tokens(text))
    }

    /// Tells whether the whole text matches.
    pub fn matches(&self, text: &str) -> bool {
        let fixed = self.0.iter().map_while(|token| match token {
            Token::Literal(literal) => Some(*literal),
            _ => None,
        });
        // Most texts differ from most patterns before the first wildcard.
        let (mut text, mut begun) = (text.chars(), 0);
        for wanted in fixed {
            if text.next() != Some(wanted) {
                return false;
            }
            begun += 1;
        }
        let mut rest = self.0.get(begun..).unwrap_or_default();
        // And most of those left behind the last one.
        while let Some((Token::Literal(wanted), before)) = rest.split_last() {
            if text.next_back() != Some(*wanted) {
                return false;
            }
            rest = before;
        }
        match rest {
            [] => text.as_str().is_empty(),
            [Token::Within] => !text.as_str().contains('/'),
            [Token::Across] => true,
            several => spans(several, text.as_str()),
        }
    }
}

impl Glob {
    /// Tells whether every text that the other pattern matches is matched, as far as that can be seen
    /// from their parts: a yes is certain.
    pub fn contains(&self, other: &Self) -> bool {
        // Up to which of the other's parts those of this one so far can have come.
        let inner = &other.0;
        let mut reached: Vec<bool> = once(true).chain(inner.iter().map(|_| false)).collect();
        for token in &self.0 {
            reached = advance_over(*token, &reached, inner);
        }
        reached.last().copied().unwrap_or_default()
    }
}

/// Moves one part of a pattern over the parts of another one that it surely holds.
fn advance_over(token: Token, reached: &[bool], inner: &[Token]) -> Vec<bool> {
    let mut next = Vec::with_capacity(reached.len());
    let (mut one_before, mut next_before) = (false, false);
    // Whether whole components, begun where this part may begin, end here.
    let (mut any_before, mut ended_before) = (false, false);
    let parts = once(None).chain(inner.iter().copied().map(Some));
    for (here, part) in reached.iter().copied().zip(parts) {
        let is_within = match part {
            Some(Token::Literal(literal)) => literal != '/',
            Some(Token::One | Token::Within) => true,
            _ => false,
        };
        let is_one = is_within && part != Some(Token::Within);
        let is_end = match part {
            Some(Token::Literal('/')) => any_before,
            // It may be nothing at all, and then ends as what stands before it does.
            Some(Token::Components) => one_before || ended_before,
            _ => false,
        };
        let value = match token {
            Token::Literal(_) => one_before && part == Some(token),
            Token::One => one_before && is_one,
            Token::Within => here || (next_before && is_within),
            Token::Across => here || next_before,
            Token::Components => here || is_end,
        };
        next.push(value);
        (one_before, next_before, ended_before) = (here, value, is_end);
        any_before |= here;
    }
    next
}

/// Tells whether a pattern matches a whole text.
fn spans(pattern: &[Token], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    // Which lengths of the text the pattern so far can have matched.
    let mut reached: Vec<bool> = once(true).chain(text.iter().map(|_| false)).collect();
    for token in pattern {
        reached = advance(*token, &reached, &text);
    }
    reached.last().copied().unwrap_or_default()
}

impl std::fmt::Display for Glob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|token| match token {
            Token::Literal(literal) => write!(f, "{literal}"),
            Token::One => f.write_str("?"),
            Token::Within => f.write_str("*"),
            Token::Across => f.write_str("**"),
            Token::Components => f.write_str("**/"),
        })
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut at_component = true;
    while let Some(first) = rest.chars().next() {
        let (token, length) = if at_component && rest.starts_with("**/") {
            (Token::Components, 3)
        } else if rest.starts_with("**") {
            (Token::Across, 2)
        } else if first == '*' {
            (Token::Within, 1)
        } else if first == '?' {
            (Token::One, 1)
        } else {
            (Token::Literal(first), first.len_utf8())
        };
        at_component = matches!(token, Token::Components | Token::Literal('/'));
        tokens.push(token);
        rest = rest.get(length..).unwrap_or_default();
    }
    tokens
}

fn advance(token: Token, reached: &[bool], text: &[char]) -> Vec<bool> {
    let mut next = Vec::with_capacity(reached.len());
    let (mut one_before, mut next_before, mut any_before) = (false, false, false);
    let characters = once(None).chain(text.iter().copied().map(Some));
    for (here, character) in reached.iter().copied().zip(characters) {
        let within = character.is_some_and(|character| character != '/');
        let value = match token {
            Token::Literal(wanted) => one_before && character == Some(wanted),
            Token::One => one_before && within,
            Token::Within => here || (next_before && within),
            Token::Across => here || next_before,
            Token::Components => here || (any_before && character == Some('/')),
        };
        next.push(value);
        (one_before, next_before) = (here, value);
        any_before |= here;
    }
    next
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stars_stay_within_components_and_double_stars_cross_them() {
        for (pattern, text, wanted) in [
            ("docker.io/library/php", "docker.io/library/php", true),
            ("docker.io/library/php", "docker.io/library/php2", false),
            ("docker.io/**", "docker.io/library/php", true),
            ("docker.io/**", "quay.io/library/php", false),
            ("quay.io/team/*", "quay.io/team/app", true),
            ("quay.io/team/*", "quay.io/team/app/x", false),
            ("quay.io/team/*", "quay.io/team", false),
            ("**/nginx", "docker.io/library/nginx", true),
            ("**/nginx", "nginx", true),
            ("**/nginx", "docker.io/mynginx", false),
            ("a/**/z", "a/z", true),
            ("a/**/z", "a/b/c/z", true),
            ("a/**/z", "a/bz", false),
            ("a/x**z", "a/x/y/z", true),
            ("a/?", "a/b", true),
            ("a/?", "a//", false),
            ("**", "anything/at/all", true),
            ("*", "a/b", false),
            ("é*", "éa", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(
                Glob::new(pattern).matches(text),
                wanted,
                "{pattern} on {text}"
            );
        }
    }

    #[test]
    fn a_hostile_text_takes_no_time() {
        let pattern = Glob::new(&("*ac".repeat(30) + "*"));
        assert!(!pattern.matches(&"a".repeat(4000).replace("aaaa", "aaab")));
    }

    #[test]
    fn a_pattern_contains_those_that_say_no_more() {
        for (outer, inner, wanted) in [
            ("quay.io/shop/**", "quay.io/shop/app", true),
            ("quay.io/shop/**", "quay.io/shop/*", true),
            ("quay.io/shop/**", "quay.io/shop/**", true),
            ("quay.io/shop/**", "quay.io/shop/**/x", true),
            ("quay.io/shop/*", "quay.io/shop/a?c", true),
            ("quay.io/shop/*", "quay.io/shop/**", false),
            ("quay.io/shop/*", "quay.io/shop/a/*", false),
            ("quay.io/shop/**", "quay.io/shop*/app", false),
            ("quay.io/shop/**", "**", false),
            ("quay.io/shop/?", "quay.io/shop/*", false),
            ("**/app", "quay.io/*/app", true),
            ("**/app", "**/app", true),
            ("**/app", "quay.io/**/app", true),
            ("**/app", "quay.io/x*/**/app", true),
            ("**/app", "quay.io/**app", false),
            ("**", "**/x", true),
        ] {
            let (outer, inner) = (Glob::new(outer), Glob::new(inner));
            assert_eq!(outer.contains(&inner), wanted, "{outer} of {inner}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn what_is_contained_is_matched(
            outer in "[ab/*?]{0,6}|(\\*\\*/|a|/|\\*|\\?){0,5}",
            inner in "[ab/*?]{0,6}|(\\*\\*/|a|/|\\*|\\?){0,5}",
            text in "[ab/]{0,6}",
        ) {
            let (outer, inner) = (Glob::new(&outer), Glob::new(&inner));
            if outer.contains(&inner) && inner.matches(&text) {
                prop_assert!(outer.matches(&text));
            }
        }

        #[test]
        fn both_ends_are_looked_at_first_and_say_what_the_whole_pattern_does(
            pattern in "[ab/*?]{0,8}",
            text in "[ab/]{0,8}",
        ) {
            let glob = Glob::new(&pattern);
            prop_assert_eq!(glob.matches(&text), spans(&glob.0, &text));
        }
    }
}
