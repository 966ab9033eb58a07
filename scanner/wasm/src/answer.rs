//! What a guest says, as hostile text: JSON of one shape, bounded, every id the plugin's own.

use serde::Deserialize;
use sluicegate_model::finding::FindingKind;
use sluicegate_model::severity::Severity;
use sluicegate_model::weakness::{Remedy, WeakPackage, Weakness};
use sluicegate_scanner::facts::Told;
use sluicegate_scanner::package_of;

use crate::manifest::{Kind, Manifest};
use crate::names;

/// Most packages, findings, gaps, aliases and remedies of one answer.
const MAX_PACKAGES: usize = 1_000;
const MAX_FINDINGS: usize = 200;
const MAX_GAPS: usize = 20;
const MAX_ALIASES: usize = 16;
const MAX_REMEDIES: usize = 8;

/// Longest id, word (a name or a version), line and path, in bytes.
const MAX_ID: usize = 80;
const MAX_WORD: usize = 256;
const MAX_LINE: usize = 500;
const MAX_PATH: usize = 1_024;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Answer {
    packages: Vec<SaidPackage>,
    findings: Vec<SaidFinding>,
    gaps: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SaidPackage {
    purl: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SaidFinding {
    id: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default = "vulnerability")]
    kind: FindingKind,
    severity: Severity,
    summary: String,
    #[serde(default)]
    package: Option<Named>,
    #[serde(default)]
    remedy: Vec<Remedies>,
    #[serde(default)]
    path: String,
    #[serde(default)]
    line: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    purl: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Remedies {
    package: String,
    version: String,
}

fn vulnerability() -> FindingKind {
    FindingKind::Vulnerability
}

/// Says why an answer does not count.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// It is not UTF-8.
    #[error("its answer is no text: byte {0} is not UTF-8")]
    Utf8(usize),
    /// It is not the JSON that it should be.
    #[error("its answer is not right: {0}")]
    Json(#[from] serde_json::Error),
    /// It has too many of something.
    #[error("its answer has {got} {what}, and may have {most}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        got: usize,
        /// How many it may have.
        most: usize,
    },
    /// It has what a plugin of its kind does not give.
    #[error("its answer has {0}, which a plugin of its kind does not give")]
    Foreign(&'static str),
    /// A text of it is not what it should be.
    #[error("its answer has a {what} that {why}")]
    Text {
        /// Which.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// Reads an answer of a plugin; an empty one says that nothing was found.
///
/// A finding's path is what the guest says: within the file that it was handed, or of the image.
pub fn check_answer(manifest: &Manifest, bytes: &[u8]) -> Result<Told, AnswerError> {
    if bytes.is_empty() {
        return Ok(Told::default());
    }
    let utf8 = |error: std::str::Utf8Error| AnswerError::Utf8(error.valid_up_to());
    let text = std::str::from_utf8(bytes).map_err(utf8)?;
    let answer: Answer = serde_json::from_str(text)?;
    few("packages", answer.packages.len(), MAX_PACKAGES)?;
    few("findings", answer.findings.len(), MAX_FINDINGS)?;
    few("gaps", answer.gaps.len(), MAX_GAPS)?;
    match manifest.kind {
        Kind::Analyzer if !answer.findings.is_empty() => {
            return Err(AnswerError::Foreign("findings"));
        }
        Kind::Detector if !answer.packages.is_empty() => {
            return Err(AnswerError::Foreign("packages"));
        }
        Kind::Analyzer | Kind::Detector => {}
    }
    let mut told = Told::default();
    for SaidPackage { purl } in answer.packages {
        line("package URL", &purl, MAX_PATH)?;
        let package = package_of(&purl).ok_or_else(|| AnswerError::Text {
            what: "package URL",
            why: format!("is none with a version and of a known type: {purl:?}"),
        })?;
        told.packages.push(package);
    }
    let namespace = names::namespace(&manifest.name);
    let may_have_no_path = !manifest.claims.is_empty();
    for said in answer.findings {
        told.weaknesses
            .push(weakness(said, &namespace, may_have_no_path)?);
    }
    for gap in answer.gaps {
        line("gap", &gap, MAX_LINE)?;
        told.gaps.push(gap);
    }
    Ok(told)
}

fn weakness(
    said: SaidFinding,
    namespace: &str,
    may_have_no_path: bool,
) -> Result<Weakness, AnswerError> {
    let own = said.id.strip_prefix(namespace);
    if own.is_none_or(str::is_empty) {
        return Err(AnswerError::Text {
            what: "finding",
            why: format!(
                "has the id {:?}, and a plugin's ids begin with {namespace}",
                said.id
            ),
        });
    }
    if said.kind == FindingKind::Licence {
        return Err(AnswerError::Foreign("findings of kind licence"));
    }
    id("id", &said.id)?;
    few("aliases", said.aliases.len(), MAX_ALIASES)?;
    for alias in &said.aliases {
        id("alias", alias)?;
    }
    line("summary", &said.summary, MAX_LINE)?;
    few("remedies", said.remedy.len(), MAX_REMEDIES)?;
    if said.path.is_empty() && !may_have_no_path {
        return Err(AnswerError::Text {
            what: "finding",
            why: format!("has no path: {:?}", said.id),
        });
    }
    if !said.path.is_empty() {
        line("path", &said.path, MAX_PATH)?;
    }
    let mut aliases = said.aliases;
    aliases.sort();
    aliases.dedup();
    aliases.retain(|alias| *alias != said.id);
    Ok(Weakness {
        id: said.id,
        aliases,
        kind: said.kind,
        severity: said.severity,
        summary: said.summary,
        package: said.package.map(named).transpose()?,
        remedy: said
            .remedy
            .into_iter()
            .map(remedy)
            .collect::<Result<_, _>>()?,
        path: said.path,
        line: said.line,
        column: None,
        hash: None,
        is_hidden: false,
    })
}

fn named(said: Named) -> Result<WeakPackage, AnswerError> {
    word("package's name", &said.name)?;
    if !said.version.is_empty() {
        word("package's version", &said.version)?;
    }
    if !said.purl.is_empty() && package_of(&said.purl).is_none() {
        let why = format!(
            "is none with a version and of a known type: {:?}",
            said.purl
        );
        let what = "package URL";
        return Err(AnswerError::Text { what, why });
    }
    line("package URL", &format!("{} ", said.purl), MAX_PATH)?;
    Ok(WeakPackage {
        name: said.name,
        version: said.version,
        purl: said.purl,
    })
}

fn remedy(said: Remedies) -> Result<Remedy, AnswerError> {
    word("remedy's package", &said.package)?;
    word("remedy's version", &said.version)?;
    Ok(Remedy {
        package: said.package,
        version: said.version,
    })
}

fn few(what: &'static str, got: usize, most: usize) -> Result<(), AnswerError> {
    if got > most {
        return Err(AnswerError::TooMany { what, got, most });
    }
    Ok(())
}

/// An id has letters, digits and `.`, `_`, `:`, `-`.
fn id(what: &'static str, text: &str) -> Result<(), AnswerError> {
    let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
    if text.is_empty() || text.len() > MAX_ID || !text.bytes().all(is_usual) {
        let why = format!("is not of 1 to {MAX_ID} letters, digits and . _ : -: {text:?}");
        return Err(AnswerError::Text { what, why });
    }
    Ok(())
}

/// A name or version is one word, so that it can never be a command.
fn word(what: &'static str, text: &str) -> Result<(), AnswerError> {
    let is_odd = |c: char| c.is_whitespace() || "`$;&|<>\"'\\(){}".contains(c);
    line(what, text, MAX_WORD)?;
    if text.contains(is_odd) || text.starts_with('-') {
        let why = format!("is no name or version: {text:?}");
        return Err(AnswerError::Text { what, why });
    }
    Ok(())
}

fn line(what: &'static str, text: &str, most: usize) -> Result<(), AnswerError> {
    if text.is_empty() || text.len() > most || !names::is_plain(text) {
        let why = format!("is not one line of 1 to {most} bytes");
        return Err(AnswerError::Text { what, why });
    }
    Ok(())
}
