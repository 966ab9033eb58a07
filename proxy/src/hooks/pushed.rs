//! One image of a notification: its name as the registry writes it, and what it is called here.

use sluicegate_model::digest::DigestError;
use sluicegate_model::image::{NameError, WrittenName};
use sluicegate_model::names::{CanonicalNameError, Names};
use sluicegate_model::{Digest, Reference, Repository, Tag};

/// Characters of a name that are told to whoever sent it.
const SHOWN_CHARS: usize = 160;
/// What is meant where a name says nothing else.
const LATEST: &str = "latest";

/// An image that was pushed, as the registry names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The registry; none where the name is one that is pulled here.
    host: Option<String>,
    path: String,
    reference: Reference,
}

/// Says why a text names no image that can be scanned.
#[derive(Debug, thiserror::Error)]
pub enum NoImage {
    /// The name has no registry before it, or nothing behind that.
    #[error("{0:?} names no image: wanted HOST/REPOSITORY")]
    NoHost(String),
    /// Neither of the two is said.
    #[error("{0:?} is named with neither tag nor digest")]
    NoReference(String),
    /// What should be a digest is none.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// What should be a tag is none.
    #[error(transparent)]
    Tag(#[from] NameError),
    /// It is of no configured upstream, or no name of a repository.
    #[error("image {image:?}: {source}")]
    Name {
        /// What was written.
        image: String,
        /// What is wrong with it.
        source: CanonicalNameError,
    },
    /// The notification lacks what it should name the image by.
    #[error("the notification has no {0}")]
    Lacks(&'static str),
}

impl Pushed {
    /// Reads `NAME[:TAG][@DIGEST]`, the name as it is pulled here; without either it is `latest`.
    pub(super) fn as_pulled(text: &str) -> Result<Self, NoImage> {
        let (path, tag, digest) = parts(text);
        let tag = tag.or(Some(LATEST));
        Ok(Self {
            host: None,
            path: path.to_owned(),
            reference: reference(path, tag, digest)?,
        })
    }

    /// Reads `HOST/REPOSITORY[:TAG][@DIGEST]`; a digest that is said beside it goes before.
    pub(super) fn on_host(text: &str, digest: Option<&str>) -> Result<Self, NoImage> {
        let (name, tag, own_digest) = parts(text);
        let (host, path) = match name.split_once('/') {
            Some((host, path)) if !host.is_empty() && !path.is_empty() => (host, path),
            _ => return Err(NoImage::NoHost(shown(text))),
        };
        Ok(Self {
            host: Some(host.to_owned()),
            path: path.to_owned(),
            reference: reference(name, tag, digest.or(own_digest))?,
        })
    }

    /// Gives its canonical name and what of it was pushed.
    ///
    /// *Errors*: [`NoImage::Name`].
    pub(super) fn canonical(&self, names: &Names) -> Result<(Repository, Reference), NoImage> {
        let repository = names.canonical(&self.path, self.host.as_deref());
        let repository = repository.map_err(|source| NoImage::Name {
            image: shown(&self.name()),
            source,
        })?;
        Ok((repository, self.reference.clone()))
    }

    fn name(&self) -> String {
        match &self.host {
            Some(host) => format!("{host}/{}", self.path),
            None => self.path.clone(),
        }
    }
}

/// Takes a name apart; parts that are written and empty are none.
pub(super) fn parts(text: &str) -> (&str, Option<&str>, Option<&str>) {
    let WrittenName { name, tag, digest } = WrittenName::of(text);
    (name, said(tag), said(digest))
}

/// Gives a text that says something.
pub(super) fn said(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

fn reference(name: &str, tag: Option<&str>, digest: Option<&str>) -> Result<Reference, NoImage> {
    match (digest, tag) {
        (Some(digest), _) => Ok(Reference::Digest(digest.parse::<Digest>()?)),
        (None, Some(tag)) => Ok(Reference::Tag(tag.parse::<Tag>()?)),
        (None, None) => Err(NoImage::NoReference(shown(name))),
    }
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS).collect()
}
