//! Who is sent which events: URLs that may hold a secret, and what messages are signed with.

use std::path::Path;

use url::Url;

use crate::credentials;
use crate::errors::Notes;
use crate::file::Entry;
use crate::layer::{Layer, Place, Sourced};
use crate::said::Said;
use crate::upstreams;
use crate::values::{WebhookFormat, WebhookSettings};

/// What the one of `webhook` is called.
pub(crate) const ONLY: &str = "webhook";
/// The types of events that there are.
const TYPES: [&str; 7] = [
    "verdict.changed",
    "scanner.lost",
    "break-glass",
    "pull.blocked",
    "exception.ending",
    "feed.stale",
    "grace.ending",
];
/// Which way a verdict can go.
const DIRECTIONS: [&str; 3] = ["worse", "better", "other"];
/// The forms of messages.
const FORMATS: [(&str, WebhookFormat); 3] = [
    ("cloudevents", WebhookFormat::CloudEvents),
    ("slack", WebhookFormat::Slack),
    ("teams", WebhookFormat::Teams),
];
/// Longest name, in bytes.
const MAX_NAME_BYTES: usize = 64;
/// Most receivers: each has a position that is written for each event.
const MOST: usize = 32;
const EXAMPLE: &str = "https://hooks.example/x";

/// Lists the types of events that a webhook can ask for.
pub fn event_types() -> &'static [&'static str] {
    &TYPES
}

/// Lists the forms of messages, by name.
pub(crate) fn formats() -> Vec<String> {
    FORMATS.iter().map(|(name, _)| (*name).to_owned()).collect()
}

/// Lists the names of directions.
pub(crate) fn directions() -> Vec<String> {
    DIRECTIONS.iter().map(|name| (*name).to_owned()).collect()
}

/// Reads `webhook` with `webhook_secret_file`, and `webhooks`.
pub(crate) fn read(said: &mut Said<'_>) -> Vec<WebhookSettings> {
    let mut all: Vec<WebhookSettings> = only(said).into_iter().collect();
    for (entry, number) in said.extras.webhooks.iter().zip(1..) {
        let Some(webhook) = from_entry(entry, number, said.notes) else {
            continue;
        };
        if all.iter().any(|other| other.name == webhook.name) {
            let message = format!(
                "another webhook is called {:?}; give it a name",
                webhook.name
            );
            said.notes.error(&entry.place, message);
        }
        all.push(webhook);
    }
    if let (Some(entry), true) = (said.extras.webhooks.last(), all.len() > MOST) {
        let message = format!("at most {MOST} webhooks, got {}", all.len());
        said.notes.error(&entry.place, message);
    }
    all
}

fn only(said: &mut Said<'_>) -> Option<WebhookSettings> {
    let secret = said.layers.one("webhook_secret_file");
    let Some(value) = said.one() else {
        if let Some(secret) = secret {
            let message = "a secret needs a webhook to sign for";
            said.notes.error(&secret.place, message);
        }
        return None;
    };
    let secret = secret.map(|file| credentials::signing_secret(file, said.notes));
    let url = receiver(value, ", use webhook_secret_file", said.notes)?;
    Some(WebhookSettings {
        name: ONLY.to_owned(),
        url,
        format: WebhookFormat::CloudEvents,
        secret: secret.flatten(),
        repositories: Vec::new(),
        types: Vec::new(),
        directions: Vec::new(),
    })
}

fn from_entry(entry: &Entry, number: usize, notes: &mut Notes) -> Option<WebhookSettings> {
    let said = &entry.said;
    let name = match said.one("name") {
        Some(name) => name.read("a name such as soc, of a-z, 0-9, . _ -", notes, named),
        None => Some(format!("{ONLY}-{number}")),
    };
    let url = url(said, &entry.place, notes);
    let format = said.one("format").and_then(|value| {
        value.read(&formats().join(" or "), notes, |text| {
            let meant = FORMATS.iter().find(|(word, _)| *word == text);
            meant.map(|(_, format)| *format)
        })
    });
    let secret = said.one("secret_file");
    let secret = secret.map(|file| credentials::signing_secret(file, notes));
    let repositories = said.many("repositories").unwrap_or_default().iter();
    let repositories = repositories.filter_map(|value| {
        let wanted = "a pattern over canonical names such as docker.io/shop/**";
        value.read(wanted, notes, |text| {
            (!text.is_empty() && !text.contains(char::is_whitespace)).then(|| text.to_owned())
        })
    });
    let repositories = repositories.collect();
    Some(WebhookSettings {
        name: name?,
        url: url?,
        format: format.unwrap_or(WebhookFormat::CloudEvents),
        secret: secret.flatten(),
        repositories,
        types: words(said, "types", &TYPES, notes),
        directions: words(said, "directions", &DIRECTIONS, notes),
    })
}

/// Reads where a receiver is: of the file itself, or of one with nothing else in it.
fn url(said: &Layer, place: &Place, notes: &mut Notes) -> Option<Url> {
    match (said.one("url"), said.one("url_file")) {
        (Some(url), None) => receiver(url, ", use secret_file", notes),
        (None, Some(file)) => {
            let path = Path::new(&file.text);
            credentials::warn_if_others_may_read(path, notes);
            match credentials::read_password(path) {
                Ok(text) => {
                    let value = Sourced {
                        text: text.expose().to_owned(),
                        place: file.place.clone(),
                    };
                    receiver(&value, ", use secret_file", notes)
                }
                Err(error) => {
                    notes.error(&file.place, error.to_string());
                    None
                }
            }
        }
        (None, None) => {
            notes.error(place, "a webhook needs url or url_file");
            None
        }
        (Some(_), Some(file)) => {
            notes.error(&file.place, "url_file cannot stand beside url");
            None
        }
    }
}

fn receiver(value: &Sourced, instead: &str, notes: &mut Notes) -> Option<Url> {
    let url = upstreams::web_url(value, EXAMPLE, instead, notes)?;
    if url.fragment().is_some() {
        let message = "the URL of a webhook has no fragment";
        notes.error(&value.place, message);
    }
    Some(url)
}

/// Reads what something is called: it names a position that is kept.
pub(crate) fn named(text: &str) -> Option<String> {
    let fits = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-')
    };
    let is_name = (1..=MAX_NAME_BYTES).contains(&text.len())
        && text.bytes().all(fits)
        && !text.starts_with('.');
    is_name.then(|| text.to_owned())
}

fn words(said: &Layer, key: &str, all: &[&'static str], notes: &mut Notes) -> Vec<&'static str> {
    let wanted = all.join(" or ");
    let values = said.many(key).unwrap_or_default().iter();
    let read = values.filter_map(|value| {
        value.read(&wanted, notes, |text| {
            all.iter().find(|word| **word == text).copied()
        })
    });
    read.collect()
}
