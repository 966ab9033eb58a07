//! A policy set: which documents apply to which repository.

use std::sync::{Arc, OnceLock};

use sluicegate_model::{Digest, Repository};

use crate::built_in::built_in_text;
use crate::error::{LoadError, LoadErrors};
use crate::exception::Exception;
use crate::glob::Glob;
use crate::load::{self, Loaded};
use crate::rules::Policy;

/// A policy file's name and text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// The name, as shown in errors.
    pub name: String,
    /// The text.
    pub text: String,
}

/// Validated documents; immutable and cheap to clone.
#[derive(Clone, Debug)]
pub struct PolicySet(Arc<Documents>);

#[derive(Debug)]
struct Documents {
    policies: Vec<Policy>,
    bindings: Vec<Binding>,
    exceptions: Vec<Exception>,
    built_in: Vec<Policy>,
    digest: Digest,
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
    fn covers(&self, repository: &str) -> bool {
        self.repositories
            .iter()
            .any(|pattern| pattern.matches(repository))
    }
}

impl PolicySet {
    /// Gives the set without any document: the built-in policy covers every image.
    pub fn built_in() -> Self {
        static BUILT_IN: OnceLock<PolicySet> = OnceLock::new();
        BUILT_IN
            .get_or_init(|| Self::from_loaded(Loaded::default()))
            .clone()
    }

    /// Parses and checks every file.
    ///
    /// *Errors*: all mistakes at once, each with its place.
    pub fn parse(files: &[SourceFile]) -> Result<Self, LoadErrors> {
        let mut loaded = load::load(files);
        let mut errors = std::mem::take(&mut loaded.errors);
        errors.extend(unknown_policies(&loaded));
        errors.extend(repeated_names(&loaded));
        if errors.is_empty() {
            Ok(Self::from_loaded(loaded))
        } else {
            Err(LoadErrors(errors))
        }
    }

    fn from_loaded(loaded: Loaded) -> Self {
        let built_in = load::load(&[SourceFile {
            name: "built-in".into(),
            text: built_in_text().into(),
        }]);
        let bindings: Vec<Binding> = loaded
            .bindings
            .into_iter()
            .map(|(binding, _)| binding)
            .collect();
        let mut documents = Documents {
            policies: loaded.policies,
            bindings,
            exceptions: loaded.exceptions,
            built_in: built_in.policies,
            digest: Digest::of(b""),
        };
        documents.digest = digest_of(documents.all_texts());
        Self(Arc::new(documents))
    }

    /// Gives the digest of every document.
    pub fn digest(&self) -> Digest {
        self.0.digest.clone()
    }

    /// Gives the digest of the documents that apply to the repository.
    pub fn digest_for(&self, repository: &Repository) -> Digest {
        let name = repository.to_string();
        let policies = self.covering(repository);
        let mut texts: Vec<(&str, &str, &str)> = policies
            .iter()
            .map(|policy| ("policy", policy.name.as_str(), policy.text.as_str()))
            .collect();
        for binding in &self.0.bindings {
            if binding.covers(&name) {
                texts.push(("binding", &binding.name, &binding.text));
            }
        }
        for exception in self.exceptions_for(repository) {
            texts.push(("exception", &exception.name, &exception.text));
        }
        digest_of(texts)
    }

    /// Lists the names of the policies; `default` alone where there are no documents.
    pub fn policy_names(&self) -> Vec<String> {
        let own = if self.0.policies.is_empty() {
            &self.0.built_in
        } else {
            &self.0.policies
        };
        own.iter().map(|policy| policy.name.clone()).collect()
    }

    /// Lists the policies that cover the repository: the built-in one where no other does.
    pub(crate) fn covering(&self, repository: &Repository) -> Vec<&Policy> {
        let name = repository.to_string();
        let covers = |policy: &&Policy| {
            let mut own = self
                .0
                .bindings
                .iter()
                .filter(|binding| binding.policy == policy.name);
            let bound = own.clone().next().is_some();
            !bound || own.any(|binding| binding.covers(&name))
        };
        let covering: Vec<&Policy> = self.0.policies.iter().filter(covers).collect();
        if covering.is_empty() {
            self.0.built_in.iter().collect()
        } else {
            covering
        }
    }

    pub(crate) fn exceptions_for(&self, repository: &Repository) -> Vec<&Exception> {
        let covers = |exception: &&Exception| exception.covers_repository(repository);
        self.0.exceptions.iter().filter(covers).collect()
    }
}

impl Documents {
    fn all_texts(&self) -> Vec<(&str, &str, &str)> {
        let policies = if self.policies.is_empty() {
            &self.built_in
        } else {
            &self.policies
        };
        let mut texts: Vec<(&str, &str, &str)> = Vec::new();
        texts.extend(
            policies
                .iter()
                .map(|p| ("policy", p.name.as_str(), p.text.as_str())),
        );
        texts.extend(
            self.bindings
                .iter()
                .map(|b| ("binding", b.name.as_str(), b.text.as_str())),
        );
        texts.extend(
            self.exceptions
                .iter()
                .map(|e| ("exception", e.name.as_str(), e.text.as_str())),
        );
        texts
    }
}

/// Hashes documents in an order of their own, so that file names and their order do not matter.
fn digest_of(mut texts: Vec<(&str, &str, &str)>) -> Digest {
    texts.sort_unstable();
    let joined = serde_json::to_vec(&texts).unwrap_or_default();
    Digest::of(&joined)
}

fn unknown_policies(loaded: &Loaded) -> Vec<LoadError> {
    let known = |name: &str| loaded.policies.iter().any(|policy| policy.name == name);
    let unknown = loaded
        .bindings
        .iter()
        .filter(|(binding, _)| !known(&binding.policy));
    unknown
        .map(|(binding, place)| place.error(format!("no policy is named {:?}", binding.policy)))
        .collect()
}

fn repeated_names(loaded: &Loaded) -> Vec<LoadError> {
    let mut errors = Vec::new();
    for (position, policy) in loaded.policies.iter().enumerate() {
        if loaded
            .policies
            .iter()
            .take(position)
            .any(|earlier| earlier.name == policy.name)
        {
            errors.push(LoadError {
                file: policy.name.clone(),
                line: 0,
                column: 0,
                message: "two policies have this name".into(),
            });
        }
    }
    errors
}
