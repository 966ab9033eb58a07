//! What is read before there is a set: files, and which repositories a policy is bound to.

use crate::glob::Glob;

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
}

impl Binding {
    pub(crate) fn covers(&self, repository: &str) -> bool {
        self.repositories
            .iter()
            .any(|pattern| pattern.matches(repository))
    }
}
