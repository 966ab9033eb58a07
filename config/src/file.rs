//! The config file's text to a layer and to what only a file can say.
//!
//! It checks keys and shapes; what the texts mean is `check`'s business.

use sluicegate_model::strict_yaml::{self, Fields, Mistake, Node, Value};

use crate::errors::Notes;
use crate::layer::{Arity, Layer, Place, SETTINGS, Sourced};

/// What only the file can say.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    pub(crate) upstreams: Vec<UpstreamEntry>,
    /// The entries of `feed` that are more than a text, each named by its URL.
    pub(crate) feeds: Vec<UpstreamEntry>,
    pub(crate) docker_config: Option<Sourced>,
    pub(crate) tls: Option<TlsEntry>,
    pub(crate) api_tls: Option<TlsEntry>,
}

/// One entry of `upstreams`, as text.
#[derive(Debug)]
pub(crate) struct UpstreamEntry {
    pub(crate) name: Sourced,
    pub(crate) url: Option<Sourced>,
    pub(crate) username: Option<Sourced>,
    pub(crate) password_file: Option<Sourced>,
    pub(crate) password_env: Option<Sourced>,
    pub(crate) ca_file: Option<Sourced>,
    pub(crate) allow_insecure_credentials: bool,
    pub(crate) allow_hosts: Vec<Sourced>,
    pub(crate) max_requests: Option<Sourced>,
}

/// The entry `tls` or `api_tls`, as text.
#[derive(Debug)]
pub(crate) struct TlsEntry {
    pub(crate) cert_file: Sourced,
    pub(crate) key_file: Sourced,
}

/// Reads a file's text; every mistake goes to `notes`.
pub(crate) fn read(name: &str, text: &str, notes: &mut Notes) -> (Layer, Extras) {
    let mut reader = Reader {
        name,
        mistakes: Vec::new(),
    };
    let read = match strict_yaml::parse(text) {
        Ok(documents) => reader.documents(&documents),
        Err(mistake) => {
            reader.mistakes.push(mistake);
            (Layer::new(), Extras::default())
        }
    };
    reader.mistakes.sort();
    for mistake in reader.mistakes {
        let place = Place::File(name.into(), mistake.line, mistake.column);
        notes.error(place, mistake.message);
    }
    read
}

struct Reader<'a> {
    name: &'a str,
    mistakes: Vec<Mistake>,
}

impl Reader<'_> {
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
        let mut layer = Layer::new();
        let mut extras = Extras::default();
        let Some(mut fields) = self.kept(Fields::of(node)) else {
            return (layer, extras);
        };
        for (key, arity) in SETTINGS {
            let Some(node) = fields.take(key) else {
                continue;
            };
            let values = match arity {
                Arity::Many if *key == "feed" => self.feeds(node, &mut extras.feeds),
                Arity::One => self.scalar(node).into_iter().collect(),
                Arity::Many => self.texts(node),
                Arity::Switch => self.switch(node).into_iter().collect(),
            };
            layer.insert(key, values);
        }
        if let Some(node) = fields.take("upstreams") {
            extras.upstreams = self.upstreams(node);
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
        let mut text = |key| fields.take(key).and_then(|node| self.scalar(node));
        let mut entry = UpstreamEntry {
            name,
            url: text("url"),
            username: text("username"),
            password_file: text("password_file"),
            password_env: text("password_env"),
            ca_file: text("ca_file"),
            allow_insecure_credentials: false,
            allow_hosts: Vec::new(),
            max_requests: None,
        };
        if let Some(node) = fields.take("allow_insecure_credentials") {
            entry.allow_insecure_credentials = self.kept(node.bool()).unwrap_or_default();
        }
        if let Some(node) = fields.take("allow_hosts") {
            entry.allow_hosts = self.texts(node);
        }
        if let Some(node) = fields.take("max_requests") {
            entry.max_requests = self.scalar(node);
        }
        if entry.url.is_none() {
            self.mistakes.push(node.mistake("\"url\" is missing"));
        }
        fields.finish(&mut self.mistakes);
        entry
    }

    /// Reads the list of feeds: texts, and maps that say who we are there.
    fn feeds(&mut self, node: &Node, entries: &mut Vec<UpstreamEntry>) -> Vec<Sourced> {
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut urls = Vec::new();
        for item in items {
            if !matches!(item.value, Value::Map(_)) {
                urls.extend(self.scalar(item));
                continue;
            }
            let Some(fields) = self.kept(Fields::of(item)) else {
                continue;
            };
            let unnamed = self.sourced(String::new(), item);
            let mut entry = self.upstream(unnamed, item, fields);
            if let Some(url) = entry.url.clone() {
                urls.push(url.clone());
                entry.name = url;
                entries.push(entry);
            }
        }
        urls
    }

    fn tls(&mut self, node: &Node) -> Option<TlsEntry> {
        let mut fields = self.kept(Fields::of(node))?;
        let (cert, key) = (fields.require("cert_file"), fields.require("key_file"));
        fields.finish(&mut self.mistakes);
        let (cert, key) = (self.kept(cert), self.kept(key));
        Some(TlsEntry {
            cert_file: self.scalar(cert?)?,
            key_file: self.scalar(key?)?,
        })
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
