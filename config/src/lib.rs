//! Where every setting comes from: flags beat environment beats file beats default.
//!
//! In go flags, environment and the text of a YAML file; out come checked [`Settings`] with warnings,
//! or every mistake at once, each with the place it was made. Nothing else in the program reads the
//! environment, and no secret that enters here can be printed.
//!
//! Reading order: `settings` (the one table: what can be said, and what comes out), `declared` (what
//! is made of a row), `said` (how the usual kinds of values are read), `values` (the others), `layer`
//! with `env` and `file` (one source each), `check` (what is wrong together), `address`, `api_auth`,
//! `webhook`, `sink` (where the log goes), `upstreams` and `credentials` (registries and their secrets), `named_registry` (those
//! of a command line), `networks` (who is believed), `schema` (what editors are told of the file).

mod settings;

mod address;
mod api_auth;
mod check;
mod credentials;
mod declared;
mod defaults;
mod docker_config;
mod env;
mod errors;
mod feeds;
mod file;
mod hook;
mod layer;
mod named_registry;
mod networks;
mod said;
mod schema;
mod sink;
mod upstreams;
mod values;
mod webhook;

pub use credentials::{PasswordError, read_password};
pub use defaults::MAX_REQUESTS as DEFAULT_MAX_REQUESTS;
pub use env::Environment;
pub use errors::{ConfigError, ConfigErrors};
pub use hook::{HookSecretError, read_hook_secret};
pub use named_registry::{is_loopback, registry_allowed, registry_named};
pub use schema::schema;
pub use settings::{Flags, Loaded, Settings};
pub use sluicegate_model::secret::Secret;
pub use values::{
    Access, CredentialProvider, Credentials, FeedSource, LogFormat, Login, SecretFile, SinkPlace,
    SinkSettings, StoreEngine, TlsFiles, UpstreamIdentity, UpstreamSettings, WebhookFormat,
    WebhookSettings,
};
pub use webhook::event_types;

use errors::Notes;
use said::Said;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

/// Merges the sources and checks what comes out.
///
/// *Shape*: `file` is the file's name, for messages, and its text. Secrets are read from the files
/// that the settings name.
pub fn load(
    flags: Flags,
    environment: &Environment,
    file: Option<(&str, &str)>,
) -> Result<Loaded, ConfigErrors> {
    let keys = settings::SETTINGS;
    let mut notes = Notes {
        warnings: environment.unknown_variables(keys),
        ..Notes::default()
    };
    let file = file.map(|(name, text)| file::read(name, text, keys, &mut notes));
    let (file_layer, extras) = file.unwrap_or_default();
    let layers = layer::Layers([
        flags.into_layer(),
        environment.layer(keys, &mut notes.errors),
        file_layer,
    ]);
    let settings = check::check(&mut Said {
        key: "",
        layers: &layers,
        extras: &extras,
        environment,
        notes: &mut notes,
        words: BTreeMap::new(),
    });
    if notes.errors.is_empty() {
        Ok(Loaded {
            settings,
            warnings: notes.warnings,
        })
    } else {
        Err(ConfigErrors::new(notes.errors))
    }
}

/// Reads the config file that the flags or the environment name, where one does, and loads it.
pub fn load_with_file(flags: Flags, environment: &Environment) -> Result<Loaded, ConfigErrors> {
    let path = flags
        .config
        .clone()
        .or_else(|| environment.get("SLUICEGATE_CONFIG").map(PathBuf::from));
    let Some(path) = path else {
        return load(flags, environment, None);
    };
    let name = path.display().to_string();
    let text = read_bounded(&path, sluicegate_model::strict_yaml::MAX_TEXT_BYTES)
        .map_err(|error| ConfigErrors::one(&name, format!("reading the config file: {error}")))?;
    load(flags, environment, Some((&name, &text)))
}

/// Reads a text file of at most `max_bytes`.
fn read_bounded(path: &std::path::Path, max_bytes: usize) -> std::io::Result<String> {
    let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX);
    let mut text = String::new();
    std::fs::File::open(path)?
        .take(limit.saturating_add(1))
        .read_to_string(&mut text)?;
    if text.len() > max_bytes {
        return Err(std::io::Error::other(format!(
            "longer than {max_bytes} bytes"
        )));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
