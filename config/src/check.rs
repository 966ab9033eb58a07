//! Texts to values: the one place that makes [`Settings`].
//!
//! Every mistake is noted and a harmless value put in its place, so that one run tells them all.

use std::path::PathBuf;
use std::time::Duration;

use sluicegate_model::manifest::Platform;
use sluicegate_model::names::folded_host;
use url::Url;

use crate::address::address;
use crate::api_auth;
use crate::credentials;
use crate::defaults;
use crate::env::Environment;
use crate::errors::Notes;
use crate::feeds;
use crate::file::{Extras, TlsEntry};
use crate::layer::{Layers, Place, Sourced};
use crate::networks;
use crate::settings::{GateMode, LogFormat, Settings, TlsFiles, WebhookSettings};
use crate::upstreams;

/// Checks everything.
pub(crate) fn check(
    layers: &Layers,
    extras: &Extras,
    environment: &Environment,
    notes: &mut Notes,
) -> Settings {
    let api_listen = address(layers, "api_listen", defaults::API_LISTEN, notes);
    let settings = Settings {
        listen: address(layers, "listen", defaults::LISTEN, notes),
        api_listen,
        api_auth: api_auth::check(layers, api_listen, notes),
        names: names(layers, notes),
        data: layers
            .one("data")
            .map_or_else(|| environment.default_data(), path),
        policy: layers
            .many("policy")
            .unwrap_or_default()
            .iter()
            .map(path)
            .collect(),
        feeds: feeds::check(layers, extras, environment, notes),
        feed_trust: layers
            .many("feed_trust")
            .unwrap_or_default()
            .iter()
            .map(|value| value.text.clone())
            .collect(),
        upstreams: upstreams::check(layers, extras, environment, notes),
        default_upstream: layers
            .one("default_upstream")
            .map_or_else(|| defaults::UPSTREAM.into(), |name| folded_host(&name.text)),
        platforms: platforms(layers, notes),
        gate: gate(layers, notes),
        cache_bytes: cache_bytes(layers, notes),
        log_format: log_format(layers, notes),
        tls: tls_files(extras.tls.as_ref()),
        api_tls: tls_files(extras.api_tls.as_ref()),
        allow_anonymous: switch(layers, "allow_anonymous"),
        explain_to_old_clients: switch(layers, "explain_to_old_clients"),
        api_url: api_url(layers, notes),
        tag_ttl: tag_ttl(layers, notes),
        hold: hold(environment),
        max_connections: max_connections(layers, notes),
        trusted_proxies: networks::check(layers, "trusted_proxies", notes),
        webhook: webhook(layers, notes),
        https_proxy: proxy(environment, "HTTPS_PROXY"),
        no_proxy: proxy(environment, "NO_PROXY"),
    };
    check_together(&settings, layers, notes);
    settings
}

/// Checks what is right alone and wrong together.
fn check_together(settings: &Settings, layers: &Layers, notes: &mut Notes) {
    if !settings.upstreams.contains_key(&settings.default_upstream) {
        let known: Vec<&str> = settings.upstreams.keys().map(String::as_str).collect();
        let message = format!(
            "no upstream is called {:?}, wanted one of {}",
            settings.default_upstream,
            known.join(", ")
        );
        notes.error(place(layers, "default_upstream"), message);
    }
    if settings.listen == settings.api_listen && settings.listen.port() != 0 {
        let message = format!("{} is the registry's address already", settings.listen);
        notes.error(place(layers, "api_listen"), message);
    }
    let private = settings
        .upstreams
        .values()
        .find(|upstream| upstream.credentials.is_some());
    if let Some(upstream) = private
        && !settings.listen.ip().is_loopback()
        && !settings.allow_anonymous
    {
        let message = format!(
            "upstream {:?} has credentials, and everybody who reaches {} could pull its private \
             images; --allow-anonymous allows that",
            upstream.name, settings.listen
        );
        notes.error(place(layers, "listen"), message);
    }
    for tls in settings.tls.iter().chain(&settings.api_tls) {
        credentials::warn_if_others_may_read(&tls.key_file, notes);
    }
}

fn tls_files(entry: Option<&TlsEntry>) -> Option<TlsFiles> {
    entry.map(|entry| TlsFiles {
        cert_file: path(&entry.cert_file),
        key_file: path(&entry.key_file),
    })
}

fn place(layers: &Layers, key: &'static str) -> Place {
    layers
        .one(key)
        .map_or(Place::Default(key), |value| value.place.clone())
}

fn path(value: &Sourced) -> PathBuf {
    PathBuf::from(&value.text)
}

fn switch(layers: &Layers, key: &str) -> bool {
    layers.one(key).is_some_and(|value| value.text == "true")
}

fn proxy(environment: &Environment, name: &str) -> Option<String> {
    // Tools disagree on the letter case; lower case is the older custom and wins, as in curl.
    let lower = name.to_ascii_lowercase();
    let value = environment.get(&lower).or_else(|| environment.get(name));
    value.map(ToOwned::to_owned)
}

fn names(layers: &Layers, notes: &mut Notes) -> Vec<String> {
    let mut names = Vec::new();
    for value in layers.many("name").unwrap_or_default() {
        let name = folded_host(&value.text);
        if !upstreams::is_host(&name) {
            let message = format!(
                "wanted a host name, perhaps with a port, got {:?}",
                value.text
            );
            notes.error(&value.place, message);
        }
        names.push(name);
    }
    names
}

