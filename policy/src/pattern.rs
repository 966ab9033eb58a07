//! Images as documents name them: repositories by pattern, or one digest in those.

use std::fmt;

use sluicegate_model::Digest;
use sluicegate_model::glob::Glob;

/// Says why a text can never name an image: the fault of whoever wrote it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PatternError {
    #[error("{0:?}: tags are not supported yet; a digest is, behind @")]
    Tag(String),
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
    /// The only image that is; absent, all in the repositories.
    digest: Option<Digest>,
}

impl ImagePattern {
    /// Reads a canonical name or a pattern of one, perhaps with `@` and a digest behind it.
    pub(crate) fn parse(text: &str) -> Result<Self, PatternError> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => {
                let digest = digest.parse().ok();
                let digest: Digest = digest.ok_or_else(|| PatternError::Other(text.to_owned()))?;
                (name, Some(digest))
            }
            None => (text, None),
        };
        let (host, path) = name.split_once('/').unwrap_or((name, ""));
        if path.contains(':') {
            return Err(PatternError::Tag(text.to_owned()));
        }
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
        Ok(Self { repository, digest })
    }

    /// Tells whether an image is meant; one without a digest is known by its repository alone.
    pub(crate) fn matches(&self, repository: &str, digest: Option<&Digest>) -> bool {
        let is_meant = self.digest.is_none() || self.digest.as_ref() == digest;
        is_meant && self.matches_repository(repository)
    }

    /// Tells whether images of a repository are meant, or one of them.
    pub(crate) fn matches_repository(&self, repository: &str) -> bool {
        self.repository.matches(repository)
    }

    /// Means all images of repositories.
    pub(crate) fn of_repositories(repository: Glob) -> Self {
        Self {
            repository,
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
        self.digest.is_none().then_some(self.repository)
    }
}

impl fmt::Display for ImagePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.digest {
            Some(digest) => write!(f, "{}@{digest}", self.repository),
            None => write!(f, "{}", self.repository),
        }
    }
}
