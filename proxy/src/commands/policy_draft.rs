//! A draft of policies, as it is sent to a service: read and checked here first.

use std::path::PathBuf;

use serde_json::{Value, json};
use sluicegate_policy::{PolicySet, SourceFile};

use super::CommandError;
use crate::policies;

/// Reads the files under these paths, and those that they name.
///
/// *Errors*: one of them cannot be read, or has a mistake; each with its place.
pub(super) fn draft(paths: &[PathBuf]) -> Result<Value, CommandError> {
    let usage = |error: &dyn std::fmt::Display| CommandError::Usage(error.to_string());
    let read = policies::read_all(paths).map_err(|error| usage(&error))?;
    if read.files.is_empty() {
        return Err(CommandError::Usage("there is no policy file there".into()));
    }
    let sources = read.sources(jiff::Timestamp::now());
    PolicySet::load(&sources).map_err(|errors| usage(&errors))?;
    let file = |file: &SourceFile| json!({"name": file.name, "text": file.text});
    let files: Vec<Value> = read.files.iter().map(file).collect();
    let attached = read.attached.iter().flat_map(|attached| {
        let texts = attached.found.iter().flatten();
        texts.map(|text| {
            json!({"by": attached.named.by, "named": attached.named.path, "path": text.path,
                "name": text.file.name, "text": text.file.text})
        })
    });
    let attached: Vec<Value> = attached.collect();
    Ok(json!({"files": files, "attached": attached}))
}
