//! A policy set: which documents apply in which repository, and for whom.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use sluicegate_model::{Audience, Digest, Repository, Scope};

use crate::askers::{Asker, Client};
use crate::binding::{Binding, SourceFile};
use crate::built_in::{BUILT_IN_NAME, built_in_text};
use crate::case::Case;
use crate::document::{BINDING, EXCEPTION, POLICY, PolicyDocument, digest_of};
use crate::error::LoadErrors;
use crate::exception::Exception;
use crate::load::{self, LoadedDocuments};
use crate::rules::Policy;

/// Most scopes whose digest is remembered, about 2 MiB; then all are forgotten.
const MAX_REMEMBERED: usize = 10_000;

/// Validated documents; immutable and cheap to clone.
#[derive(Clone, Debug)]
pub struct PolicySet(Arc<Documents>);

#[derive(Debug)]
struct Documents {
    policies: Vec<Policy>,
    bindings: Vec<Binding>,
    exceptions: Vec<Exception>,
    built_in: Policy,
    /// All of them as they were written, the built-in one too.
    written: Vec<PolicyDocument>,
    digest: Digest,
    /// Whether any policy decides by names alone, and whether any lists what is allowed: where none
    /// does, no pull has to look further.
    by_name: bool,
    by_list: bool,
    /// What every warm pull asks for, by scope: documents never change.
    remembered: RwLock<HashMap<Scope, Remembered>>,
}

/// What is known of a scope.
#[derive(Clone, Debug)]
struct Remembered {
    /// The digest of the documents that apply.
    digest: Digest,
    /// Whether any of the policies may decide by a name alone.
    by_name: bool,
    /// Whether any of them lists what is allowed.
    by_list: bool,
    /// Whether any of them gives time to what was served before.
    with_grace: bool,
}

impl PolicySet {
    /// Gives the set without any document: the built-in policy covers every image.
    pub fn built_in() -> Self {
        static BUILT_IN: OnceLock<PolicySet> = OnceLock::new();
        BUILT_IN
            .get_or_init(|| Self::from_loaded(LoadedDocuments::default()))
            .clone()
    }

    /// Parses and checks every file.
    ///
    /// *Errors*: all mistakes at once, each with its place.
    pub fn parse(files: &[SourceFile]) -> Result<Self, LoadErrors> {
        load::load(files).map(Self::from_loaded)
    }

    /// Parses and checks every file, and gives the cases beside the policies too.
    ///
    /// *Errors*: all mistakes at once, each with its place.
    pub fn parse_with_cases(files: &[SourceFile]) -> Result<(Self, Vec<Case>), LoadErrors> {
        let mut loaded = load::load(files)?;
        let cases = std::mem::take(&mut loaded.cases);
        Ok((Self::from_loaded(loaded), cases))
    }

    fn from_loaded(loaded: LoadedDocuments) -> Self {
        let (built_in, built_in_text) = built_in();
        let mut written = loaded.documents;
        written.push(built_in_text);
        let mut documents = Documents {
            policies: loaded.policies,
            bindings: loaded.bindings,
            exceptions: loaded.exceptions,
            built_in,
            written,
            digest: Digest::of(b""),
            by_name: false,
            by_list: false,
            remembered: RwLock::default(),
        };
        documents.digest = digest_of(documents.all_texts());
        let all = || documents.policies.iter().chain([&documents.built_in]);
        let by_name = all().any(Policy::decides_by_name);
        let by_list = all().any(Policy::lists_references);
        (documents.by_name, documents.by_list) = (by_name, by_list);
        Self(Arc::new(documents))
    }

    /// Gives the digest of every document.
    pub fn digest(&self) -> Digest {
        self.0.digest.clone()
    }

