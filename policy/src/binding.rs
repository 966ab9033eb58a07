//! What is read before there is a set: files, and which repositories and askers a policy is bound
//! to.

use sluicegate_model::{Audience, Digest};

use crate::askers::{Asker, Client};
use crate::pattern::ImagePattern;

/// A policy file's name and text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// The name, as shown in errors.
    pub name: String,
    /// The text.
    pub text: String,
}

/// A checked binding.
#[derive(Debug)]
pub(crate) struct Binding {
    pub name: String,
    pub text: String,
    pub policy: String,
    pub repositories: Vec<ImagePattern>,
    /// For whom; everybody where it is empty.
    pub clients: Vec<Client>,
    /// The delegation in whose directory it lies.
    pub delegated_by: Option<String>,
}

impl Binding {
    /// Tells whether it applies to an image for these askers; `tag_is_meant` says what holds of the tags
    /// that it names.
    pub(crate) fn covers(
        &self,
        repository: &str,
        digest: Option<&Digest>,
        audience: &Audience,
        tag_is_meant: bool,
    ) -> bool {
        let mut patterns = self.repositories.iter();
        self.is_for(audience)
            && patterns.any(|pattern| {
                let is_meant = pattern.tags().is_none() || tag_is_meant;
                is_meant && pattern.matches(repository, digest)
            })
    }

    /// Tells whether it is for these askers.
    pub(crate) fn is_for(&self, audience: &Audience) -> bool {
        !self.names_askers() || audience.bindings().contains(&self.name)
    }

    /// Gives what an audience says whose tag it means.
    pub(crate) fn word(&self) -> String {
        tag_word("binding", &self.name)
    }

    /// Tells whether it applies in a repository, or to an image of it, to whomever.
    pub(crate) fn covers_repository(&self, repository: &str) -> bool {
        let mut patterns = self.repositories.iter();
        patterns.any(|pattern| pattern.matches_repository(repository))
    }

    /// Tells whether it is for some askers only.
    pub(crate) fn names_askers(&self) -> bool {
        !self.clients.is_empty()
    }

    /// Tells whether it names whoever asks.
    pub(crate) fn names(&self, asker: &Asker<'_>) -> bool {
        self.clients.iter().any(|client| client.names(asker))
    }
}

/// Gives what an audience says where a document means the tag.
pub(crate) fn tag_word(kind: &str, name: &str) -> String {
    format!("{}{kind}/{name}", Audience::TAG)
}
