//! What is read before there is a set: files, and which repositories and askers a policy is bound
//! to.

use sluicegate_model::Audience;

use crate::askers::{Asker, Client};
use sluicegate_model::glob::Glob;

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
    pub repositories: Vec<Glob>,
    /// For whom; everybody where it is empty.
    pub clients: Vec<Client>,
}

impl Binding {
    /// Tells whether it applies in a repository for these askers.
    pub(crate) fn covers(&self, repository: &str, audience: &Audience) -> bool {
        let is_for = !self.names_askers() || audience.bindings().contains(&self.name);
        is_for && self.covers_repository(repository)
    }

    /// Tells whether it applies in a repository, to whomever.
    pub(crate) fn covers_repository(&self, repository: &str) -> bool {
        self.repositories
            .iter()
            .any(|pattern| pattern.matches(repository))
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
