//! A draft of policies, as it is sent to a service: read and checked here first.

use std::path::PathBuf;

use serde_json::{Value, json};
use sluicegate_policy::PolicySet;

use super::CommandError;
use crate::policies;

/// Reads the files under these paths.
///
/// *Errors*: one of them cannot be read, or has a mistake; each with its place.
pub(super) fn files(paths: &[PathBuf]) -> Result<Value, CommandError> {
    let usage = |error: &dyn std::fmt::Display| CommandError::Usage(error.to_string());
    let read = policies::read_all(paths).map_err(|error| usage(&error))?;
    if read.files.is_empty() {
        return Err(CommandError::Usage("there is no policy file there".into()));
    }
    PolicySet::parse(&read.files).map_err(|errors| usage(&errors))?;
    let files = read.files.iter();
    let files = files.map(|file| json!({"name": file.name, "text": file.text}));
    Ok(files.collect())
}
