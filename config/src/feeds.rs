//! Advisory feeds: where they come from and who we are there.

use std::path::PathBuf;

use url::Url;

use crate::defaults;
use crate::file::UpstreamEntry;
use crate::said::Said;
use crate::upstreams;
use crate::values::{FeedSource, UpstreamSettings};

/// What to do about a URL that holds a password, where only a text can be written.
const WRITE_AN_ENTRY: &str =
    ", write it in the config file, as an entry of feed with url, username and password_file";

/// Reads the list of feeds; nobody's choice is the public bucket.
pub(crate) fn read(said: &mut Said<'_>) -> Vec<FeedSource> {
    let Some(values) = said.layers.many(said.key) else {
        return Url::parse(defaults::FEED)
            .map(FeedSource::Usual)
            .into_iter()
            .collect();
    };
    let none = values.iter().find(|value| value.text == "none");
    if let (Some(none), 2..) = (none, values.len()) {
        let message = "\"none\" cannot stand beside another feed";
        said.notes.error(&none.place, message);
    }
    let mut feeds = Vec::new();
    for value in values.iter().filter(|value| value.text != "none") {
        // Wherever a URL is named, what the file says of it holds.
        let is_of_value = |entry: &&UpstreamEntry| same(&entry.name.text, &value.text);
        let entry = said.extras.feeds.iter().find(is_of_value);
        if value.text.is_empty() {
            let message = "wanted a directory, an http(s) URL, imported or none, got nothing";
            said.notes.error(&value.place, message);
        } else if let Some(entry) = entry {
            feeds.extend(site(entry, said).map(FeedSource::url));
        } else if value.text == "imported" {
            feeds.push(FeedSource::Imported);
        } else if value.text.contains("://") {
            let url = upstreams::base_url(value, WRITE_AN_ENTRY, said.notes);
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
fn site(entry: &UpstreamEntry, said: &mut Said<'_>) -> Option<UpstreamSettings> {
    let value = &entry.name;
    let is_url = |text: &str| text.contains("://").then_some(());
    value.read("an http(s) URL", said.notes, is_url)?;
    let url = upstreams::base_url(value, upstreams::USE_KEYS, said.notes)?;
    let name = url.host_str().unwrap_or_default().to_owned();
    if let Some(identity) = entry.said.one("identity") {
        let message = "a feed is asked by this service alone; identity is for upstreams";
        said.notes.error(&identity.place, message);
    }
    let (name, url) = (Some(name), Some(url));
    let site = upstreams::described(entry, name, url, said.environment, said.notes)?;
    let in_the_clear = site.login.is_some() && site.url.scheme() == "http";
    if in_the_clear && !site.allow_insecure_credentials {
        let message = format!(
            "credentials of feed {} would travel in the clear; \
             allow_insecure_credentials: true allows that",
            site.url
        );
        said.notes.error(&value.place, message);
    }
    Some(site)
}