fn platforms(layers: &Layers, notes: &mut Notes) -> Vec<Platform> {
    let mut platforms = Vec::new();
    for value in layers.many("platforms").unwrap_or_default() {
        for text in value
            .text
            .split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty())
        {
            match text.parse() {
                Ok(platform) => platforms.push(platform),
                Err(_) => notes.error(
                    &value.place,
                    format!("wanted OS/ARCHITECTURE[/VARIANT] such as linux/amd64, got {text:?}"),
                ),
            }
        }
    }
    if platforms.is_empty() {
        platforms.push(Platform::host());
    }
    platforms
}

fn gate(layers: &Layers, notes: &mut Notes) -> GateMode {
    let Some(value) = layers.one("gate") else {
        return GateMode::Hold;
    };
    match value.text.as_str() {
        "hold" => GateMode::Hold,
        "stream" => GateMode::Stream,
        other => {
            notes.error(
                &value.place,
                format!("wanted hold or stream, got {other:?}"),
            );
            GateMode::Hold
        }
    }
}

fn log_format(layers: &Layers, notes: &mut Notes) -> LogFormat {
    let Some(value) = layers.one("log_format") else {
        return LogFormat::Text;
    };
    match value.text.as_str() {
        "text" => LogFormat::Text,
        "json" => LogFormat::Json,
        other => {
            notes.error(&value.place, format!("wanted text or json, got {other:?}"));
            LogFormat::Text
        }
    }
}

fn cache_bytes(layers: &Layers, notes: &mut Notes) -> u64 {
    let Some(value) = layers.one("cache_size") else {
        return defaults::CACHE_BYTES;
    };
    parse_bytes(&value.text).unwrap_or_else(|| {
        let message = format!("wanted bytes such as 500MiB or 20GiB, got {:?}", value.text);
        notes.error(&value.place, message);
        defaults::CACHE_BYTES
    })
}

/// Reads a number of bytes with an optional binary suffix; zero is none.
fn parse_bytes(text: &str) -> Option<u64> {
    let digits_end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, suffix) = text.split_at(digits_end);
    let shift = match suffix.trim_start() {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return None,
    };
    let bytes = digits.parse::<u64>().ok()?.checked_mul(1_u64 << shift)?;
    (bytes > 0).then_some(bytes)
}

fn tag_ttl(layers: &Layers, notes: &mut Notes) -> Duration {
    let Some(value) = layers.one("tag_ttl") else {
        return defaults::TAG_TTL;
    };
    let duration = value.text.parse::<jiff::SignedDuration>().ok();
    let duration = duration.and_then(|duration| Duration::try_from(duration).ok());
    duration
        .filter(|duration| *duration <= defaults::MAX_TAG_TTL)
        .unwrap_or_else(|| {
            let message = format!(
                "wanted at most 168h, such as 60s or 5m, got {:?}",
                value.text
            );
            notes.error(&value.place, message);
            defaults::TAG_TTL
        })
}

/// Reads the hold from the variable that tests set so as not to wait for hops; anything longer than
/// clients bear is ignored.
fn hold(environment: &Environment) -> Duration {
    let millis = environment.get("SLUICEGATE_TEST_HOLD_MS");
    let hold = millis
        .and_then(|text| text.parse().ok())
        .map(Duration::from_millis);
    hold.unwrap_or(defaults::HOLD).min(defaults::HOLD)
}

fn max_connections(layers: &Layers, notes: &mut Notes) -> usize {
    let Some(value) = layers.one("max_connections") else {
        return defaults::MAX_CONNECTIONS;
    };
    let number = value.text.parse().ok().filter(|number| *number > 0);
    number.unwrap_or_else(|| {
        notes.error(
            &value.place,
            format!("wanted a number above 0, got {:?}", value.text),
        );
        defaults::MAX_CONNECTIONS
    })
}

fn webhook(layers: &Layers, notes: &mut Notes) -> Option<WebhookSettings> {
    let secret = layers.one("webhook_secret_file");
    let Some(value) = layers.one("webhook") else {
        if let Some(secret) = secret {
            notes.error(&secret.place, "a secret needs a webhook to sign for");
        }
        return None;
    };
    let secret = secret.map(|file| credentials::signing_secret(file, notes));
    // The text stays out of the messages: receivers put secrets into their URLs.
    let Ok(url) = Url::parse(&value.text) else {
        notes.error(&value.place, "wanted a URL such as https://hooks.example/x");
        return None;
    };
    let problem = if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        "wanted an http or https URL"
    } else if !url.username().is_empty() || url.password().is_some() {
        "a URL must not hold a user name or password, use webhook_secret_file"
    } else if url.fragment().is_some() {
        "the URL of a webhook has no fragment"
    } else {
        let secret = secret.flatten();
        return Some(WebhookSettings { url, secret });
    };
    notes.error(&value.place, problem);
    None
}

fn api_url(layers: &Layers, notes: &mut Notes) -> Option<String> {
    let value = layers.one("api_url")?;
    let url = upstreams::base_url(value, "", notes)?;
    Some(url.as_str().trim_end_matches('/').to_owned())
}
