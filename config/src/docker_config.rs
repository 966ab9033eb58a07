//! Credentials from a docker `config.json`, as `docker login` and `podman login` write it.
//!
//! Only `auths` is read: helpers are programs, and a file of another tool starts none.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use serde::Deserialize;

use crate::credentials::warn_if_others_may_read;
use crate::errors::Notes;
use crate::layer::Sourced;
use crate::values::{Credentials, Login, UpstreamSettings};
use sluicegate_model::secret::Secret;

/// Longest file accepted, in bytes: some hundred registries.
const MAX_BYTES: usize = 1024 * 1024;
/// The key under which docker keeps Docker Hub's credentials.
const DOCKER_HUB: &str = "index.docker.io";

#[derive(Deserialize)]
struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, Auth>,
    #[serde(default, rename = "credsStore")]
    store: Option<String>,
    #[serde(default, rename = "credHelpers")]
    helpers: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Auth {
    auth: Option<String>,
    identitytoken: Option<String>,
}

/// Gives credentials to the registries that have none of their own and stand in the file.
pub(crate) fn apply(
    file: &Sourced,
    upstreams: &mut BTreeMap<String, UpstreamSettings>,
    notes: &mut Notes,
) {
    let path = Path::new(&file.text);
    warn_if_others_may_read(path, notes);
    let config = match crate::read_bounded(path, MAX_BYTES) {
        Ok(text) => serde_json::from_str::<DockerConfig>(&text),
        Err(error) => {
            notes.error(&file.place, format!("reading {:?}: {error}", file.text));
            return;
        }
    };
    let Ok(config) = config else {
        // The parser's message may quote the file, and the file holds secrets.
        notes.error(
            &file.place,
            format!("{:?} is not a docker config.json", file.text),
        );
        return;
    };
    if config.store.is_some() || !config.helpers.is_empty() {
        notes.warning(
            path.display(),
            "its credential helpers are not asked, only auths is read; \
             upstreams.NAME.credential_helper names one",
        );
    }
    for (key, auth) in &config.auths {
        let host = host_of(key);
        for upstream in upstreams.values_mut() {
            if upstream.login.is_none() && is_meant(&host, upstream) {
                upstream.login = credentials(auth).map(Login::Said);
                if upstream.login.is_none() {
                    let message = format!("the entry of {host:?} holds no user name and password");
                    notes.warning(path.display(), message);
                }
            }
        }
    }
}

fn host_of(key: &str) -> String {
    let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    sluicegate_model::names::folded_host(host)
}

fn is_meant(host: &str, upstream: &UpstreamSettings) -> bool {
    let url_host = match (upstream.url.host_str(), upstream.url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => return false,
    };
    // Docker Hub's credentials go to Docker Hub only, not to a registry configured in its place.
    let hub = host == DOCKER_HUB && url_host == "registry-1.docker.io";
    hub || host == url_host
}

fn credentials(auth: &Auth) -> Option<Credentials> {
    if auth
        .identitytoken
        .as_deref()
        .is_some_and(|token| !token.is_empty())
    {
        return None;
    }
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(auth.auth.as_deref()?.trim())
        .ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (username, password) = text.split_once(':')?;
    let password = password.trim_end_matches('\0');
    (!username.is_empty() && !password.is_empty()).then(|| Credentials {
        username: username.into(),
        password: Secret::new(password),
    })
}
