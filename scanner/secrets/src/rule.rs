//! What a rule is: what it is called, which keywords lead to it, and how it looks at them.

use sluicegate_model::severity::Severity;

use crate::pattern::{Part, fit};
use crate::plausible::{entropy, is_placeholder};
use crate::secret::SecretKind;
use crate::site::Site;

/// What is said of a rule.
#[derive(Debug)]
pub struct RuleInfo {
    /// Its name, as policies and answers have it.
    pub id: &'static str,
    /// What it finds, for people.
    pub title: &'static str,
    /// What that opens.
    pub kind: SecretKind,
    /// How bad it is.
    pub severity: Severity,
}

impl RuleInfo {
    pub(crate) const fn new(
        id: &'static str,
        title: &'static str,
        kind: SecretKind,
        severity: Severity,
    ) -> Self {
        Self {
            id,
            title,
            kind,
            severity,
        }
    }
}

/// How sure a rule is of its kind: of two that found the same bytes, the surer one is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sure {
    /// By the name of what is assigned.
    Name,
    /// By the place: a URL, a file of logins.
    Place,
    /// By the issuer's format.
    Format,
}

/// What a rule found: a value in the site's text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit {
    pub(crate) info: &'static RuleInfo,
    pub(crate) sure: Sure,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// One rule.
pub(crate) struct Rule {
    /// What it finds, the first alone where it has one name.
    pub(crate) infos: &'static [&'static RuleInfo],
    pub(crate) keywords: &'static [&'static str],
    pub(crate) look: fn(&Site<'_>) -> Option<Hit>,
}

/// A token that begins with its keyword.
pub(crate) struct Token {
    pub(crate) info: RuleInfo,
    pub(crate) keywords: &'static [&'static str],
    /// What follows the keyword.
    tail: &'static [Part],
    /// What the issuer's checksum says of the tail.
    proof: Option<fn(&[u8]) -> bool>,
    /// Least bits for each byte of the tail.
    entropy: f64,
    /// One of these has to stand near, in lower case.
    near: &'static [&'static str],
}

/// Bits for each byte that a random token of twenty letters or digits hardly ever falls below.
const RANDOM: f64 = 3.0;

impl Token {
    pub(crate) const fn new(
        info: RuleInfo,
        keywords: &'static [&'static str],
        tail: &'static [Part],
    ) -> Self {
        Self {
            info,
            keywords,
            tail,
            proof: None,
            entropy: RANDOM,
            near: &[],
        }
    }

    pub(crate) const fn proven(mut self, proof: fn(&[u8]) -> bool) -> Self {
        self.proof = Some(proof);
        self
    }

    pub(crate) const fn entropy(mut self, bits: f64) -> Self {
        self.entropy = bits;
        self
    }

    pub(crate) const fn near(mut self, words: &'static [&'static str]) -> Self {
        self.near = words;
        self
    }

    /// Looks at one of the keywords.
    pub(crate) fn look(&'static self, site: &Site<'_>) -> Option<Hit> {
        let keyword = site.slice(site.at, site.end);
        let is_spelled = self.keywords.iter().any(|word| word.as_bytes() == keyword);
        if !is_spelled || !site.begins_token(site.at) {
            return None;
        }
        let end = fit(site, site.end, self.tail)?;
        let tail = site.slice(site.end, end);
        let is_proven = self.proof.is_none_or(|proof| proof(tail));
        let is_random = entropy(tail) >= self.entropy && !is_placeholder(tail);
        let is_near = self.near.is_empty() || site.is_near(self.near);
        (is_proven && is_random && is_near).then_some(Hit {
            info: &self.info,
            sure: Sure::Format,
            start: site.at,
            end,
        })
    }
}
