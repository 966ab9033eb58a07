//! A policy set: which documents apply in which repository, and for whom.

mod coverage;
mod tags;

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use jiff::Timestamp;
use sluicegate_model::{Audience, Digest, Repository, Scope};
use sluicegate_signatures::Wanted;

use crate::askers::{Asker, Client};
use crate::attached::Sources;
use crate::binding::{Binding, SourceFile};
use crate::built_in::built_in_text;
use crate::case::Case;
use crate::delegation::Delegation;
use crate::document::{
    BINDING, DELEGATION, EXCEPTION, KEY, POLICY, PolicyDocument, VEX, digest_of,
};
use crate::error::LoadErrors;
use crate::exception::Exception;
use crate::load::{self, LoadedDocuments};
use crate::rules::Policy;

use tags::NamesTags;

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
    naming_tags: Vec<NamesTags>,
    delegations: Vec<Arc<Delegation>>,
    built_in: Policy,
    /// All of them as they were written, the built-in one too.
    written: Vec<PolicyDocument>,
    digest: Digest,
    /// Whether any policy decides by names alone, and whether any lists what is allowed: where none
    /// does, no pull has to look further.
    by_name: bool,
    by_list: bool,
    /// Whether any asks who signed an image.
    by_signature: bool,
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
    /// What they ask of signatures, where they do.
    signatures: Option<Arc<Wanted>>,
}

impl PolicySet {
    /// Gives the set without any document: the built-in policy covers every image.
    pub fn built_in() -> Self {
        static BUILT_IN: OnceLock<PolicySet> = OnceLock::new();
        BUILT_IN
            .get_or_init(|| Self::from_loaded(LoadedDocuments::default()))
            .clone()
    }

    /// Parses and checks files that name no others, at the beginning of all time: of a delegated
    /// directory no exception ends soon enough for that.
    ///
    /// *Errors*: all mistakes at once, each with its place.
    pub fn parse(files: &[SourceFile]) -> Result<Self, LoadErrors> {
        Self::load(&Sources {
            files,
            attached: &[],
            now: Timestamp::MIN,
        })
    }

    /// Parses and checks every file, and those that they name.
    ///
    /// *Errors*: all mistakes at once, each with its place.
    pub fn load(sources: &Sources<'_>) -> Result<Self, LoadErrors> {
        load::load(sources).map(Self::from_loaded)
    }

    /// Does the same, and gives the cases beside the policies too.
    ///
    /// *Errors*: all mistakes at once, each with its place.
    pub fn load_with_cases(sources: &Sources<'_>) -> Result<(Self, Vec<Case>), LoadErrors> {
        let mut loaded = load::load(sources)?;
        let cases = std::mem::take(&mut loaded.cases);
        Ok((Self::from_loaded(loaded), cases))
    }

    fn from_loaded(loaded: LoadedDocuments) -> Self {
        let (built_in, built_in_text) = built_in();
        let mut written = loaded.documents;
        written.push(built_in_text);
        let mut documents = Documents {
            naming_tags: NamesTags::among(&loaded.bindings, &loaded.exceptions),
            policies: loaded.policies,
            bindings: loaded.bindings,
            exceptions: loaded.exceptions,
            delegations: loaded.delegations,
            built_in,
            written,
            digest: Digest::of(b""),
            by_name: false,
            by_list: false,
            by_signature: false,
            remembered: RwLock::default(),
        };
        documents.digest = digest_of(documents.all_texts());
        let all = || documents.policies.iter().chain([&documents.built_in]);
        let by_name = all().any(Policy::decides_by_name);
        let by_list = all().any(Policy::lists_references);
        let asks = |it: &Policy| it.stated().next().is_some() || !it.trust_vex.is_empty();
        let by_signature = all().any(asks);
        (documents.by_name, documents.by_list) = (by_name, by_list);
        documents.by_signature = by_signature;
        Self(Arc::new(documents))
    }

    /// Gives the digest of every document.
    pub fn digest(&self) -> Digest {
        self.0.digest.clone()
    }

    /// Tells for whom whoever asks is judged in a repository: for all to whom the same ones of the
    /// bindings apply that name askers. What is said of a tag comes with [`PolicySet::by_tag`].
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
            if name.starts_with(Audience::TAG) {
                return self.says_of_tags(name, &repository);
            }
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

    /// Tells what the policies of a scope ask of signatures; none where none of them does.
    pub fn wanted_signatures(&self, scope: &Scope) -> Option<Arc<Wanted>> {
        if !self.0.by_signature {
            return None;
        }
        self.remembered(scope, |it| it.signatures.clone())
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
            signatures: wanted_by(&policies).map(Arc::new),
        }
    }

    fn texts_for(&self, scope: &Scope) -> Vec<(&str, &str, &str)> {
        let name = scope.repository.to_string();
        let policies = self.applying(scope);
        let mut texts = texts_of(policies);
        let delegations = self.0.delegations.iter();
        for delegation in delegations.filter(|it| it.covers_repository(&name)) {
            texts.push((DELEGATION, &delegation.name, &delegation.text));
        }
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

    /// Lists the exceptions on an image in a scope.
    pub(crate) fn exceptions_for(&self, scope: &Scope, digest: &Digest) -> Vec<&Exception> {
        let (name, audience) = (scope.repository.to_string(), &scope.audience);
        let exceptions = self.0.exceptions.iter();
        let covering = exceptions.filter(|it| it.covers(&name, digest, audience));
        covering.collect()
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
        let mut texts = texts_of(self.own_or_built_in());
        texts.extend(
            self.delegations
                .iter()
                .map(|it| (DELEGATION, it.name.as_str(), it.text.as_str())),
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

/// Gives the texts of policies, and of what they name, each once.
fn texts_of<'a>(
    policies: impl IntoIterator<Item = &'a Policy>,
) -> Vec<(&'a str, &'a str, &'a str)> {
    let (mut texts, mut attached) = (Vec::new(), BTreeSet::new());
    for policy in policies {
        texts.push((POLICY, policy.name.as_str(), policy.text.as_str()));
        let documents = policy.vex.documents().iter();
        attached.extend(documents.map(|it| (VEX, it.path.as_str(), it.digest.as_str())));
        let keys = policy.key_files.iter();
        attached.extend(keys.map(|it| (KEY, it.text.path.as_str(), it.digest.as_str())));
    }
    texts.extend(attached);
    texts
}

/// Collects what policies ask of signatures.
fn wanted_by(policies: &[&Policy]) -> Option<Wanted> {
    let stated = || policies.iter().flat_map(|policy| policy.stated());
    let keys = stated().flat_map(|it| &it.keys);
    let statements = stated().map(|it| it.statement.clone());
    let heard = policies.iter().flat_map(|policy| &policy.trust_vex);
    let wanted = Wanted::new(keys, statements).hearing(heard);
    (!wanted.is_empty()).then_some(wanted)
}

/// Reads the built-in text.
fn built_in() -> (Policy, PolicyDocument) {
    let file = SourceFile {
        name: "built-in".into(),
        text: built_in_text().into(),
    };
    let loaded = load::load(&Sources {
        files: &[file],
        attached: &[],
        now: Timestamp::MIN,
    });
    let loaded = loaded.unwrap_or_default();
    let policy = loaded.policies.into_iter().next();
    let document = loaded.documents.into_iter().next();
    policy
        .zip(document)
        .expect("the text is part of the program and read by its tests")
}
