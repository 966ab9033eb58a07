//! Who asks, as far as it decides by which policies something is judged.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::Digest;
use crate::domain::{Domain, Sighting};
use crate::image::Repository;

/// Whoever asks, once it was proven who that is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Principal {
    /// An access key, by its name.
    Key(String),
    /// A client certificate, by its common name.
    Certificate(String),
    /// A user of this machine, by number, at the socket that only it reaches.
    Local(u32),
    /// A user of an upstream, which has let them in.
    Upstream(String),
}

impl Principal {
    /// Gives the domain of what somebody tells of an image; at an open listener that is anybody.
    pub fn reporting(principal: Option<&Self>) -> Domain {
        Domain::Reporter(match principal {
            Some(Self::Key(name)) => format!("key:{name}").into(),
            Some(other) => other.to_string().into(),
            None => "anybody".into(),
        })
    }
}

impl Principal {
    /// Reads it as lines of the log name it.
    pub fn named(text: &str) -> Self {
        let local = |user: &str| user.parse().ok().map(Self::Local);
        let known = text.split_once(':').and_then(|(kind, name)| match kind {
            "cert" => Some(Self::Certificate(name.to_owned())),
            "upstream" => Some(Self::Upstream(name.to_owned())),
            "local" => local(name),
            _ => None,
        });
        known.unwrap_or_else(|| Self::Key(text.to_owned()))
    }
}

/// Writes it as lines of the log name it.
impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The names of keys have no colon.
            Self::Key(name) => f.write_str(name),
            Self::Certificate(name) => write!(f, "cert:{name}"),
            Self::Local(user) => write!(f, "local:{user}"),
            Self::Upstream(name) => write!(f, "upstream:{name}"),
        }
    }
}

/// Those for whom a verdict is: askers to whom the same ones of the bindings that name askers apply, and
/// who ask by a tag that the same ones of the documents which name tags mean.
///
/// *Shape*: written as the names of these bindings, and words on the tag that begin with
/// [`Audience::TAG`], in order; none for everybody to whom none applies. The texts of the documents are
/// no part of it, so that a change of one makes a verdict old and no other audience.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Audience(Option<Arc<Group>>);

#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Group {
    bindings: Vec<String>,
    digest: Digest,
}

impl Audience {
    /// Everybody to whom no binding that names askers applies.
    pub const EVERYBODY: Self = Self(None);

    /// What begins a word on the tag: no name of a document has a colon.
    pub const TAG: &str = "tag:";

    /// Names those to whom exactly these of the bindings that name askers apply, and what is said of
    /// their tag.
    pub fn of_bindings(bindings: impl IntoIterator<Item = String>) -> Self {
        let mut bindings: Vec<String> = bindings.into_iter().collect();
        bindings.sort_unstable();
        bindings.dedup();
        if bindings.is_empty() {
            return Self::EVERYBODY;
        }
        let digest = Digest::of(bindings.join("\0").as_bytes());
        Self(Some(Arc::new(Group { bindings, digest })))
    }

    /// Tells whether something is said of the tag under which they ask: there is one, and documents
    /// name tags. Else it is not known, or nobody needs it.
    pub fn knows_tag(&self) -> bool {
        let mut words = self.bindings().iter();
        words.any(|word| word.starts_with(Self::TAG))
    }

    /// Names the bindings, and what is said of the tag, in order.
    pub fn bindings(&self) -> &[String] {
        self.0.as_ref().map_or(&[], |group| &group.bindings)
    }

    /// Tells whether no binding that names askers applies to them.
    pub fn is_everybody(&self) -> bool {
        self.0.is_none()
    }

    /// Gives what stands for them in keys; none for [`Self::EVERYBODY`].
    pub fn digest(&self) -> Option<&Digest> {
        self.0.as_ref().map(|group| &group.digest)
    }
}

impl Default for Audience {
    fn default() -> Self {
        Self::EVERYBODY
    }
}

impl Serialize for Audience {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.bindings().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<String>::deserialize(deserializer).map(Self::of_bindings)
    }
}

/// Where something is judged, and for whom: what decides which policies apply.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope {
    /// The canonical repository.
    pub repository: Repository,
    /// For whom it is judged there.
    pub audience: Audience,
    /// By whose word of what it holds.
    pub domain: Domain,
}

impl Scope {
    /// Gives what is judged in a repository for everybody whom no binding names.
    pub fn for_all(repository: Repository) -> Self {
        Self {
            repository,
            audience: Audience::EVERYBODY,
            domain: Domain::Here,
        }
    }

    /// Names a manifest by whose word it is judged here.
    pub fn sighting(&self, digest: &Digest) -> Sighting {
        Sighting {
            domain: self.domain.clone(),
            digest: digest.clone(),
        }
    }
}

/// Writes the repository, the bindings where they tell askers apart, and whose word it is where that
/// is not this machine's.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        if !self.audience.is_everybody() {
            write!(f, " for {}", self.audience.bindings().join("+"))?;
        }
        match self.domain.shown() {
            Some(who) => write!(f, " as {who} says"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bindings: &[&str]) -> Audience {
        Audience::of_bindings(bindings.iter().map(|name| (*name).to_owned()))
    }

    #[test]
    fn the_same_bindings_are_the_same_audience_in_whatever_order() {
        let (one, other) = (of(&["prod", "ci", "prod"]), of(&["ci", "prod"]));
        assert_eq!(one, other);
        assert_eq!(one.digest(), other.digest());
        assert_eq!(one.bindings(), ["ci", "prod"]);
        assert_ne!(one, of(&["ci"]));
        assert_ne!(one.digest(), of(&["ci-prod"]).digest());
    }

    #[test]
    fn nobody_named_is_everybody() {
        assert_eq!(of(&[]), Audience::EVERYBODY);
        assert!(of(&[]).is_everybody() && of(&[]).digest().is_none());
        let text = serde_json::to_string(&[of(&[]), of(&["b", "a"])]).unwrap();
        assert_eq!(text, r#"[[],["a","b"]]"#);
        let read: Vec<Audience> = serde_json::from_str(&text).unwrap();
        assert_eq!(read, [Audience::EVERYBODY, of(&["a", "b"])]);
    }
}
