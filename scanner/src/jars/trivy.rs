//! Trivy's database of Java archives: the tables `artifacts` and `indices` of an SQLite file.
//!
//! Source: trivy-java-db, schema version 1.

use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::path::Path;

use sluicegate_model::archive::Sha1Digest;

use super::build::JarsBuilder;
use super::error::JarsError;
use crate::read_at::FileOf;
use crate::sqlite::{Row, SqliteDatabase, SqliteError};

/// The tables, and which columns of them are read.
const ARTIFACTS: &str = "artifacts";
const GROUP: usize = 1;
const NAME: usize = 2;
const INDICES: &str = "indices";
const ARTIFACT: usize = 0;
const VERSION: usize = 1;
const SHA1: usize = 2;

/// Most artifacts, which are held in memory while the archives are read: Maven Central has some half a
/// million.
const MAX_ARTIFACTS: u64 = 20_000_000;

/// What the file should be, in messages.
const WHAT: &str = "Trivy's database of Java archives";

/// A group and the name of an artifact in it.
type Artifact = (Box<str>, Box<str>);

/// Adds every archive of a database; `on_progress` is told how many there are so far. One row that
/// cannot be read stops it, for nobody knows what else is missing.
pub fn add_trivy(
    builder: &mut JarsBuilder,
    path: &Path,
    on_progress: &mut dyn FnMut(u64),
) -> Result<u64, JarsError> {
    let failed = |source: Box<dyn Error + Send + Sync>| JarsError::Source {
        path: path.to_owned(),
        what: WHAT,
        source,
    };
    let file = File::open(path).map_err(JarsError::io("open", path))?;
    let metadata = file.metadata().map_err(JarsError::io("look at", path))?;
    let source = FileOf {
        file: &file,
        size_bytes: metadata.len(),
    };
    let wrong = |error: SqliteError| failed(Box::new(error));
    let mut database = SqliteDatabase::open(&source, None).map_err(wrong)?;
    let ([artifacts, indices], damage) = database.roots([ARTIFACTS, INDICES]);
    if let Some(damage) = damage {
        return Err(wrong(damage));
    }
    let ([artifacts], [indices]) = (artifacts.as_slice(), indices.as_slice()) else {
        return Err(failed("it has no tables artifacts and indices".into()));
    };
    let artifacts = read_artifacts(&mut database, *artifacts).map_err(failed)?;
    let (mut archives, mut outcome) = (0, Ok(()));
    database.rows(*indices, &mut |row| {
        if outcome.is_err() {
            return;
        }
        outcome = row.map_err(&wrong).and_then(|row| {
            let (digest, (group, name), version) =
                archive(&row, &artifacts).map_err(|why| failed(why.into()))?;
            builder.add(&digest, (group, name, &version))
        });
        archives += 1;
        on_progress(archives);
    });
    outcome?;
    if archives == 0 {
        return Err(JarsError::Empty(path.to_owned()));
    }
    Ok(archives)
}

fn read_artifacts(
    database: &mut SqliteDatabase<'_>,
    root: u32,
) -> Result<HashMap<u64, Artifact>, Box<dyn Error + Send + Sync>> {
    let mut artifacts = HashMap::new();
    let mut outcome = Ok(());
    database.rows(root, &mut |row| {
        if outcome.is_err() {
            return;
        }
        outcome = row.map_err(Into::into).and_then(|row| {
            let id = row.id;
            let names = text(&row, GROUP).zip(text(&row, NAME));
            let names = names.ok_or("an artifact has no group and name")?;
            artifacts.insert(id, names);
            let is_too_many = artifacts.len() as u64 > MAX_ARTIFACTS;
            (!is_too_many)
                .then_some(())
                .ok_or_else(|| format!("it has more than {MAX_ARTIFACTS} artifacts").into())
        });
    });
    outcome.map(|()| artifacts)
}

/// Takes a row of `indices` apart.
fn archive<'a>(
    row: &Row,
    artifacts: &'a HashMap<u64, Artifact>,
) -> Result<(Sha1Digest, &'a Artifact, Box<str>), &'static str> {
    let digest = row.bytes(SHA1).and_then(|bytes| bytes.try_into().ok());
    let digest = digest.ok_or("an archive has no SHA-1 of 20 bytes")?;
    let artifact = row.integer(ARTIFACT).and_then(|id| artifacts.get(&id));
    let artifact = artifact.ok_or("an archive is of no artifact that is listed")?;
    let version = text(row, VERSION).ok_or("an archive has no version")?;
    Ok((Sha1Digest(digest), artifact, version))
}

fn text(row: &Row, column: usize) -> Option<Box<str>> {
    let text = String::from_utf8(row.text(column)?).ok()?;
    Some(text.into())
}
