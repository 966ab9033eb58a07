//! Secrets: from a file, a variable or a program, never from the config file itself.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::env::Environment;
use crate::errors::Notes;
use crate::file::{ProviderEntry, UpstreamEntry};
use crate::layer::Sourced;
use crate::values::{CredentialProvider, Credentials, Login};
use sluicegate_model::secret::Secret;

/// Longest password file, in bytes. The longest registry tokens have about 4 KiB.
const MAX_SECRET_BYTES: usize = 64 * 1024;

/// The ways of an entry to say who we are; one of them at most is used.
const WAYS: [&str; 3] = ["password_file", "password_env", "credential_helper"];
/// Longest name of a credential helper.
const MAX_HELPER_BYTES: usize = 64;

/// Reads who an upstream's entry says that we are.
pub(crate) fn of_entry(
    entry: &UpstreamEntry,
    environment: &Environment,
    notes: &mut Notes,
) -> Option<Login> {
    let said: Vec<&Sourced> = WAYS.iter().filter_map(|key| entry.said.one(key)).collect();
    let username = entry.said.one("username");
    let provider = entry.provider.as_ref();
    let ways = said.len() + usize::from(provider.is_some());
    if ways > 1 {
        let place = provider.map_or(&entry.name.place, |provider| &provider.command.place);
        let place = said.get(1).map_or(place, |way| &way.place);
        let message = "wanted one of password_file, password_env, credential_helper and \
                       credential_provider, got several";
        notes.error(place, message);
        return None;
    }
    let program = provider
        .map(|provider| of_provider(provider, notes))
        .or_else(|| {
            entry
                .said
                .one("credential_helper")
                .map(|name| of_helper(name, notes))
        });
    match (program, username) {
        (Some(_), Some(username)) => {
            notes.error(
                &username.place,
                "the program that is asked says the username too",
            );
            None
        }
        (Some(program), None) => program,
        (None, username) => of_password(entry, username, environment, notes),
    }
}

fn of_password(
    entry: &UpstreamEntry,
    username: Option<&Sourced>,
    environment: &Environment,
    notes: &mut Notes,
) -> Option<Login> {
    let file = entry.said.one("password_file");
    let password = match (file, entry.said.one("password_env")) {
        (Some(file), _) => from_file(file, notes),
        (None, Some(variable)) => from_variable(variable, environment, notes),
        (None, None) => {
            if let Some(username) = username {
                let message = "username needs password_file or password_env";
                notes.error(&username.place, message);
            }
            return None;
        }
    };
    let Some(username) = username else {
        notes.error(&entry.name.place, "a password needs a username");
        return None;
    };
    let credentials = Credentials {
        username: username.text.clone(),
        password: password?,
    };
    Some(match file {
        Some(file) => Login::InFile(credentials, PathBuf::from(&file.text)),
        None => Login::Said(credentials),
    })
}

/// Reads the name of a credential helper, which becomes a part of a program's name.
fn of_helper(name: &Sourced, notes: &mut Notes) -> Option<Login> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let wanted = "what follows docker-credential- in the name of a program, such as ecr-login";
    name.read(wanted, notes, |text| {
        let is_name = (1..=MAX_HELPER_BYTES).contains(&text.len()) && text.bytes().all(is_part);
        is_name.then(|| Login::Helper(text.to_owned()))
    })
}

fn of_provider(provider: &ProviderEntry, notes: &mut Notes) -> Option<Login> {
    let wanted = "a program: its path, or its name in PATH";
    let command = provider.command.read(wanted, notes, |text| {
        (!text.is_empty() && !text.contains('\0')).then(|| text.to_owned())
    });
    let mut env = Vec::new();
    for (name, value) in &provider.env {
        let is_name = |text: &str| !text.is_empty() && !text.contains(['=', '\0']);
        let name = name.read("the name of a variable", notes, |text| {
            is_name(text).then(|| text.to_owned())
        });
        if value.text.contains('\0') {
            // It may be a secret, and stays out of the message.
            notes.error(&value.place, "a variable cannot hold a zero byte");
        }
        env.extend(name.map(|name| (name, value.text.clone())));
    }
    let args = provider.args.iter().filter_map(|arg| {
        let is_text = |text: &str| (!text.contains('\0')).then(|| text.to_owned());
        arg.read("text without a zero byte", notes, is_text)
    });
    let args = args.collect();
    Some(Login::Provider(CredentialProvider {
        command: command?,
        args,
        env,
    }))
}

/// Warns where a file with a secret is open to others than its owner.
pub(crate) fn warn_if_others_may_read(path: &Path, notes: &mut Notes) {
    let Ok(metadata) = std::fs::metadata(path) else {
        return;
    };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        notes.warning(
            path.display(),
            format_args!("holds a secret and has mode {mode:04o}, wanted 0600 or less"),
        );
    }
}

/// Reads a secret that messages are signed with: after `whsec_` it is base64.
pub(crate) fn signing_secret(file: &Sourced, notes: &mut Notes) -> Option<Secret> {
    let secret = from_file(file, notes)?;
    let encoded = secret.expose().strip_prefix("whsec_");
    if encoded.is_some_and(|encoded| STANDARD.decode(encoded).is_err()) {
        let message = format!("{:?} holds no base64 after whsec_", file.text);
        notes.error(&file.place, message);
        return None;
    }
    Some(secret)
}

/// Says why a file gives no password.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The system does not give it, or it is no text.
    #[error("reading {name:?}: {source}")]
    Unreadable {
        /// The file.
        name: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is nothing in it.
    #[error("{name:?} is empty")]
    Empty {
        /// The file.
        name: String,
    },
}

/// Reads a password from its file.
///
/// *Errors*: it cannot be read, or is empty.
pub fn read_password(path: &Path) -> Result<Secret, PasswordError> {
    let name = path.display().to_string();
    let text = match crate::read_bounded(path, MAX_SECRET_BYTES) {
        Ok(text) => text,
        Err(source) => return Err(PasswordError::Unreadable { name, source }),
    };
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(PasswordError::Empty { name });
    }
    Ok(Secret::new(password))
}

fn from_file(file: &Sourced, notes: &mut Notes) -> Option<Secret> {
    let path = Path::new(&file.text);
    warn_if_others_may_read(path, notes);
    let read = read_password(path);
    read.map_err(|error| notes.error(&file.place, error.to_string()))
        .ok()
}

fn from_variable(
    variable: &Sourced,
    environment: &Environment,
    notes: &mut Notes,
) -> Option<Secret> {
    let value = environment.get(&variable.text);
    if value.is_none() {
        let message = format!("variable {:?} is not set", variable.text);
        notes.error(&variable.place, message);
    }
    value.map(Secret::new)
}
