//! `.trivyignore.yaml`, taken as exceptions.
//!
//! Only its list of vulnerabilities concerns this program; other lists are for other checks and
//! are passed over.

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::exception::{self, Exception};
use crate::glob::Glob;
use crate::load::{self, Loaded, Place};
use crate::rules::PurlPattern;
use crate::set::SourceFile;

#[derive(Debug, Deserialize)]
struct IgnoreFile {
    #[serde(default)]
    vulnerabilities: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: Spanned<String>,
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    purls: Vec<String>,
    #[serde(default)]
    expired_at: Option<Spanned<String>>,
    #[serde(default)]
    statement: Option<String>,
}

pub(crate) fn load(file: &SourceFile, loaded: &mut Loaded) {
    let parsed: IgnoreFile = match load::parse(&file.name, &file.text) {
        Ok(parsed) => parsed,
        Err(error) => return loaded.errors.push(error),
    };
    for entry in parsed.vulnerabilities {
        let at = |spanned: &Spanned<String>| Place {
            file: file.name.clone(),
            line: spanned.referenced.line(),
            column: spanned.referenced.column(),
        };
        let place = at(&entry.id);
        let expires_at = entry
            .expired_at
            .as_ref()
            .map(|text| exception::parse_expiry(&text.value).map_err(|why| at(text).error(why)));
        let purls: Result<Vec<_>, _> = entry
            .purls
            .iter()
            .map(|purl| PurlPattern::parse(purl))
            .collect();
        match (
            expires_at.transpose(),
            purls.map_err(|why| place.error(why)),
        ) {
            (Ok(expires_at), Ok(purls)) => loaded.exceptions.push(Exception {
                name: format!("{}: {}", file.name, entry.id.value),
                text: format!("{entry:?}"),
                id: entry.id.value.clone(),
                purls,
                images: Vec::new(),
                paths: entry.paths.iter().map(|path| Glob::new(path)).collect(),
                expires_at,
            }),
            (Err(error), _) | (_, Err(error)) => loaded.errors.push(error),
        }
        // What somebody wrote for people needs no meaning here.
        drop(entry.statement);
    }
}
