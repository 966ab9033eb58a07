//! Globs over canonical names: `*` stays within a component, `**` crosses them.
//!
//! Linear in the product of both lengths, so that no pattern can explode.

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob(Vec<Token>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Byte(u8),
    WithinComponent,
    AcrossComponents,
}

impl Glob {
    pub(crate) fn new(pattern: &str) -> Self {
        let mut tokens = Vec::new();
        let mut rest = pattern.as_bytes();
        while let Some((first, following)) = rest.split_first() {
            if let Some(after) = rest.strip_prefix(b"**") {
                tokens.push(Token::AcrossComponents);
                rest = after;
            } else if let Some(after) = rest.strip_prefix(b"*") {
                tokens.push(Token::WithinComponent);
                rest = after;
            } else {
                tokens.push(Token::Byte(*first));
                rest = following;
            }
        }
        Self(tokens)
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        // reach[i]: the tokens so far can match the first i bytes.
        let bytes = text.as_bytes();
        let mut reach = vec![false; bytes.len() + 1];
        if let Some(first) = reach.first_mut() {
            *first = true;
        }
        for token in &self.0 {
            let mut next = vec![false; bytes.len() + 1];
            let mut open = false;
            for position in 0..=bytes.len() {
                let here = reach.get(position).copied().unwrap_or(false);
                let before = position.checked_sub(1);
                let last = before.and_then(|at| bytes.get(at)).copied();
                let reachable = match token {
                    Token::Byte(byte) => {
                        before
                            .and_then(|at| reach.get(at))
                            .copied()
                            .unwrap_or(false)
                            && last == Some(*byte)
                    }
                    Token::WithinComponent => {
                        open = here || (open && last != Some(b'/'));
                        open
                    }
                    Token::AcrossComponents => {
                        open |= here;
                        open
                    }
                };
                if let Some(slot) = next.get_mut(position) {
                    *slot = reachable;
                }
            }
            reach = next;
        }
        reach.last().copied().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::Glob;

    #[test]
    fn one_star_stays_in_a_component_and_two_cross() {
        for (pattern, text, wanted) in [
            ("docker.io/**", "docker.io/library/nginx", true),
            ("docker.io/*", "docker.io/library/nginx", false),
            ("quay.io/team/*", "quay.io/team/app", true),
            ("quay.io/team/*", "quay.io/team/app/x", false),
            ("**", "anything/at/all", true),
            ("*/library/*", "docker.io/library/nginx", true),
            ("docker.io/library/nginx", "docker.io/library/nginx", true),
            ("docker.io/library/nginx", "docker.io/library/nginx2", false),
            ("**/nginx", "docker.io/library/nginx", true),
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
    fn a_pattern_of_stars_ends() {
        let pattern = "*a".repeat(200);
        assert!(!Glob::new(&pattern).matches(&"a/".repeat(500)));
    }
}
