//! Registries: names, URLs and who may be asked as whom.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sluicegate_model::names::folded_host;
use url::Url;

use crate::credentials;
use crate::defaults;
use crate::docker_config;
use crate::env::Environment;
use crate::errors::Notes;
use crate::file::UpstreamEntry;
use crate::layer::Sourced;
use crate::said::Said;
use crate::values::{UpstreamIdentity, UpstreamSettings};

/// Adds the file's, the environment's and the flags' registries to the well-known ones; an entry
/// replaces a weaker one of its name as a whole, credentials included.
pub(crate) fn read(said: &mut Said<'_>) -> BTreeMap<String, UpstreamSettings> {
    let mut upstreams = well_known();
    for entry in &said.extras.upstreams {
        if let Some(upstream) = from_entry(entry, said.environment, said.notes) {
            upstreams.insert(upstream.name.clone(), upstream);
        }
    }
    for value in said.layers.each("upstream") {
        if let Some(upstream) = from_text(value, said.notes) {
            upstreams.insert(upstream.name.clone(), upstream);
        }
    }
    if let Some(path) = &said.extras.docker_config {
        docker_config::apply(path, &mut upstreams, said.notes);
    }
    for upstream in upstreams.values() {
        check_transport(upstream, said);
    }
    upstreams
}

/// Reads the host names of this registry itself.
pub(crate) fn own_names(said: &mut Said<'_>) -> Vec<String> {
    let wanted = "a host name, perhaps with a port";
    hosts(said.many(), wanted, folded_host, said.notes)
}

/// Reads a URL that is shown, without a trailing `/`.
pub(crate) fn shown_url(said: &mut Said<'_>) -> Option<String> {
    let url = base_url(said.one()?, "", said.notes)?;
    Some(url.as_str().trim_end_matches('/').to_owned())
}

/// Tells whether a folded name can be a host, perhaps with a port.
pub(crate) fn is_host(name: &str) -> bool {
    let (host, port) = match name.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        Some(_) | None => (name, None),
    };
    let is_v6 = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok());
    let is_name = !host.is_empty()
        && host.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte)
        });
    (is_v6 || is_name) && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// What to do about a URL that holds a password, in an entry of the file.
pub(crate) const USE_KEYS: &str = ", use username and password_file";
/// The same where only a text can be written.
const WRITE_AN_ENTRY: &str =
    ", write the registry under upstreams in the config file, with username and password_file";

/// Reads an http(s) URL; `instead` says where a user name and password belong.
pub(crate) fn web_url(
    value: &Sourced,
    example: &str,
    instead: &str,
    notes: &mut Notes,
) -> Option<Url> {
    // The text stays out of the messages: a URL may hold a password.
    let problem = match Url::parse(&value.text) {
        Err(_) => format!("wanted a URL such as {example}"),
        Ok(url) if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() => {
            "wanted an http or https URL".to_owned()
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            format!("a URL must not hold a user name or password{instead}")
        }
        Ok(url) => return Some(url),
    };
    notes.error(&value.place, problem);
    None
}

