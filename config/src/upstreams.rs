//! Registries: names, URLs and who may be asked as whom.

use std::collections::BTreeMap;

use sluicegate_model::names::folded_host;
use url::Url;

use crate::credentials;
use crate::defaults;
use crate::docker_config;
use crate::env::Environment;
use crate::errors::Notes;
use crate::file::{Extras, UpstreamEntry};
use crate::layer::{Layers, Sourced};
use crate::settings::UpstreamSettings;

/// Adds the file's, the environment's and the flags' registries to the well-known ones; an entry
/// replaces a weaker one of its name as a whole, credentials included.
pub(crate) fn check(
    layers: &Layers,
    extras: &Extras,
    environment: &Environment,
    notes: &mut Notes,
) -> BTreeMap<String, UpstreamSettings> {
    let mut upstreams = well_known();
    for entry in &extras.upstreams {
        if let Some(upstream) = from_entry(entry, environment, notes) {
            upstreams.insert(upstream.name.clone(), upstream);
        }
    }
    for value in layers.each("upstream") {
        if let Some(upstream) = from_text(value, notes) {
            upstreams.insert(upstream.name.clone(), upstream);
        }
    }
    if let Some(path) = &extras.docker_config {
        docker_config::apply(path, &mut upstreams, notes);
    }
    for upstream in upstreams.values() {
        check_transport(upstream, layers, extras, notes);
    }
    upstreams
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

/// Reads an http(s) URL without secrets, query or fragment, and ends its path in `/`; `instead` says
/// where a user name and password belong.
pub(crate) fn base_url(value: &Sourced, instead: &str, notes: &mut Notes) -> Option<Url> {
    // The text stays out of the messages: a URL may hold a password.
    let Ok(mut url) = Url::parse(&value.text) else {
        notes.error(
            &value.place,
            "wanted a URL such as https://registry.example:5000",
        );
        return None;
    };
    let problem = if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        "wanted an http or https URL".to_owned()
    } else if !url.username().is_empty() || url.password().is_some() {
        format!("a URL must not hold a user name or password{instead}")
    } else if url.query().is_some() || url.fragment().is_some() {
        "a base URL has no query and no fragment".to_owned()
    } else {
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        return Some(url);
    };
    notes.error(&value.place, problem);
    None
}

fn well_known() -> BTreeMap<String, UpstreamSettings> {
    let parsed = |(name, url): (&str, &str)| {
        let upstream = UpstreamSettings::anonymous(name, Url::parse(url).ok()?);
        Some((name.to_owned(), upstream))
    };
    defaults::UPSTREAMS.into_iter().filter_map(parsed).collect()
}

fn name(value: &Sourced, text: &str, notes: &mut Notes) -> Option<String> {
    let name = folded_host(text);
    if is_host(&name) {
        return Some(name);
    }
    let message = format!("wanted a registry's host name such as quay.io, got {text:?}");
    notes.error(&value.place, message);
    None
}

fn from_text(value: &Sourced, notes: &mut Notes) -> Option<UpstreamSettings> {
    let Some((text, url)) = value.text.split_once('=') else {
        notes.error(
            &value.place,
            "wanted NAME=URL such as corp.example=https://registry.corp.example",
        );
        return None;
    };
    let url = Sourced {
        text: url.into(),
        place: value.place.clone(),
    };
    let (name, url) = (
        name(value, text, notes),
        base_url(&url, WRITE_AN_ENTRY, notes),
    );
    Some(UpstreamSettings::anonymous(&name?, url?))
}

fn from_entry(
    entry: &UpstreamEntry,
    environment: &Environment,
    notes: &mut Notes,
) -> Option<UpstreamSettings> {
    let name = name(&entry.name, &entry.name.text, notes);
    let url = entry.url.as_ref();
    let url = url.and_then(|url| base_url(url, USE_KEYS, notes));
    let credentials = credentials::of_entry(entry, environment, notes);
    let allow_hosts = hosts(&entry.allow_hosts, notes);
    let max_requests = entry.max_requests.as_ref();
    let max_requests = max_requests.map(|value| max_requests_of(value, notes));
    Some(UpstreamSettings {
        name: name?,
        url: url?,
        credentials,
        password_file: entry.password_file.as_ref().map(|file| (&file.text).into()),
        ca_file: entry.ca_file.as_ref().map(|file| (&file.text).into()),
        allow_insecure_credentials: entry.allow_insecure_credentials,
        allow_hosts,
        max_requests: max_requests.unwrap_or(defaults::MAX_REQUESTS),
    })
}

/// Reads hosts that may be sent to.
pub(crate) fn hosts(values: &[Sourced], notes: &mut Notes) -> Vec<String> {
    let mut hosts = Vec::new();
    for host in values {
        let folded = host.text.to_ascii_lowercase();
        if !is_host(&folded) {
            let message = format!("wanted a host, perhaps with a port, got {:?}", host.text);
            notes.error(&host.place, message);
        }
        hosts.push(folded);
    }
    hosts
}

fn max_requests_of(value: &Sourced, notes: &mut Notes) -> usize {
    let number = value.text.parse::<u32>().ok();
    let number = number.filter(|number| (1..=defaults::MOST_REQUESTS).contains(number));
    let number = number.and_then(|number| usize::try_from(number).ok());
    number.unwrap_or_else(|| {
        let most = defaults::MOST_REQUESTS;
        let message = format!("wanted a number from 1 to {most}, got {:?}", value.text);
        notes.error(&value.place, message);
        defaults::MAX_REQUESTS
    })
}

fn check_transport(
    upstream: &UpstreamSettings,
    layers: &Layers,
    extras: &Extras,
    notes: &mut Notes,
) {
    let in_the_clear = upstream.credentials.is_some() && upstream.url.scheme() == "http";
    if !in_the_clear || upstream.allow_insecure_credentials {
        return;
    }
    let message = format!(
        "credentials of upstream {:?} would travel in the clear to {}; \
         allow_insecure_credentials: true allows that",
        upstream.name, upstream.url
    );
    let entry = extras
        .upstreams
        .iter()
        .find(|entry| folded_host(&entry.name.text) == upstream.name);
    let place = entry
        .map(|entry| &entry.name.place)
        .or_else(|| layers.each("upstream").last().map(|value| &value.place))
        .or_else(|| extras.docker_config.as_ref().map(|value| &value.place));
    match place {
        Some(place) => notes.error(place, message),
        None => notes.error("upstreams", message),
    }
}