    /// Tells for whom whoever asks is judged in a repository: for all to whom the same ones of the
    /// bindings apply that name askers.
    pub fn audience(&self, repository: &Repository, asker: &Asker<'_>) -> Audience {
        let mut naming = self.naming_askers().peekable();
        if naming.peek().is_none() {
            return Audience::EVERYBODY;
        }
        let repository = repository.to_string();
        let applies = |it: &&Binding| it.names(asker) && it.covers_repository(&repository);
        Audience::of_bindings(naming.filter(applies).map(|binding| binding.name.clone()))
    }

    /// Tells whether anybody can still be judged like this: every binding that told these askers
    /// from others still does.
    pub fn knows(&self, scope: &Scope) -> bool {
        let repository = scope.repository.to_string();
        let is_there = |name: &String| {
            let mut naming = self.naming_askers();
            naming.any(|it| it.name == *name && it.covers_repository(&repository))
        };
        scope.audience.bindings().iter().all(is_there)
    }

    /// Tells whether any policy is bound to keys, whose holders have to be asked for them.
    pub fn names_keys(&self) -> bool {
        let mut clients = self.naming_askers().flat_map(|binding| &binding.clients);
        clients.any(|client| matches!(client, Client::Key(_)))
    }

    /// Tells whether any policy is bound to a network in which an address is.
    pub fn names_network(&self, address: IpAddr) -> bool {
        let asker = Asker {
            principal: None,
            address,
        };
        // Without a principal nothing but networks is left to be named by.
        self.naming_askers().any(|binding| binding.names(&asker))
    }

    fn naming_askers(&self) -> impl Iterator<Item = &Binding> {
        let bindings = self.0.bindings.iter();
        bindings.filter(|binding| binding.names_askers())
    }

    /// Gives the digest of the documents that apply in a scope.
    pub fn digest_for(&self, scope: &Scope) -> Digest {
        self.remembered(scope, |it| it.digest.clone())
    }

    /// Tells whether a name alone may be refused in a scope.
    pub(crate) fn decides_by_name(&self, scope: &Scope) -> bool {
        self.0.by_name && self.remembered(scope, |it| it.by_name)
    }

    /// Tells whether what an allowed name leads to has to be remembered in a scope.
    pub fn lists_names(&self, scope: &Scope) -> bool {
        self.0.by_list && self.remembered(scope, |it| it.by_list)
    }

    /// Tells whether any policy of a scope gives time to what was served before one of its rules hit.
    pub fn gives_grace(&self, scope: &Scope) -> bool {
        self.remembered(scope, |it| it.with_grace)
    }

    fn remembered<T>(&self, scope: &Scope, of: impl Fn(&Remembered) -> T) -> T {
        let remembered = &self.0.remembered;
        let known = remembered.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(scope) {
            return of(known);
        }
        drop(known);
        let computed = self.compute(scope);
        let answer = of(&computed);
        let mut known = remembered.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_REMEMBERED {
            known.clear();
        }
        known.insert(scope.clone(), computed);
        answer
    }

    fn compute(&self, scope: &Scope) -> Remembered {
        let policies = self.applying(scope);
        Remembered {
            digest: digest_of(self.texts_for(scope)),
            by_name: policies.iter().any(|policy| policy.decides_by_name()),
            by_list: policies.iter().any(|policy| policy.lists_references()),
            with_grace: (policies.iter()).any(|it| it.rules.iter().any(|it| it.grace.is_some())),
        }
    }

    fn texts_for(&self, scope: &Scope) -> Vec<(&str, &str, &str)> {
        let name = scope.repository.to_string();
        let policies = self.applying(scope);
        let mut texts: Vec<(&str, &str, &str)> = policies
            .iter()
            .map(|policy| (POLICY, policy.name.as_str(), policy.text.as_str()))
            .collect();
        for binding in &self.0.bindings {
            if binding.is_for(&scope.audience) && binding.covers_repository(&name) {
                texts.push((BINDING, &binding.name, &binding.text));
            }
        }
        let exceptions = self.0.exceptions.iter();
        for exception in exceptions.filter(|it| it.covers_repository(&name)) {
            texts.push((EXCEPTION, &exception.name, &exception.text));
        }
        texts
    }

