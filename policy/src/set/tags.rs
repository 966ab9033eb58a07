//! Which documents name tags, and what they say of the one by which something is asked for.
//!
//! A tag that is not known loosens nothing: no Exception on tags applies, and of Bindings on tags all
//! do, beside what would cover the image without them.

use sluicegate_model::glob::Glob;
use sluicegate_model::{Audience, Repository, Tag};

use super::PolicySet;
use crate::binding::Binding;
use crate::exception::Exception;
use crate::pattern::ImagePattern;

/// What is said of a tag that no document means.
const OTHER: &str = "tag:other";

/// A document that names tags.
#[derive(Debug)]
pub(super) struct NamesTags {
    word: String,
    /// Repositories, and tags in them.
    meant: Vec<(Glob, Glob)>,
}

impl NamesTags {
    /// Lists those that name tags.
    pub(super) fn among(bindings: &[Binding], exceptions: &[Exception]) -> Vec<Self> {
        let bindings = bindings.iter().map(|it| (it.word(), &it.repositories));
        let exceptions = exceptions.iter().map(|it| (it.word(), &it.images));
        let all = bindings.chain(exceptions);
        all.filter_map(|(word, patterns)| Self::of(word, patterns))
            .collect()
    }

    fn of(word: String, patterns: &[ImagePattern]) -> Option<Self> {
        let tags = patterns.iter().filter_map(ImagePattern::tags);
        let meant: Vec<(Glob, Glob)> = tags
            .map(|(name, tag)| (name.clone(), tag.clone()))
            .collect();
        (!meant.is_empty()).then_some(Self { word, meant })
    }

    /// Tells whether it means a tag of a repository, or any.
    fn means(&self, repository: &str, tag: Option<&str>) -> bool {
        let mut meant = self.meant.iter();
        meant
            .any(|(name, tags)| name.matches(repository) && tag.is_none_or(|tag| tags.matches(tag)))
    }
}

impl PolicySet {
    /// Tells whether any Binding or Exception names tags: where none does, nobody has to know them.
    pub fn names_tags(&self) -> bool {
        !self.0.naming_tags.is_empty()
    }

    /// Adds to an audience what documents say of the tag by which something is asked for.
    pub fn by_tag(
        &self,
        audience: Audience,
        repository: &Repository,
        tag: Option<&Tag>,
    ) -> Audience {
        let Some(tag) = tag.filter(|_| self.names_tags()) else {
            return audience;
        };
        let repository = repository.to_string();
        let naming = self.0.naming_tags.iter();
        let mut naming = naming.filter(|it| it.means(&repository, None)).peekable();
        if naming.peek().is_none() {
            return audience;
        }
        let meaning = naming.filter(|it| it.means(&repository, Some(tag.as_str())));
        let mut words: Vec<String> = meaning.map(|it| it.word.clone()).collect();
        if words.is_empty() {
            words.push(OTHER.to_owned());
        }
        words.extend(audience.bindings().iter().cloned());
        Audience::of_bindings(words)
    }

    /// Tells whether a word can still be said of a tag in a repository.
    pub(super) fn says_of_tags(&self, word: &str, repository: &str) -> bool {
        let mut naming = self.0.naming_tags.iter();
        naming.any(|it| (word == OTHER || it.word == word) && it.means(repository, None))
    }
}
