//! YAML documents to checked values; every mistake is told, none is passed over.
//!
//! Keys that later versions will understand are refused by name: a condition that is silently left
//! out would change what a rule means.

mod bindings;
mod cases;
mod conditions;
mod delegations;
mod images;
mod rules;
mod signers;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sluicegate_model::artifact::ArtifactKind;
use sluicegate_model::strict_yaml::{Fields, Mistake, Node, Value};
use sluicegate_model::verdict::Decision;

pub(crate) use conditions::{EVIDENCE, KINDS, ORIGINS, SEVERITIES, STATUSES};
pub(crate) use delegations::delegations_of;
pub(crate) use images::USERS;
pub(crate) use rules::FALLBACKS;

use crate::attached::{self, AttachedFile, KeyFile};
use crate::binding::Binding;
use crate::built_in::BUILT_IN_NAME;
use crate::case::Case;
use crate::delegation::{Bounds, Delegation};
use crate::duration;
use crate::exception::{self, Exception};
use crate::pattern::ImagePattern;
use crate::purl::PurlPattern;
use crate::rules::{MaxAge, Mode, Policy};
use crate::vex::Vex;

/// The only version of documents there is.
pub(crate) const API_VERSION: &str = "sluicegate/v1";
/// The word for an age that each family of ecosystems sets by its own rhythm.
pub(crate) const AUTO: &str = "auto";
/// What is said of keys that are documented and not yet understood.
const NOT_YET: &str = "not supported yet";
/// Longest name of a document or rule, in bytes: names are shown in one-line refusals.
const MAX_NAME_BYTES: usize = 100;

/// Longest pattern, in bytes: each is held against every finding, or every name that is asked for.
const MAX_PATTERN_BYTES: usize = 1_024;
/// Most texts in one list of a rule.
const MAX_TEXTS: usize = 1_000;
/// Most files that one policy names.
const MAX_NAMED: usize = 1_000;

/// One checked document.
pub(crate) enum Document {
    /// With the files that it names.
    Policy(Box<Policy>, Vec<NamedPath>),
    /// With the place where it names its policy.
    Binding(Binding, Node),
    Exception(Exception),
    /// With the place where it names its directory.
    Delegation(Delegation, Node),
    Case(Box<Case>),
}

/// A file that a document names, and the place where it does.
#[derive(Debug)]
pub(crate) struct NamedPath {
    pub path: String,
    pub place: Node,
}

/// Reads the documents of one file, noting mistakes.
#[derive(Default)]
pub(crate) struct DocumentReader<'s> {
    pub(crate) mistakes: Vec<Mistake>,
    /// The file that the documents stand in.
    pub(crate) by: &'s str,
    /// What was found under the paths that files name.
    pub(crate) attached: &'s [AttachedFile],
    /// The files of keys that the document names which is read.
    pub(crate) key_files: BTreeMap<String, KeyFile>,
    /// How far what stands in the file reaches, where its directory is delegated.
    pub(crate) bounds: Option<Bounds>,
}

