//! The one pass that finds the keywords of all rules.

use aho_corasick::packed::{self, MatchKind, Searcher};
use aho_corasick::{AhoCorasick, AhoCorasickKind, Span};

/// The keywords of some rules, and to which rule each leads.
pub(crate) struct Keywords {
    search: Search,
    rules: Vec<usize>,
}

enum Search {
    /// An automaton, for texts: it ignores case, and its keywords are frequent.
    Automaton(AhoCorasick),
    /// Vector instructions, each searcher for so many keywords: for machine code, in which the
    /// formats of issuers are rare. Five times as fast, where the processor has them.
    Vectors(Vec<Searcher>),
}

/// Keywords of one searcher: more than 64 it does not take.
const TOGETHER: usize = 48;
/// Longest keyword.
pub(crate) const LONGEST: usize = 32;

impl Keywords {
    /// Gives those that are found in any case.
    pub(crate) fn in_texts(words: &[(&'static str, usize)]) -> Self {
        Self {
            search: Search::Automaton(automaton(words, true)),
            rules: words.iter().map(|(_, rule)| *rule).collect(),
        }
    }

    /// Gives those that are found as they are spelled.
    pub(crate) fn in_binaries(words: &[(&'static str, usize)]) -> Self {
        let searcher = |words: &[(&'static str, usize)]| {
            packed::Config::new()
                .match_kind(MatchKind::LeftmostFirst)
                .builder()
                .extend(words.iter().map(|(word, _)| word))
                .build()
        };
        let searchers: Option<Vec<_>> = words.chunks(TOGETHER).map(searcher).collect();
        Self {
            search: searchers.map_or_else(
                || Search::Automaton(automaton(words, false)),
                Search::Vectors,
            ),
            rules: words.iter().map(|(_, rule)| *rule).collect(),
        }
    }

    /// Hands out the start and end of each keyword in a text, and its rule.
    pub(crate) fn each(&self, text: &[u8], mut visit: impl FnMut(usize, usize, usize)) {
        let mut found = |start, end, keyword| {
            if let Some(rule) = self.rules.get(keyword) {
                visit(start, end, *rule);
            }
        };
        match &self.search {
            Search::Automaton(automaton) => automaton
                .find_overlapping_iter(text)
                .for_each(|hit| found(hit.start(), hit.end(), hit.pattern().as_usize())),
            Search::Vectors(searchers) => {
                for (number, searcher) in searchers.iter().enumerate() {
                    let mut rest = Span::from(0..text.len());
                    while let Some(hit) = searcher.find_in(text, rest) {
                        let keyword = number * TOGETHER + hit.pattern().as_usize();
                        found(hit.start(), hit.end(), keyword);
                        // The next may begin within this one.
                        rest.start = hit.start() + 1;
                    }
                }
            }
        }
    }
}

/// # Panics
///
/// Never: the keywords are constants, and every test makes automata of them.
#[expect(clippy::expect_used, reason = "constants, which every test builds")]
fn automaton(words: &[(&'static str, usize)], ignores_case: bool) -> AhoCorasick {
    AhoCorasick::builder()
        .ascii_case_insensitive(ignores_case)
        .kind(Some(AhoCorasickKind::DFA))
        .build(words.iter().map(|(word, _)| word))
        .expect("the keywords make an automaton")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WORDS: [(&str, usize); 60] = {
        let mut words = [("ghp_", 0); 60];
        words[1] = ("p_gh", 1);
        words[50] = ("_ghp", 2);
        words[59] = (":AA", 3);
        words
    };

    proptest! {
        #[test]
        fn vectors_find_what_the_automaton_finds(
            parts in prop::collection::vec(
                prop_oneof![Just("ghp_"), Just("gh"), Just("p_"), Just(":AA"), Just("A"), Just(" ")],
                0..60),
        ) {
            let text = parts.concat();
            // Of keywords that are the same, one searcher tells the first.
            let places = |search: Search| {
                let keywords = Keywords { search, rules: WORDS.iter().map(|(_, rule)| *rule).collect() };
                let mut found = Vec::new();
                keywords.each(text.as_bytes(), |start, end, rule| found.push((start, end, rule)));
                found.sort_unstable();
                found.dedup();
                found
            };
            let by_vectors = places(Keywords::in_binaries(&WORDS).search);
            prop_assert_eq!(by_vectors, places(Search::Automaton(automaton(&WORDS, false))));
        }
    }
}
