//! Files to checked documents, with the place of every mistake.

mod attaching;
mod checks;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use sluicegate_model::strict_yaml::{self, Node, Value};

use crate::attached::{AttachedFile, KeyFile, NamedFile, Sources};
use crate::binding::{Binding, SourceFile};
use crate::case::Case;
use crate::delegation::Delegation;
use crate::document::{BINDING, DELEGATION, EXCEPTION, POLICY, PolicyDocument, parts};
use crate::error::{LoadError, LoadErrors};
use crate::exception::Exception;
use crate::read::{Document, DocumentReader, NamedPath, delegations_of};
use crate::rules::Policy;
use crate::trivyignore;
use crate::vex::VexDocument;

/// Everything that files hold, by name.
#[derive(Debug, Default)]
pub(crate) struct LoadedDocuments {
    pub policies: Vec<Policy>,
    pub bindings: Vec<Binding>,
    pub exceptions: Vec<Exception>,
    pub delegations: Vec<Arc<Delegation>>,
    /// All of them as they were written.
    pub documents: Vec<PolicyDocument>,
    /// Cases beside them, which are no part of any of it.
    pub cases: Vec<Case>,
}

/// Reads all documents, or tells every mistake in all of them.
pub(crate) fn load(sources: &Sources<'_>) -> Result<LoadedDocuments, LoadErrors> {
    let loading = Loading {
        delegations: delegations_of(sources.files),
        now: sources.now,
        ..Loading::default()
    };
    loading.load(sources)
}

/// Documents while files are read.
#[derive(Default)]
struct Loading {
    /// What directories are handed out, known before anything in them is read.
    delegations: Vec<Arc<Delegation>>,
    now: Timestamp,
    policies: BTreeMap<String, ReadPolicy>,
    /// With the file and place where each names its policy.
    bindings: BTreeMap<String, (Binding, String, Node)>,
    exceptions: BTreeMap<String, Exception>,
    /// With the file and place where each names its directory.
    delegated: BTreeMap<String, (Delegation, String, Node)>,
    /// The exceptions of `.trivyignore` and `.trivyignore.yaml`, which may share a name.
    ignored: Vec<Exception>,
    cases: BTreeMap<String, Case>,
    documents: Vec<PolicyDocument>,
    /// The VEX documents that files name; none where one of them has mistakes.
    attached: BTreeMap<NamedFile, Option<Vec<Arc<VexDocument>>>>,
    errors: Vec<LoadError>,
}

/// A policy, with the file and the place where its name stands.
struct ReadPolicy {
    policy: Policy,
    named: Vec<NamedPath>,
    file: String,
    place: Node,
}

impl Loading {
    fn load(mut self, sources: &Sources<'_>) -> Result<LoadedDocuments, LoadErrors> {
        for file in sources.files {
            self.file(file, sources.attached);
        }
        self.check_bindings();
        self.check_delegated();
        self.attach(sources.attached);
        if !self.errors.is_empty() {
            self.errors
                .sort_by_key(|error| (error.file.clone(), error.line, error.column));
            return Err(LoadErrors(self.errors));
        }
        let mut exceptions: Vec<Exception> = self.exceptions.into_values().collect();
        exceptions.extend(self.ignored);
        let bindings = self.bindings.into_values();
        let policies = self.policies.into_values();
        self.delegations
            .sort_by(|one, other| one.name.cmp(&other.name));
        Ok(LoadedDocuments {
            policies: policies.map(|read| read.policy).collect(),
            bindings: bindings.map(|(binding, ..)| binding).collect(),
            exceptions,
            delegations: self.delegations,
            documents: self.documents,
            cases: self.cases.into_values().collect(),
        })
    }