impl DocumentReader<'_> {
    /// Reads a document; none where it has mistakes. Gives the place of its name too.
    pub(crate) fn document<'a>(&mut self, node: &'a Node) -> Option<(&'a Node, Document)> {
        let before = self.mistakes.len();
        let mut fields = self.kept(Fields::of(node))?;
        let version = fields.require("apiVersion");
        let kind = fields.require("kind");
        let metadata = fields.require("metadata");
        let spec = fields.require("spec");
        fields.finish(&mut self.mistakes);
        if let Some(version) = self.kept(version)
            && version.text() != Ok(API_VERSION)
        {
            self.mistakes.push(version.wanted(API_VERSION));
        }
        let (kind, metadata, spec) = (self.kept(kind), self.kept(metadata), self.kept(spec));
        let named = metadata.and_then(|metadata| self.metadata(metadata));
        let (kind, spec) = (kind?, spec?);
        let (place, name) = named.unwrap_or((node, String::new()));
        // All of it, for a document that somebody else signs for is another one.
        let text = canonical(node).to_string();
        let read = match kind.text() {
            Ok("Policy") => {
                self.check_delegated_name(place, &name);
                self.policy(name, text, spec)
            }
            Ok("Binding") => self.binding(name, text, spec),
            Ok("Exception") => self.exception(name, text, spec).map(Document::Exception),
            Ok("Delegation") => self.delegation(kind, name, text, spec),
            Ok("PolicyTest") => self.case(name, spec).map(Box::new).map(Document::Case),
            _ => {
                let kinds = "Policy, Binding, Exception, Delegation or PolicyTest";
                self.mistakes.push(kind.wanted(kinds));
                None
            }
        };
        read.filter(|_| self.mistakes.len() == before)
            .map(|document| (place, document))
    }

    fn metadata<'a>(&mut self, node: &'a Node) -> Option<(&'a Node, String)> {
        let mut fields = self.kept(Fields::of(node))?;
        let name = fields.require("name");
        for key in ["owner", "author", "ticket", "description"] {
            if let Some(node) = fields.take(key)
                && !matches!(node.value, Value::Text(_) | Value::Integer(_))
            {
                self.mistakes.push(node.wanted("text"));
            }
        }
        fields.finish(&mut self.mistakes);
        let place = self.kept(name)?;
        Some((place, self.name(place)?))
    }

    fn policy(&mut self, name: String, text: String, node: &Node) -> Option<Document> {
        self.key_files.clear();
        let mut fields = self.kept(Fields::of(node))?;
        let (mode, on_inconclusive) = (fields.take("mode"), fields.take("onInconclusive"));
        let (feeds, artifacts) = (fields.take("feeds"), fields.take("artifacts"));
        let (default, rules) = (fields.take("default"), fields.take("rules"));
        let vex = fields.take("vex");
        let trusted = fields.take("trustVex");
        fields.finish(&mut self.mistakes);
        let mode = mode.and_then(|node| self.word(node, &MODES));
        let is_allow_list = default.and_then(|node| self.word(node, &DEFAULTS));
        let is_allow_list = is_allow_list.unwrap_or(false);
        let both = (Decision::Refuse, Decision::Refuse);
        let (on_partial, on_unscannable) = on_inconclusive
            .and_then(|node| self.on_inconclusive(node))
            .unwrap_or(both);
        let mut policy = Policy {
            name,
            text,
            mode: mode.unwrap_or(Mode::Enforce),
            on_partial,
            on_unscannable,
            max_feed_age: feeds.and_then(|node| self.feeds(node)),
            artifacts_default: Decision::Refuse,
            artifacts_allowed: ARTIFACTS.map(|(_, kind)| kind).to_vec(),
            is_allow_list,
            rules: rules.map_or_else(Vec::new, |node| self.rules(node, is_allow_list)),
            vex: Vex::default(),
            trust_vex: trusted
                .and_then(|node| self.trusted(node))
                .unwrap_or_default(),
            key_files: Vec::new(),
            delegated_by: self.delegated_by(),
        };
        if let Some(node) = artifacts {
            self.artifacts(node, &mut policy);
        }
        let named = vex.map_or_else(Vec::new, |node| self.named_paths(node));
        policy.key_files = std::mem::take(&mut self.key_files).into_values().collect();
        Some(Document::Policy(Box::new(policy), named))
    }

    /// Reads the files that a policy names, each relative to the folder of the file that it stands in.
    fn named_paths(&mut self, node: &Node) -> Vec<NamedPath> {
        let items = self.kept(node.list()).unwrap_or_default();
        if items.len() > MAX_NAMED {
            let message = format!("a policy names at most {MAX_NAMED} files");
            self.mistakes.push(node.mistake(message));
            return Vec::new();
        }
        let mut named: Vec<NamedPath> = Vec::new();
        for item in items {
            let path = self.kept(item.text()).map(attached::downward);
            let path = path.map(|path| path.map_err(|why| item.mistake(why.to_string())));
            let Some(path) = path.and_then(|path| self.kept(path)) else {
                continue;
            };
            if named.iter().any(|other| other.path == path) {
                self.mistakes.push(item.mistake("it is named twice"));
            }
            named.push(NamedPath {
                path,
                place: item.clone(),
            });
        }
        named
    }

    fn on_inconclusive(&mut self, node: &Node) -> Option<(Decision, Decision)> {
        if !matches!(node.value, Value::Map(_)) {
            let both = self.action(node)?;
            return Some((both, both));
        }
        let mut fields = self.kept(Fields::of(node))?;
        let (partial, unscannable) = (fields.take("partial"), fields.take("unscannable"));
        fields.finish(&mut self.mistakes);
        let mut action =
            |node: Option<&Node>| node.map_or(Some(Decision::Refuse), |node| self.action(node));
        let (partial, unscannable) = (action(partial), action(unscannable));
        Some((partial?, unscannable?))
    }

    fn feeds(&mut self, node: &Node) -> Option<(MaxAge, Decision)> {
        let mut fields = self.kept(Fields::of(node))?;
        let (max_age, on_stale) = (fields.take("maxAge"), fields.take("onStale"));
        fields.finish(&mut self.mistakes);
        let max_age = max_age.map_or(Some(MaxAge::Auto), |node| self.max_age(node));
        let on_stale = on_stale.map_or(Some(Decision::Refuse), |node| self.action(node));
        Some((max_age?, on_stale?))
    }

    fn artifacts(&mut self, node: &Node, policy: &mut Policy) {
        let Some(mut fields) = self.kept(Fields::of(node)) else {
            return;
        };
        let (default, allow) = (fields.take("default"), fields.take("allow"));
        fields.finish(&mut self.mistakes);
        if let Some(default) = default.and_then(|node| self.action(node)) {
            policy.artifacts_default = default;
        }
        if let Some(items) = allow.and_then(|node| self.kept(node.list())) {
            let items = items.iter();
            let kinds = items.filter_map(|item| self.word(item, &ARTIFACTS));
            policy.artifacts_allowed = kinds.collect();
        }
    }

    fn exception(&mut self, name: String, text: String, node: &Node) -> Option<Exception> {
        let mut fields = self.kept(Fields::of(node))?;
        let (id, statement) = (fields.require("id"), fields.require("statement"));
        let (purls, images) = (fields.take("purls"), fields.take("images"));
        let expires = fields.require("expiresAt");
        fields.finish(&mut self.mistakes);
        let statement = self.kept(statement).and_then(|node| self.filled_text(node));
        let id = self.kept(id).and_then(|node| self.filled_text(node));
        let purls = purls.map_or_else(|| Some(Vec::new()), |node| self.purls(node));
        let images = self.excepted_images(node, images);
        let expires = self.kept(expires).and_then(|node| {
            let end = self.instant(node)?;
            self.check_delegated_end(node, end)
        });
        statement?;
        Some(Exception {
            name,
            text,
            id: id?,
            purls: purls?,
            images: images?,
            paths: Vec::new(),
            expires_at: Some(expires?),
        })
    }

    fn images(&mut self, node: &Node) -> Option<Vec<ImagePattern>> {
        let items = self.kept(node.list())?;
        if items.is_empty() {
            self.mistakes.push(node.wanted("at least one repository"));
        }
        items.iter().map(|item| self.image(item)).collect()
    }

    fn image(&mut self, node: &Node) -> Option<ImagePattern> {
        let text = self.pattern(node)?;
        self.kept(ImagePattern::parse(text).map_err(|why| node.mistake(why.to_string())))
    }

    /// Reads a list of packages. An empty list would mean every package, so it is none.
    pub(crate) fn purls(&mut self, node: &Node) -> Option<Vec<PurlPattern>> {
        let items = self.kept(node.list())?;
        if items.is_empty() {
            self.mistakes.push(node.wanted("at least one package"));
        }
        items.iter().map(|item| self.purl(item)).collect()
    }

    /// Reads a text that is held against others, which bounds how long it may be.
    fn pattern<'a>(&mut self, node: &'a Node) -> Option<&'a str> {
        let text = self.kept(node.text())?;
        if text.len() > MAX_PATTERN_BYTES {
            let message = format!("a pattern has at most {MAX_PATTERN_BYTES} bytes");
            self.mistakes.push(node.mistake(message));
            return None;
        }
        Some(text)
    }

    fn purl(&mut self, node: &Node) -> Option<PurlPattern> {
        let text = self.pattern(node)?;
        self.kept(PurlPattern::parse(text).map_err(|why| node.mistake(why.to_string())))
    }

    /// Reads an instant, or a day, which stands for its end.
    pub(crate) fn instant(&mut self, node: &Node) -> Option<Timestamp> {
        let text = self.kept(node.text())?;
        self.kept(exception::parse_expiry(text).map_err(|why| node.mistake(why.to_string())))
    }

    /// Reads an instant, or a day, which stands for its beginning; none of any other text.
    fn beginning(text: &str) -> Option<Timestamp> {
        let day = || {
            let midnight = text.parse::<Date>().ok()?.at(0, 0, 0, 0);
            TimeZone::UTC.to_timestamp(midnight).ok()
        };
        text.parse().ok().or_else(day)
    }

    pub(crate) fn filled_text(&mut self, node: &Node) -> Option<String> {
        let text = self.kept(node.text())?.trim();
        if text.is_empty() {
            self.mistakes.push(node.wanted("text"));
            return None;
        }
        Some(text.to_owned())
    }

    pub(crate) fn kept<T>(&mut self, read: Result<T, Mistake>) -> Option<T> {
        read.map_err(|mistake| self.mistakes.push(mistake)).ok()
    }

    fn name(&mut self, node: &Node) -> Option<String> {
        let text = node.text().unwrap_or_default();
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if text.is_empty() || text.len() > MAX_NAME_BYTES || !text.bytes().all(is_word) {
            let wanted = "a name of at most 100 letters, digits, \".\", \"_\" and \"-\"";
            self.mistakes.push(node.wanted(wanted));
            return None;
        }
        Some(text.to_owned())
    }

    fn action(&mut self, node: &Node) -> Option<Decision> {
        self.word(node, &ACTIONS)
    }

    fn word<T: Copy>(&mut self, node: &Node, words: &[(&str, T)]) -> Option<T> {
        let text = node.text().unwrap_or_default();
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let wanted = format!("one of {}", words.join(", "));
            self.mistakes.push(node.wanted(&wanted));
        }
        found.map(|(_, value)| *value)
    }

    fn max_age(&mut self, node: &Node) -> Option<MaxAge> {
        let text = self.kept(node.text())?;
        if text == AUTO {
            return Some(MaxAge::Auto);
        }
        let age = duration::parse(text);
        let age = age.map_err(|why| node.mistake(format!("{why}, and not {AUTO} either")));
        self.kept(age).map(MaxAge::Of)
    }
}