    /// Gives every document as it was written; its digest is [`PolicySet::digest`].
    pub fn documents(&self) -> Vec<PolicyDocument> {
        self.written(self.0.all_texts())
    }

    /// Gives the documents that apply in a scope; their digest is [`PolicySet::digest_for`].
    pub fn documents_for(&self, scope: &Scope) -> Vec<PolicyDocument> {
        self.written(self.texts_for(scope))
    }

    /// Finds what was written for each of these: of equal ones each its own.
    fn written(&self, texts: Vec<(&str, &str, &str)>) -> Vec<PolicyDocument> {
        let mut written: HashMap<(&str, &str, &str), Vec<&PolicyDocument>> = HashMap::new();
        for document in &self.0.written {
            let key = (&*document.kind, &*document.name, &*document.canonical);
            written.entry(key).or_default().push(document);
        }
        let mut found = Vec::with_capacity(texts.len());
        for text in texts {
            let equal = written.get_mut(&text);
            found.extend(equal.and_then(Vec::pop).cloned());
        }
        found
    }

    /// Lists the names of the policies; `default` alone where there are no documents.
    pub fn policy_names(&self) -> Vec<String> {
        let policies = self.0.own_or_built_in();
        policies.iter().map(|policy| policy.name.clone()).collect()
    }

    /// Lists the policies that apply in a scope to an image, or to what has no digest yet: the built-in
    /// one where no other does.
    pub(crate) fn covering(&self, scope: &Scope, digest: Option<&Digest>) -> Vec<&Policy> {
        let name = scope.repository.to_string();
        self.of_bindings(|binding| binding.covers(&name, digest, &scope.audience))
    }

    /// Lists the policies that apply in a scope to any image.
    pub(crate) fn applying(&self, scope: &Scope) -> Vec<&Policy> {
        let name = scope.repository.to_string();
        let applies = |it: &Binding| it.is_for(&scope.audience) && it.covers_repository(&name);
        let mut applying = self.of_bindings(applies);
        // Where they are bound to some of its images alone, the built-in one is for the others.
        let others = self.covering(scope, None);
        let is_new = |policy: &&Policy| !applying.iter().any(|it| std::ptr::eq(*it, *policy));
        let new: Vec<&Policy> = others.into_iter().filter(is_new).collect();
        applying.extend(new);
        applying
    }

    /// Lists the policies that are bound to nothing, and those to which such bindings bind.
    fn of_bindings(&self, is_meant: impl Fn(&Binding) -> bool) -> Vec<&Policy> {
        let covers = |policy: &&Policy| {
            let bindings = self.0.bindings.iter();
            let mut own = bindings.filter(|binding| binding.policy == policy.name);
            let bound = own.clone().next().is_some();
            !bound || own.any(&is_meant)
        };
        let mut covering: Vec<&Policy> = self.0.policies.iter().filter(covers).collect();
        if covering.is_empty() || self.built_in_is_bound(is_meant) {
            covering.push(&self.0.built_in);
        }
        covering
    }

    /// Tells whether such a binding names the built-in policy, and not one of the same name.
    fn built_in_is_bound(&self, is_meant: impl Fn(&Binding) -> bool) -> bool {
        let mut policies = self.0.policies.iter();
        let shadowed = policies.any(|policy| policy.name == BUILT_IN_NAME);
        let mut bound = self.0.bindings.iter();
        !shadowed && bound.any(|it| it.policy == BUILT_IN_NAME && is_meant(it))
    }

    /// Lists all exceptions.
    pub(crate) fn exceptions(&self) -> &[Exception] {
        &self.0.exceptions
    }

    /// Lists all bindings.
    pub(crate) fn bindings(&self) -> &[Binding] {
        &self.0.bindings
    }

    /// Lists the policies that files hold.
    pub(crate) fn own_policies(&self) -> &[Policy] {
        &self.0.policies
    }

