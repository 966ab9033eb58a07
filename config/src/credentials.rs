//! Secrets: from a file or a variable, never from the config file itself.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::env::Environment;
use crate::errors::Notes;
use crate::file::UpstreamEntry;
use crate::layer::Sourced;
use crate::secret::Secret;
use crate::values::Credentials;

/// Longest password file, in bytes. The longest registry tokens have about 4 KiB.
const MAX_SECRET_BYTES: usize = 64 * 1024;

/// Reads the credentials that an upstream's entry names.
pub(crate) fn of_entry(
    entry: &UpstreamEntry,
    environment: &Environment,
    notes: &mut Notes,
) -> Option<Credentials> {
    let password = match (
        entry.said.one("password_file"),
        entry.said.one("password_env"),
    ) {
        (Some(_), Some(variable)) => {
            let message = "wanted one of password_file and password_env, got both";
            notes.error(&variable.place, message);
            return None;
        }
        (Some(file), None) => from_file(file, notes),
        (None, Some(variable)) => from_variable(variable, environment, notes),
        (None, None) => {
            if let Some(username) = entry.said.one("username") {
                let message = "username needs password_file or password_env";
                notes.error(&username.place, message);
            }
            return None;
        }
    };
    let Some(username) = entry.said.one("username") else {
        notes.error(&entry.name.place, "a password needs a username");
        return None;
    };
    Some(Credentials {
        username: username.text.clone(),
        password: password?,
    })
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