pub(crate) const ACTIONS: [(&str, Decision); 3] = [
    ("refuse", Decision::Refuse),
    ("annotate", Decision::Annotate),
    ("allow", Decision::Allow),
];

pub(crate) const MODES: [(&str, Mode); 3] = [
    ("enforce", Mode::Enforce),
    ("annotate", Mode::Annotate),
    ("audit", Mode::Audit),
];

/// What becomes of images of which no rule speaks: whether the rules list what is allowed.
pub(crate) const DEFAULTS: [(&str, bool); 2] = [("allow", false), ("refuse", true)];

/// The kinds of artifacts that a policy can name; all are allowed where it names none.
pub(crate) const ARTIFACTS: [(&str, ArtifactKind); 4] = [
    ("signatures", ArtifactKind::Signature),
    ("sboms", ArtifactKind::Sbom),
    ("attestations", ArtifactKind::Attestation),
    ("helm", ArtifactKind::Helm),
];

/// Gives a form that depends on what a document says and not on how it is laid out.
pub(crate) fn canonical(node: &Node) -> serde_json::Value {
    use serde_json::Value as Json;
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::from(*value),
        Value::Integer(value) => Json::from(*value),
        Value::Float(value) => Json::from(*value),
        Value::Text(text) => Json::from(text.as_str()),
        Value::List(items) => items.iter().map(canonical).collect(),
        Value::Map(entries) => {
            let pair =
                |(key, value): &(Node, Node)| Json::from(vec![canonical(key), canonical(value)]);
            entries.iter().map(pair).collect()
        }
    }
}
