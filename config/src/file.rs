//! The config file's text to a layer and to what only a file can say.
//!
//! It checks keys and shapes; what the texts mean is `check`'s business.

use sluicegate_model::strict_yaml::{self, Fields, Mistake, Node, Value};

use crate::errors::Notes;
use crate::layer::{Arity, Keys, Layer, Place, Sourced};
use crate::values::TlsFiles;

/// What only the file can say.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    pub(crate) upstreams: Vec<UpstreamEntry>,
    /// The entries of `feed` that are more than a text, each named by its URL.
    pub(crate) feeds: Vec<UpstreamEntry>,
    pub(crate) webhooks: Vec<Entry>,
    /// The entries of `decision_log_to` that are more than a text.
    pub(crate) sinks: Vec<Entry>,
    pub(crate) docker_config: Option<Sourced>,
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) api_tls: Option<TlsFiles>,
}

/// What an entry of `upstreams`, or one of `feed`, says.
const ENTRY: &Keys = &[
    ("url", Arity::One),
    ("identity", Arity::One),
    ("username", Arity::One),
    ("password_file", Arity::One),
    ("password_env", Arity::One),
    ("credential_helper", Arity::One),
    ("ca_file", Arity::One),
    ("allow_insecure_credentials", Arity::Switch),
    ("allow_hosts", Arity::Many),
    ("max_requests", Arity::One),
    ("scan_by", Arity::One),
];

/// What an entry of `webhooks` says.
const WEBHOOK: &Keys = &[
    ("name", Arity::One),
    ("url", Arity::One),
    ("url_file", Arity::One),
    ("format", Arity::One),
    ("secret_file", Arity::One),
    ("repositories", Arity::Many),
    ("types", Arity::Many),
    ("directions", Arity::Many),
];

/// What an entry of `decision_log_to` says.
const SINK: &Keys = &[
    ("to", Arity::One),
    ("name", Arity::One),
    ("ca_file", Arity::One),
];

/// One entry of a list, as text.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    pub(crate) said: Layer,
}

/// One entry of `upstreams`, as text.
#[derive(Debug)]
pub(crate) struct UpstreamEntry {
    pub(crate) name: Sourced,
    pub(crate) said: Layer,
    pub(crate) provider: Option<ProviderEntry>,
}

/// What an entry says of the program that tells its credentials, as text.
#[derive(Debug)]
pub(crate) struct ProviderEntry {
    pub(crate) command: Sourced,
    pub(crate) args: Vec<Sourced>,
    pub(crate) env: Vec<(Sourced, Sourced)>,
}

/// Reads a file's text, which may have `keys`; every mistake goes to `notes`.
pub(crate) fn read(name: &str, text: &str, keys: &Keys, notes: &mut Notes) -> (Layer, Extras) {
    let mut reader = FileReader {
        name,
        keys,
        mistakes: Vec::new(),
    };
    let read = match strict_yaml::parse(text) {
        Ok(documents) => reader.documents(&documents),
        Err(mistake) => {
            reader.mistakes.push(mistake);
            (Layer::default(), Extras::default())
        }
    };
    reader.mistakes.sort();
    for mistake in reader.mistakes {
        let place = Place::File(name.into(), mistake.line, mistake.column);
        notes.error(place, mistake.message);
    }
    read
}

struct FileReader<'a> {
    name: &'a str,
    keys: &'a Keys,
    mistakes: Vec<Mistake>,
}