    /// Lists the policies that files hold, and the built-in one where that covers anything by name
    /// or for want of others.
    pub(crate) fn own_or_default(&self) -> Vec<&Policy> {
        let mut policies: Vec<&Policy> = self.0.policies.iter().collect();
        let is_bound = |policy: &Policy| self.0.bindings.iter().any(|it| it.policy == policy.name);
        let covers_all = policies.iter().any(|policy| !is_bound(policy));
        let is_own = |policy: &&Policy| policy.name == BUILT_IN_NAME;
        if !covers_all || (is_bound(&self.0.built_in) && !policies.iter().any(is_own)) {
            policies.push(&self.0.built_in);
        }
        policies
    }

    /// Gives the built-in policy.
    pub(crate) fn default_policy(&self) -> &Policy {
        &self.0.built_in
    }

    /// Lists the patterns to which a policy is bound; none where it covers every image.
    pub(crate) fn patterns_of(&self, policy: &Policy) -> Vec<String> {
        let bindings = self.0.bindings.iter();
        let own = bindings.filter(|binding| binding.policy == policy.name);
        own.flat_map(|binding| &binding.repositories)
            .map(ToString::to_string)
            .collect()
    }

    /// Lists the policies that cover whatever these patterns do, `policy` among them.
    pub(crate) fn beside(&self, policy: &Policy, patterns: &[String]) -> Vec<&Policy> {
        let everything = ["**".to_owned()];
        let patterns: &[String] = if patterns.is_empty() {
            &everything
        } else {
            patterns
        };
        let covers = |name: &str| {
            let mut own = self.0.bindings.iter().filter(|it| it.policy == name);
            patterns.iter().all(|pattern| {
                own.clone()
                    .any(|binding| binding.covers_repository(pattern))
            }) && own.next().is_some()
        };
        let is_unbound = |name: &str| self.0.bindings.iter().all(|it| it.policy != name);
        let policies = self.0.policies.iter();
        let mut beside: Vec<&Policy> = policies
            .filter(|it| it.name == policy.name || is_unbound(&it.name) || covers(&it.name))
            .collect();
        let is_shadowed = self.0.policies.iter().any(|it| it.name == BUILT_IN_NAME);
        if !is_shadowed && covers(BUILT_IN_NAME) {
            beside.push(&self.0.built_in);
        }
        beside
    }

    /// Lists the exceptions on an image.
    pub(crate) fn exceptions_for(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Vec<&Exception> {
        let name = repository.to_string();
        let exceptions = self.0.exceptions.iter();
        exceptions.filter(|it| it.covers(&name, digest)).collect()
    }
}

impl Documents {
    fn own_or_built_in(&self) -> &[Policy] {
        if self.policies.is_empty() {
            std::slice::from_ref(&self.built_in)
        } else {
            &self.policies
        }
    }

    fn all_texts(&self) -> Vec<(&str, &str, &str)> {
        let policies = self.own_or_built_in();
        let mut texts: Vec<(&str, &str, &str)> = Vec::new();
        texts.extend(
            policies
                .iter()
                .map(|p| (POLICY, p.name.as_str(), p.text.as_str())),
        );
        texts.extend(
            self.bindings
                .iter()
                .map(|b| (BINDING, b.name.as_str(), b.text.as_str())),
        );
        texts.extend(
            self.exceptions
                .iter()
                .map(|e| (EXCEPTION, e.name.as_str(), e.text.as_str())),
        );
        texts
    }
}

/// Reads the built-in text.
fn built_in() -> (Policy, PolicyDocument) {
    let file = SourceFile {
        name: "built-in".into(),
        text: built_in_text().into(),
    };
    let loaded = load::load(&[file]).unwrap_or_default();
    let policy = loaded.policies.into_iter().next();
    let document = loaded.documents.into_iter().next();
    policy
        .zip(document)
        .expect("the text is part of the program and read by its tests")
}
