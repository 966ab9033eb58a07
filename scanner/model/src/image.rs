//! Names of images: repository, tag, reference.
//!
//! A [`Repository`] is the one canonical name `upstream/path` under which verdicts, membership,
//! log lines and policy bindings meet. Which upstream a request means is `proxy`'s business; here
//! is only what a well-formed name looks like.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::Digest;

/// Longest repository path accepted, in bytes.
///
/// Source: distribution-spec, "Pulling manifests": many clients limit host and name to 255 together.
pub const MAX_NAME_BYTES: usize = 255;

/// Says why a text names no image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The repository path breaks the grammar of the distribution-spec.
    #[error("repository name {0:?} is invalid")]
    Repository(String),
    /// The tag breaks the grammar of the distribution-spec.
    #[error("tag {0:?} is invalid")]
    Tag(String),
    /// The reference is neither a tag nor a digest.
    #[error("reference {0:?} is neither a tag nor a digest")]
    Reference(String),
}

/// A canonical repository name: the upstream's name and the path on it.
///
/// *Shape*: printed as `upstream/path`, for example `docker.io/library/nginx`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Repository {
    name: Arc<str>,
    /// Where the `/` before the path is.
    slash: usize,
}

impl Repository {
    /// Joins an upstream's name, which configuration vouches for, with a path that is checked here.
    pub fn new(upstream: &str, path: &str) -> Result<Self, NameError> {
        if upstream.is_empty() || upstream.contains('/') || !is_repository_path(path) {
            return Err(NameError::Repository(shortened(path)));
        }
        Ok(Self {
            name: [upstream, "/", path].concat().into(),
            slash: upstream.len(),
        })
    }

    /// Gives the whole name.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// Gives the configured upstream's name, such as `docker.io`.
    pub fn upstream(&self) -> &str {
        self.name.get(..self.slash).unwrap_or_default()
    }

    /// Gives the path on the upstream, such as `library/nginx`.
    pub fn path(&self) -> &str {
        self.name.get(self.slash + 1..).unwrap_or_default()
    }
}

/// By upstream, then by path.
impl Ord for Repository {
    fn cmp(&self, other: &Self) -> Ordering {
        let (one, two) = (self.upstream(), other.upstream());
        one.cmp(two).then_with(|| self.path().cmp(other.path()))
    }
}

impl PartialOrd for Repository {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl FromStr for Repository {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (upstream, path) = text
            .split_once('/')
            .ok_or_else(|| NameError::Repository(shortened(text)))?;
        Self::new(upstream, path)
    }
}

impl Serialize for Repository {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name)
    }
}

impl<'de> Deserialize<'de> for Repository {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// A tag.
///
/// Source: distribution-spec, `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(Arc<str>);

impl Tag {
    /// Gives the tag's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let well_formed = text.len() <= 128
            && text.bytes().next().is_some_and(is_word)
            && text
                .bytes()
                .all(|byte| is_word(byte) || byte == b'.' || byte == b'-');
        if well_formed {
            Ok(Self(text.into()))
        } else {
            Err(NameError::Tag(shortened(text)))
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Tag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// What a manifest request asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reference {
    /// A name that may move.
    Tag(Tag),
    /// One content for ever.
    Digest(Digest),
}

impl FromStr for Reference {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.contains(':') {
            let digest = text
                .parse()
                .map_err(|_| NameError::Reference(shortened(text)))?;
            return Ok(Self::Digest(digest));
        }
        text.parse().map(Self::Tag)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// Tells whether `path` follows the grammar of repository names.
///
/// Source: distribution-spec, `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*`.
pub fn is_repository_path(path: &str) -> bool {
    path.len() <= MAX_NAME_BYTES && path.split('/').all(is_path_component)
}

fn is_path_component(component: &str) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = component.as_bytes();
    let ends_in_words = bytes.first().is_some_and(is_word) && bytes.last().is_some_and(is_word);
    let mut separators = bytes.split(is_word);
    ends_in_words && separators.all(is_separator)
}

/// Tells whether words are joined by this; two letters are by nothing.
fn is_separator(between: &[u8]) -> bool {
    matches!(between, b"." | b"_" | b"__") || between.iter().all(|byte| *byte == b'-')
}

fn shortened(text: &str) -> String {
    text.chars().take(160).collect()
}

/// An image as people write it: `NAME[:TAG][@DIGEST]`. Nothing of it is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenName<'a> {
    /// The repository, a registry's port included.
    pub name: &'a str,
    /// What stands behind the last `:`.
    pub tag: Option<&'a str>,
    /// What stands behind `@`.
    pub digest: Option<&'a str>,
}

impl<'a> WrittenName<'a> {
    /// Takes a text apart.
    pub fn of(text: &'a str) -> Self {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        let (name, tag) = match name.rsplit_once(':') {
            // What else stands behind a `:` is a port.
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (name, None),
        };
        Self { name, tag, digest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_the_grammar_of_the_spec_and_nothing_else() {
        for path in ["a", "library/nginx", "a.b/c_d/e__f/g--h", "0/1"] {
            assert!(is_repository_path(path), "{path} is a repository path");
        }
        for path in [
            "", "/", "a/", "/a", "A", "a..b", "a___b", "a_.b", "-a", "a-", "a//b", "..", "a/../b",
            "a%2fb", "é",
        ] {
            assert!(!is_repository_path(path), "{path} is no repository path");
        }
        assert!(!is_repository_path(&"a".repeat(256)));
    }

    #[test]
    fn tells_tags_from_digests() {
        assert!(matches!("1.2-x_Y".parse(), Ok(Reference::Tag(_))));
        assert!(matches!(
            Digest::of(b"").as_str().parse(),
            Ok(Reference::Digest(_))
        ));
        for text in ["", ".a", "-a", "a/b", "sha256:12", "a b", &"a".repeat(129)] {
            assert!(
                text.parse::<Reference>().is_err(),
                "{text:?} was taken for a reference"
            );
        }
    }

    #[test]
    fn repository_prints_what_it_parses() {
        let text = "docker.io/library/nginx";
        let repository: Repository = text.parse().unwrap();
        assert_eq!(repository.to_string(), text);
        assert_eq!(
            (repository.upstream(), repository.path()),
            ("docker.io", "library/nginx")
        );
    }

    #[test]
    fn a_written_name_is_taken_apart_and_a_port_is_no_tag() {
        let cases = [
            ("app", "app", None, None),
            ("app:1", "app", Some("1"), None),
            ("up.test:5000/app", "up.test:5000/app", None, None),
            ("up.test:5000/app:1", "up.test:5000/app", Some("1"), None),
            ("app@sha256:a", "app", None, Some("sha256:a")),
            (
                "up.test:5000/app:1@sha256:a",
                "up.test:5000/app",
                Some("1"),
                Some("sha256:a"),
            ),
            ("app:@", "app", Some(""), Some("")),
        ];
        for (text, name, tag, digest) in cases {
            assert_eq!(
                WrittenName::of(text),
                WrittenName { name, tag, digest },
                "{text}"
            );
        }
    }
}
