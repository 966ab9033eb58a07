//! Advisory feeds: where they come from and who we are there.

use std::path::PathBuf;

use url::Url;

use crate::credentials;
use crate::defaults;
use crate::env::Environment;
use crate::errors::Notes;
use crate::file::{Extras, UpstreamEntry};
use crate::layer::{Layers, Sourced};
use crate::settings::{FeedSource, UpstreamSettings};
use crate::upstreams;

/// What to do about a URL that holds a password, where only a text can be written.
const WRITE_AN_ENTRY: &str =
    ", write it in the config file, as an entry of feed with url, username and password_file";

/// Reads the list of feeds; nobody's choice is the public bucket.
pub(crate) fn check(
    layers: &Layers,
    extras: &Extras,
    environment: &Environment,
    notes: &mut Notes,
) -> Vec<FeedSource> {
    let Some(values) = layers.many("feed") else {
        return Url::parse(defaults::FEED)
            .map(FeedSource::Usual)
            .into_iter()
            .collect();
    };
    let none = values.iter().find(|value| value.text == "none");
    if let (Some(none), 2..) = (none, values.len()) {
        notes.error(&none.place, "\"none\" cannot stand beside another feed");
    }
    let mut feeds = Vec::new();
    for value in values.iter().filter(|value| value.text != "none") {
        // Wherever a URL is named, what the file says of it holds.
        let is_of_value = |entry: &&UpstreamEntry| same(&entry.name.text, &value.text);
        let entry = extras.feeds.iter().find(is_of_value);
        if value.text.is_empty() {
            notes.error(
                &value.place,
                "wanted a directory, an http(s) URL, imported or none, got nothing",
            );
        } else if let Some(entry) = entry {
            feeds.extend(site(entry, environment, notes).map(FeedSource::url));
        } else if value.text == "imported" {
            feeds.push(FeedSource::Imported);
        } else if value.text.contains("://") {
            let url = upstreams::base_url(value, WRITE_AN_ENTRY, notes);
            feeds.extend(url.map(|url| FeedSource::url(anonymous(url))));
        } else {
            feeds.push(FeedSource::Directory(PathBuf::from(&value.text)));
        }
    }
    feeds
}

fn same(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

fn anonymous(url: Url) -> UpstreamSettings {
    let name = url.host_str().unwrap_or_default().to_owned();
    UpstreamSettings::anonymous(&name, url)
}

/// Reads an entry of the file.
fn site(
    entry: &UpstreamEntry,
    environment: &Environment,
    notes: &mut Notes,
) -> Option<UpstreamSettings> {
    let value: &Sourced = &entry.name;
    if !value.text.contains("://") {
        let message = format!("wanted an http(s) URL, got {:?}", value.text);
        notes.error(&value.place, message);
        return None;
    }
    let url = upstreams::base_url(value, upstreams::USE_KEYS, notes)?;
    let credentials = credentials::of_entry(entry, environment, notes);
    if credentials.is_some() && url.scheme() == "http" && !entry.allow_insecure_credentials {
        let message = format!(
            "credentials of feed {url} would travel in the clear; \
             allow_insecure_credentials: true allows that"
        );
        notes.error(&value.place, message);
    }
    Some(UpstreamSettings {
        credentials,
        password_file: entry.password_file.as_ref().map(|file| (&file.text).into()),
        ca_file: entry.ca_file.as_ref().map(|file| (&file.text).into()),
        allow_insecure_credentials: entry.allow_insecure_credentials,
        allow_hosts: upstreams::hosts(&entry.allow_hosts, notes),
        ..anonymous(url)
    })
}
