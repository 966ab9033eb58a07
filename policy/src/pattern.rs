//! Images as documents name them: repositories by pattern, and in those one digest, or tags by pattern.

use std::fmt;

use sluicegate_model::Digest;
use sluicegate_model::glob::Glob;

/// Longest tag. Source: distribution-spec, "Pulling manifests".
const MAX_TAG_BYTES: usize = 128;

/// Says why a text can never name an image: the fault of whoever wrote it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PatternError {
    #[error(
        "{0:?}: wanted a tag behind the colon, of letters, digits, \".\", \"_\" and \"-\", with * for \
         what is not said"
    )]
    Tag(String),
    #[error("{0:?} has a tag beside a digest, which says all")]
    TagAndDigest(String),
    #[error(
        "wanted a canonical name or a pattern of one, such as docker.io/library/php or \
         quay.io/team/**, got {0:?}"
    )]
    Other(String),
    #[error("{text:?} matches nothing: the canonical name is docker.io/library/{path}")]
    Short { text: String, path: String },
}

/// Which images are meant.
#[derive(Debug)]
pub(crate) struct ImagePattern {
    repository: Glob,
    /// The tags by which they are asked for; absent, whatever the name is.
    tag: Option<Glob>,
    /// The only image that is; absent, all in the repositories.
    digest: Option<Digest>,
}

impl ImagePattern {
    /// Reads a canonical name or a pattern of one, perhaps with `@` and a digest behind it, or `:` and a
    /// pattern of tags.
    pub(crate) fn parse(text: &str) -> Result<Self, PatternError> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => {
                let digest = digest.parse().ok();
                let digest: Digest = digest.ok_or_else(|| PatternError::Other(text.to_owned()))?;
                (name, Some(digest))
            }
            None => (text, None),
        };
        let (name, tag) = split_tag(name);
        let tag = tag.map(|tag| read_tag(text, tag)).transpose()?;
        if tag.is_some() && digest.is_some() {
            return Err(PatternError::TagAndDigest(text.to_owned()));
        }
        let (host, path) = name.split_once('/').unwrap_or((name, ""));
        let is_of_names = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-/*?:".contains(&byte)
        };
        let crosses = host.contains("**");
        if name.is_empty() || !name.bytes().all(is_of_names) || (path.is_empty() && !crosses) {
            return Err(PatternError::Other(text.to_owned()));
        }
        if host == "docker.io" && !path.contains('/') && !path.contains("**") {
            return Err(PatternError::Short {
                text: text.to_owned(),
                path: path.to_owned(),
            });
        }
        let repository = Glob::new(name);
        Ok(Self {
            repository,
            tag,
            digest,
        })
    }

    /// Tells whether an image is meant, or would be by some tag; one without a digest is known by its
    /// repository alone.
    pub(crate) fn matches(&self, repository: &str, digest: Option<&Digest>) -> bool {
        let is_meant = self.digest.is_none() || self.digest.as_ref() == digest;
        is_meant && self.matches_repository(repository)
    }

    /// Tells whether images of a repository are meant, or one of them.
    pub(crate) fn matches_repository(&self, repository: &str) -> bool {
        self.repository.matches(repository)
    }

    /// Gives the repositories and tags that are meant, where tags are.
    pub(crate) fn tags(&self) -> Option<(&Glob, &Glob)> {
        Some((&self.repository, self.tag.as_ref()?))
    }

    /// Means all images of repositories.
    pub(crate) fn of_repositories(repository: Glob) -> Self {
        Self {
            repository,
            tag: None,
            digest: None,
        }
    }

    /// Tells whether all that it means is in repositories of one of these patterns.
    pub(crate) fn is_within(&self, repositories: &[Glob]) -> bool {
        let mut repositories = repositories.iter();
        repositories.any(|outer| outer.contains(&self.repository))
    }

    /// Gives the pattern of repositories where it means all of their images.
    pub(crate) fn into_repository(self) -> Option<Glob> {
        let is_of_all = self.digest.is_none() && self.tag.is_none();
        is_of_all.then_some(self.repository)
    }
}

/// Splits the tag off a name: what is behind a colon that is no port's.
fn split_tag(name: &str) -> (&str, Option<&str>) {
    let path_at = name
        .find('/')
        .or_else(|| name.starts_with("**:").then_some(0));
    let colon = path_at.and_then(|at| Some(at + name.get(at..)?.find(':')?));
    let split = colon.and_then(|at| name.split_at_checked(at));
    split.map_or((name, None), |(name, tag)| (name, tag.strip_prefix(':')))
}

fn read_tag(text: &str, tag: &str) -> Result<Glob, PatternError> {
    let is_of_tags = |byte: u8| byte.is_ascii_alphanumeric() || b"._-*?".contains(&byte);
    if tag.is_empty() || tag.len() > MAX_TAG_BYTES || !tag.bytes().all(is_of_tags) {
        return Err(PatternError::Tag(text.to_owned()));
    }
    Ok(Glob::new(tag))
}

impl fmt::Display for ImagePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        match (&self.tag, &self.digest) {
            (Some(tag), _) => write!(f, ":{tag}"),
            (None, Some(digest)) => write!(f, "@{digest}"),
            (None, None) => Ok(()),
        }
    }
}