    fn file(&mut self, file: &SourceFile, attached: &[AttachedFile]) {
        let mut holding = self.delegations.iter();
        let delegation = holding.find(|it| it.holds(&file.name));
        let mut reader = DocumentReader {
            by: &file.name,
            attached,
            bounds: delegation.map(|it| it.bounds(self.now)),
            ..DocumentReader::default()
        };
        if trivyignore::is_plain(&file.name) {
            let ignored = reader.plain_trivyignore(&file.name, &file.text);
            reader.check_delegated_ignored(!ignored.is_empty());
            self.note_ignored(file, &ignored);
            self.ignored.extend(ignored);
            return self.note_mistakes(file, reader);
        }
        match strict_yaml::parse(&file.text) {
            Err(mistake) => reader.mistakes.push(mistake),
            Ok(nodes) => {
                let nodes = nodes.iter().filter(|node| node.value != Value::Null);
                let texts = parts(&file.text, nodes.clone());
                for (node, text) in nodes.zip(texts) {
                    if trivyignore::is_named(&file.name) {
                        let ignored = reader.trivyignore(&file.name, node);
                        reader.check_delegated_ignored(!ignored.is_empty());
                        self.note_ignored(file, &ignored);
                        self.ignored.extend(ignored);
                    } else if let Some((place, document)) = reader.document(node) {
                        self.note(file, text, &document);
                        self.add(file, place, document);
                    }
                }
            }
        }
        self.note_mistakes(file, reader);
    }

    fn note_mistakes(&mut self, file: &SourceFile, reader: DocumentReader<'_>) {
        let mistakes = reader.mistakes.into_iter();
        self.errors
            .extend(mistakes.map(|mistake| LoadError::new(&file.name, mistake)));
    }

    /// Keeps a document as it was written.
    fn note(&mut self, file: &SourceFile, text: String, document: &Document) {
        let (kind, name, canonical) = match document {
            Document::Policy(policy, _) => (POLICY, &policy.name, &policy.text),
            Document::Binding(binding, _) => (BINDING, &binding.name, &binding.text),
            Document::Exception(exception) => (EXCEPTION, &exception.name, &exception.text),
            Document::Delegation(it, _) => (DELEGATION, &it.name, &it.text),
            // Nobody has to be told later what was expected.
            Document::Case(_) => return,
        };
        if let Document::Policy(policy, _) = document {
            self.documents
                .extend(policy.key_files.iter().map(KeyFile::document));
        }
        self.documents.push(PolicyDocument {
            kind: kind.to_owned(),
            name: name.clone(),
            file: file.name.clone(),
            text,
            canonical: canonical.clone(),
        });
    }

    /// Keeps entries of a `.trivyignore` file: each alone, for one file can hold thousands.
    fn note_ignored(&mut self, file: &SourceFile, ignored: &[Exception]) {
        let noted = ignored.iter().map(|exception| PolicyDocument {
            kind: EXCEPTION.to_owned(),
            name: exception.name.clone(),
            file: file.name.clone(),
            text: exception.text.clone(),
            canonical: exception.text.clone(),
        });
        self.documents.extend(noted);
    }

    fn add(&mut self, file: &SourceFile, place: &Node, document: Document) {
        let (kind, name, taken) = match document {
            Document::Policy(policy, named) => {
                let name = policy.name.clone();
                let read = ReadPolicy {
                    policy: *policy,
                    named,
                    file: file.name.clone(),
                    place: place.clone(),
                };
                let taken = self.policies.insert(name.clone(), read).is_some();
                (POLICY, name, taken)
            }
            Document::Binding(binding, policy_place) => {
                let name = binding.name.clone();
                let bound = (binding, file.name.clone(), policy_place);
                let taken = self.bindings.insert(name.clone(), bound).is_some();
                (BINDING, name, taken)
            }
            Document::Exception(exception) => {
                let name = exception.name.clone();
                let taken = self.exceptions.insert(name.clone(), exception).is_some();
                (EXCEPTION, name, taken)
            }
            Document::Delegation(delegation, directory_place) => {
                let name = delegation.name.clone();
                let delegated = (delegation, file.name.clone(), directory_place);
                let taken = self.delegated.insert(name.clone(), delegated).is_some();
                (DELEGATION, name, taken)
            }
            Document::Case(case) => {
                let (name, file) = (case.name.clone(), file.name.clone());
                let case = Case { file, ..*case };
                let taken = self.cases.insert(name.clone(), case).is_some();
                ("case", name, taken)
            }
        };
        if taken {
            let mistake = place.mistake(format!("another {kind} is called {name:?}"));
            self.errors.push(LoadError::new(&file.name, mistake));
        }
    }

    fn mistake(&mut self, file: &str, place: &Node, message: impl Into<String>) {
        let mistake = place.mistake(message);
        self.errors.push(LoadError::new(file, mistake));
    }
}
