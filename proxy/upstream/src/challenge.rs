//! Parses `WWW-Authenticate`: how an upstream wants to be authenticated to.
//!
//! Pure. Source: RFC 9110 section 11.6.1 and distribution's token specification.

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;
use url::Url;

/// Longest challenge read, in bytes; real ones have under 300.
const MAX_CHALLENGE_BYTES: usize = 4096;

/// What an upstream asks for with a 401.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User name and password on every request.
    Basic,
    /// A token from a token service.
    Bearer(BearerChallenge),
}

/// Where to get a token, and for what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct BearerChallenge {
    /// The token service.
    pub(super) realm: Url,
    /// The name under which the token service knows the upstream.
    pub(super) service: Option<String>,
    /// What the token must allow, as the upstream sees it.
    pub(super) scope: Option<String>,
}

impl Challenge {
    /// Finds the best challenge in the headers of a 401: a bearer token, else Basic.
    pub(super) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let challenges: Vec<_> = headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .filter(|text| text.len() <= MAX_CHALLENGE_BYTES)
            .flat_map(parse)
            .collect();
        let bearer = challenges.iter().find_map(|(scheme, parameters)| {
            scheme
                .eq_ignore_ascii_case("bearer")
                .then(|| bearer(parameters))?
        });
        let offers_basic = || {
            challenges
                .iter()
                .any(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        };
        bearer
            .map(Self::Bearer)
            .or_else(|| offers_basic().then_some(Self::Basic))
    }
}

type Parameters = Vec<(String, String)>;

fn bearer(parameters: &Parameters) -> Option<BearerChallenge> {
    let find = |wanted: &str| {
        parameters
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.clone())
            .filter(|value| !value.is_empty())
    };
    Some(BearerChallenge {
        realm: Url::parse(&find("realm")?).ok()?,
        service: find("service"),
        scope: find("scope"),
    })
}

/// Splits a header value into challenges: a scheme, then `name=value` pairs.
fn parse(text: &str) -> Vec<(String, Parameters)> {
    let mut challenges: Vec<(String, Parameters)> = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (word, after) = split_token(rest);
        if word.is_empty() {
            return challenges;
        }
        let after = after.trim_start();
        if let Some(value) = after.strip_prefix('=') {
            let Some((value, after)) = split_value(value.trim_start()) else {
                return challenges;
            };
            if let Some((_, parameters)) = challenges.last_mut() {
                parameters.push((word.to_owned(), value));
            }
            rest = after;
        } else {
            challenges.push((word.to_owned(), Vec::new()));
            rest = after;
        }
    }
}

fn split_token(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)))
        .unwrap_or(text.len());
    text.split_at(end)
}

/// Reads a token or a quoted string; `None` if the quote never ends.
fn split_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return Some((value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            '\\' => value.push(chars.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(text: &str) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        headers.insert(WWW_AUTHENTICATE, text.parse().unwrap());
        Challenge::from_headers(&headers)
    }

    #[test]
    fn reads_a_bearer_challenge_with_commas_in_its_scope() {
        let text =
            r#"Bearer realm="https://a.test/t?x=1,2",service="r",scope="repository:a/b:pull,push""#;
        let Some(Challenge::Bearer(bearer)) = challenge(text) else {
            panic!("no bearer challenge");
        };
        assert_eq!(bearer.realm.as_str(), "https://a.test/t?x=1,2");
        assert_eq!(bearer.service.as_deref(), Some("r"));
        assert_eq!(bearer.scope.as_deref(), Some("repository:a/b:pull,push"));
    }

    #[test]
    fn prefers_a_token_to_a_password() {
        let both = r#"Basic realm="x", Bearer realm="https://a.test/t", service=r"#;
        assert!(matches!(challenge(both), Some(Challenge::Bearer(_))));
        assert_eq!(challenge(r#"Basic realm="x""#), Some(Challenge::Basic));
    }

    #[test]
    fn survives_nonsense() {
        for text in [
            "",
            "Bearer",
            "Bearer realm=",
            "Bearer realm=\"",
            "Bearer realm=\"\\",
            "=",
            "Bearer realm=\"/relative\"",
            ",,,",
            "Negotiate",
        ] {
            assert_eq!(challenge(text), None, "{text:?} was taken for a challenge");
        }
    }
}