impl FileReader<'_> {
    fn documents(&mut self, documents: &[Node]) -> (Layer, Extras) {
        let mut documents = documents.iter().filter(|node| node.value != Value::Null);
        let read = documents.next().map(|node| self.settings(node));
        if let Some(second) = documents.next() {
            self.mistakes
                .push(second.mistake("wanted one document in the file, got a second one"));
        }
        read.unwrap_or_default()
    }

    fn settings(&mut self, node: &Node) -> (Layer, Extras) {
        let mut layer = Layer::default();
        let mut extras = Extras::default();
        let Some(mut fields) = self.kept(Fields::of(node)) else {
            return (layer, extras);
        };
        let keys = self.keys;
        for (key, arity) in keys {
            let Some(node) = fields.take(key) else {
                continue;
            };
            let values = match *key {
                "feed" => self.feeds(node, &mut extras.feeds),
                "decision_log_to" => self.sinks(node, &mut extras.sinks),
                _ => self.values(*arity, node),
            };
            layer.0.insert(*key, values);
        }
        if let Some(node) = fields.take("upstreams") {
            extras.upstreams = self.upstreams(node);
        }
        if let Some(node) = fields.take("webhooks") {
            let entries = items(node).iter();
            extras.webhooks = entries.filter_map(|it| self.entry(it, WEBHOOK)).collect();
        }
        extras.docker_config = fields
            .take("docker_config")
            .and_then(|node| self.scalar(node));
        extras.tls = fields.take("tls").and_then(|node| self.tls(node));
        extras.api_tls = fields.take("api_tls").and_then(|node| self.tls(node));
        fields.finish(&mut self.mistakes);
        (layer, extras)
    }

    fn upstreams(&mut self, node: &Node) -> Vec<UpstreamEntry> {
        let Some(entries) = self.kept(node.entries()) else {
            return Vec::new();
        };
        let mut read = Vec::new();
        for (name, entry) in entries {
            if let (Some(name), Some(fields)) = (self.scalar(name), self.kept(Fields::of(entry))) {
                read.push(self.upstream(name, entry, fields));
            }
        }
        read
    }

    fn upstream(&mut self, name: Sourced, node: &Node, mut fields: Fields<'_>) -> UpstreamEntry {
        // The value stays out of the message.
        fields.reject(
            "password",
            "a secret does not belong in this file, use password_file or password_env",
            &mut self.mistakes,
        );
        let mut said = Layer::default();
        for (key, arity) in ENTRY {
            if let Some(node) = fields.take(key) {
                said.0.insert(*key, self.values(*arity, node));
            }
        }
        let provider = fields.take("credential_provider");
        let entry = UpstreamEntry {
            name,
            said,
            provider: provider.and_then(|node| self.provider(node)),
        };
        if entry.said.one("url").is_none() {
            self.mistakes.push(node.mistake("\"url\" is missing"));
        }
        fields.finish(&mut self.mistakes);
        entry
    }

    fn provider(&mut self, node: &Node) -> Option<ProviderEntry> {
        let mut fields = self.kept(Fields::of(node))?;
        let command = fields.require("command");
        let args = fields.take("args").map(|args| self.texts(args));
        let env = fields.take("env");
        fields.finish(&mut self.mistakes);
        let env = env.map(|env| self.kept(env.entries()).unwrap_or_default());
        let mut variables = Vec::new();
        for (name, value) in env.into_iter().flatten() {
            if let (Some(name), Some(value)) = (self.scalar(name), self.scalar(value)) {
                variables.push((name, value));
            }
        }
        let command = self.kept(command)?;
        Some(ProviderEntry {
            command: self.scalar(command)?,
            args: args.unwrap_or_default(),
            env: variables,
        })
    }

    /// Reads the list of feeds: texts, and maps that say who we are there.
    fn feeds(&mut self, node: &Node, entries: &mut Vec<UpstreamEntry>) -> Vec<Sourced> {
        let mut urls = Vec::new();
        for item in items(node) {
            if !matches!(item.value, Value::Map(_)) {
                urls.extend(self.scalar(item));
                continue;
            }
            let Some(fields) = self.kept(Fields::of(item)) else {
                continue;
            };
            let unnamed = self.sourced(String::new(), item);
            let mut entry = self.upstream(unnamed, item, fields);
            if let Some(url) = entry.said.one("url").cloned() {
                urls.push(url.clone());
                entry.name = url;
                entries.push(entry);
            }
        }
        urls
    }

    /// Reads the list of where the log goes: texts, and maps that say more; gives the texts.
    fn sinks(&mut self, node: &Node, entries: &mut Vec<Entry>) -> Vec<Sourced> {
        let mut texts = Vec::new();
        for item in items(node) {
            if !matches!(item.value, Value::Map(_)) {
                texts.extend(self.scalar(item));
            } else if let Some(entry) = self.entry(item, SINK) {
                texts.extend(entry.said.one("to").cloned());
                entries.push(entry);
            }
        }
        texts
    }

    /// Reads an entry of a list.
    fn entry(&mut self, node: &Node, keys: &'static Keys) -> Option<Entry> {
        let mut fields = self.kept(Fields::of(node))?;
        // The value stays out of the message.
        fields.reject(
            "secret",
            "a secret does not belong in this file, use secret_file",
            &mut self.mistakes,
        );
        let mut said = Layer::default();
        for (key, arity) in keys {
            if let Some(node) = fields.take(key) {
                said.0.insert(*key, self.values(*arity, node));
            }
        }
        fields.finish(&mut self.mistakes);
        let place = Place::File(self.name.into(), node.line, node.column);
        Some(Entry { place, said })
    }

    /// Reads the entry `tls` or `api_tls`.
    fn tls(&mut self, node: &Node) -> Option<TlsFiles> {
        let mut fields = self.kept(Fields::of(node))?;
        let (cert, key) = (fields.require("cert_file"), fields.require("key_file"));
        let client_ca = fields.take("client_ca_file");
        fields.finish(&mut self.mistakes);
        let (cert, key) = (self.kept(cert), self.kept(key));
        Some(TlsFiles {
            cert_file: self.scalar(cert?)?.text.into(),
            key_file: self.scalar(key?)?.text.into(),
            client_ca_file: match client_ca {
                Some(node) => Some(self.scalar(node)?.text.into()),
                None => None,
            },
        })
    }

    fn values(&mut self, arity: Arity, node: &Node) -> Vec<Sourced> {
        match arity {
            Arity::One => self.scalar(node).into_iter().collect(),
            Arity::Many => self.texts(node),
            Arity::Switch => self.switch(node).into_iter().collect(),
        }
    }

    fn scalar(&mut self, node: &Node) -> Option<Sourced> {
        let text = match &node.value {
            Value::Text(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            Value::Null | Value::Bool(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => {
                self.mistakes.push(node.wanted("text"));
                return None;
            }
        };
        Some(self.sourced(text, node))
    }

    fn switch(&mut self, node: &Node) -> Option<Sourced> {
        let on = self.kept(node.bool())?;
        Some(self.sourced(on.to_string(), node))
    }

    /// Reads a list; one text counts as a list of one.
    fn texts(&mut self, node: &Node) -> Vec<Sourced> {
        match &node.value {
            Value::List(items) => items.iter().filter_map(|item| self.scalar(item)).collect(),
            _ => self.scalar(node).into_iter().collect(),
        }
    }

    fn sourced(&self, text: String, node: &Node) -> Sourced {
        Sourced {
            text,
            place: Place::File(self.name.into(), node.line, node.column),
        }
    }

    fn kept<T>(&mut self, read: Result<T, Mistake>) -> Option<T> {
        read.map_err(|mistake| self.mistakes.push(mistake)).ok()
    }
}

/// Gives the items of a list; anything else counts as a list of one.
fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    }
}