/// Reads an http(s) URL without secrets, query or fragment, and ends its path in `/`.
pub(crate) fn base_url(value: &Sourced, instead: &str, notes: &mut Notes) -> Option<Url> {
    let mut url = web_url(value, "https://registry.example:5000", instead, notes)?;
    if url.query().is_some() || url.fragment().is_some() {
        notes.error(&value.place, "a base URL has no query and no fragment");
        return None;
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Some(url)
}

fn well_known() -> BTreeMap<String, UpstreamSettings> {
    let parsed = |(name, url): (&str, &str)| {
        let upstream = UpstreamSettings::anonymous(name, Url::parse(url).ok()?);
        Some((name.to_owned(), upstream))
    };
    defaults::UPSTREAMS.into_iter().filter_map(parsed).collect()
}

fn name(value: &Sourced, notes: &mut Notes) -> Option<String> {
    let wanted = "a registry's host name such as quay.io";
    value.read(wanted, notes, |text| {
        Some(folded_host(text)).filter(|name| is_host(name))
    })
}

fn from_text(value: &Sourced, notes: &mut Notes) -> Option<UpstreamSettings> {
    let Some((text, url)) = value.text.split_once('=') else {
        notes.error(
            &value.place,
            "wanted NAME=URL such as corp.example=https://registry.corp.example",
        );
        return None;
    };
    let part = |text: &str| Sourced {
        text: text.into(),
        place: value.place.clone(),
    };
    let name = name(&part(text), notes);
    let url = base_url(&part(url), WRITE_AN_ENTRY, notes);
    Some(UpstreamSettings::anonymous(&name?, url?))
}

fn from_entry(
    entry: &UpstreamEntry,
    environment: &Environment,
    notes: &mut Notes,
) -> Option<UpstreamSettings> {
    let name = name(&entry.name, notes);
    let url = entry.said.one("url");
    let url = url.and_then(|url| base_url(url, USE_KEYS, notes));
    let upstream = described(entry, name, url, environment, notes);
    let most = defaults::MOST_REQUESTS;
    let max_requests = entry.said.one("max_requests").and_then(|value| {
        value.read(&format!("a number from 1 to {most}"), notes, |text| {
            text.parse()
                .ok()
                .filter(|number| (1..=most).contains(number))
        })
    });
    let upstream = UpstreamSettings {
        identity: identity(entry, notes),
        max_requests: max_requests.unwrap_or(defaults::MAX_REQUESTS),
        scan_by: scan_by(entry, notes),
        ..upstream?
    };
    if upstream.identity == UpstreamIdentity::Client && upstream.login.is_some() {
        let message = "identity: client asks with each client's own credentials; \
                       leave those of this entry out";
        notes.error(&entry.name.place, message);
    }
    Some(upstream)
}

/// Reads whose credentials a registry is asked with.
fn identity(entry: &UpstreamEntry, notes: &mut Notes) -> UpstreamIdentity {
    let said = entry.said.one("identity");
    let read = said.and_then(|value| {
        value.read("service or client", notes, |text| match text {
            "service" => Some(UpstreamIdentity::Service),
            "client" => Some(UpstreamIdentity::Client),
            _ => None,
        })
    });
    read.unwrap_or(UpstreamIdentity::Service)
}

/// Reads the name of the scanner that scans a registry's images.
fn scan_by(entry: &UpstreamEntry, notes: &mut Notes) -> Option<String> {
    let fits = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-')
    };
    let wanted = "the name of a linked scanner such as eu-west";
    entry.said.one("scan_by")?.read(wanted, notes, |text| {
        let is_name = !text.is_empty() && text.bytes().all(fits);
        is_name.then(|| text.to_owned())
    })
}

/// Reads how a place that is asked over HTTP is asked, where its name and URL are right.
pub(crate) fn described(
    entry: &UpstreamEntry,
    name: Option<String>,
    url: Option<Url>,
    environment: &Environment,
    notes: &mut Notes,
) -> Option<UpstreamSettings> {
    let said = &entry.said;
    let file = |key| said.one(key).map(|file| PathBuf::from(&file.text));
    let is_on = |key| said.one(key).is_some_and(|value| value.text == "true");
    let login = credentials::of_entry(entry, environment, notes);
    let allow_hosts = said.many("allow_hosts").unwrap_or_default();
    let wanted = "a host, perhaps with a port";
    let allow_hosts = hosts(allow_hosts, wanted, str::to_ascii_lowercase, notes);
    Some(UpstreamSettings {
        login,
        ca_file: file("ca_file"),
        allow_insecure_credentials: is_on("allow_insecure_credentials"),
        allow_hosts,
        ..UpstreamSettings::anonymous(&name?, url?)
    })
}

fn hosts(
    values: &[Sourced],
    wanted: &str,
    folded: impl Fn(&str) -> String,
    notes: &mut Notes,
) -> Vec<String> {
    let host = |text: &str| Some(folded(text)).filter(|host| is_host(host));
    let hosts = values.iter();
    hosts
        .filter_map(|value| value.read(wanted, notes, host))
        .collect()
}

fn check_transport(upstream: &UpstreamSettings, said: &mut Said<'_>) {
    let has_credentials = upstream.login.is_some() || upstream.identity == UpstreamIdentity::Client;
    let in_the_clear = has_credentials && upstream.url.scheme() == "http";
    if !in_the_clear || upstream.allow_insecure_credentials {
        return;
    }
    let message = format!(
        "credentials of upstream {:?} would travel in the clear to {}; \
         allow_insecure_credentials: true allows that",
        upstream.name, upstream.url
    );
    let entries = &said.extras.upstreams;
    let entry = entries
        .iter()
        .find(|entry| folded_host(&entry.name.text) == upstream.name);
    let place = entry
        .map(|entry| &entry.name.place)
        .or_else(|| {
            said.layers
                .each("upstream")
                .last()
                .map(|value| &value.place)
        })
        .or_else(|| said.extras.docker_config.as_ref().map(|value| &value.place));
    match place {
        Some(place) => said.notes.error(place, message),
        None => said.notes.error("upstreams", message),
    }
}
