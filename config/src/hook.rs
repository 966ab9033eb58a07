//! What registries prove themselves with that tell of a push: a secret in a file, read again for
//! every notification.

use std::path::Path;

use crate::credentials::{self, PasswordError};
use crate::said::Said;
use crate::values::SecretFile;
use sluicegate_model::secret::Secret;

/// Shortest secret, in bytes: what can be guessed lets anybody start scans.
const MIN_SECRET_BYTES: usize = 16;

/// Says why a file gives no secret of hooks.
#[derive(Debug, thiserror::Error)]
pub enum HookSecretError {
    /// It gives no text.
    #[error(transparent)]
    Unread(#[from] PasswordError),
    /// Anybody could guess it.
    #[error("{0:?} holds fewer than {MIN_SECRET_BYTES} bytes, which can be guessed")]
    Short(String),
}

/// Reads the secret of hooks from its file.
///
/// *Errors*: it cannot be read, or is empty or too short.
pub fn read_hook_secret(path: &Path) -> Result<Secret, HookSecretError> {
    let secret = credentials::read_password(path)?;
    if secret.expose().len() < MIN_SECRET_BYTES {
        return Err(HookSecretError::Short(path.display().to_string()));
    }
    Ok(secret)
}

/// Reads `hook_secret_file`.
pub(crate) fn read(said: &mut Said<'_>) -> Option<SecretFile> {
    let file = said.one()?;
    let path = Path::new(&file.text);
    credentials::warn_if_others_may_read(path, said.notes);
    match read_hook_secret(path) {
        Ok(secret) => Some(SecretFile {
            path: path.to_owned(),
            secret,
        }),
        Err(error) => {
            said.notes.error(&file.place, error.to_string());
            None
        }
    }
}
