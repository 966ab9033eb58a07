//! Texts to checked documents, with the place of every mistake.

use serde::de::DeserializeOwned;
use serde_saphyr::Spanned;
use sluicegate_model::severity::Severity;
use sluicegate_model::verdict::Decision;

use crate::document::{
    Action, ArtifactName, Artifacts, BindingSpec, Document, ExceptionSpec, Feeds, Header, Mode,
    OnInconclusive, PolicySpec, Rule as RawRule, SeverityName, When,
};
use crate::error::LoadError;
use crate::exception::{self, Exception};
use crate::glob::Glob;
use crate::rules::{ArtifactKind, Conditions, Policy, PurlPattern, Rule};
use crate::set::{Binding, SourceFile};
use crate::{duration, trivyignore};

const API_VERSION: &str = "sluicegate/v1";
/// Largest policy file read, in bytes.
const MAX_FILE_BYTES: usize = 4 * 1024 * 1024;

/// Everything that files hold, and everything that is wrong with them.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub policies: Vec<Policy>,
    pub bindings: Vec<(Binding, Place)>,
    pub exceptions: Vec<Exception>,
    pub errors: Vec<LoadError>,
}

/// Where something stands.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub file: String,
    pub line: u64,
    pub column: u64,
}

impl Place {
    fn of<T>(file: &str, spanned: &Spanned<T>) -> Self {
        let at = spanned.referenced;
        Self {
            file: file.to_owned(),
            line: at.line(),
            column: at.column(),
        }
    }

    pub(crate) fn error(&self, message: impl Into<String>) -> LoadError {
        LoadError {
            file: self.file.clone(),
            line: self.line,
            column: self.column,
            message: message.into(),
        }
    }
}

pub(crate) fn load(files: &[SourceFile]) -> Loaded {
    let mut loaded = Loaded::default();
    for file in files {
        if file.text.len() > MAX_FILE_BYTES {
            let start = Place {
                file: file.name.clone(),
                line: 0,
                column: 0,
            };
            loaded
                .errors
                .push(start.error(format!("file is over {MAX_FILE_BYTES} bytes")));
        } else if file.name.ends_with(".trivyignore.yaml") {
            trivyignore::load(file, &mut loaded);
        } else {
            for text in documents(&file.text) {
                if let Err(error) = load_document(&file.name, &text, &mut loaded) {
                    loaded.errors.push(error);
                }
            }
        }
    }
    loaded
}

/// Splits a file at its `---` lines. Each document keeps its line numbers.
fn documents(text: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for (number, line) in text.lines().enumerate() {
        if line.trim_end() == "---" {
            documents.push("\n".repeat(number + 1));
        } else if let Some(document) = documents.last_mut() {
            document.push_str(line);
            document.push('\n');
        }
    }
    let says_something = |text: &String| {
        text.lines()
            .any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
    };
    documents.retain(says_something);
    documents
}

fn load_document(file: &str, text: &str, loaded: &mut Loaded) -> Result<(), LoadError> {
    let header: Header = parse(file, text)?;
    if header.api_version.value != API_VERSION {
        let message = format!(
            "apiVersion is {:?}, wanted {API_VERSION:?}",
            header.api_version.value
        );
        return Err(Place::of(file, &header.api_version).error(message));
    }
    if header.metadata.name.value.is_empty() {
        return Err(Place::of(file, &header.metadata.name).error("name is empty"));
    }
    match header.kind.value.as_str() {
        "Policy" => {
            let document: Document<PolicySpec> = parse(file, text)?;
            loaded.policies.push(policy(file, text, document)?);
        }
        "Binding" => {
            let document: Document<BindingSpec> = parse(file, text)?;
            loaded.bindings.push(binding(file, text, document)?);
        }
        "Exception" => {
            let document: Document<ExceptionSpec> = parse(file, text)?;
            loaded
                .exceptions
                .push(checked_exception(file, text, document)?);
        }
        other => {
            let message = format!("kind is {other:?}, wanted Policy, Binding or Exception");
            return Err(Place::of(file, &header.kind).error(message));
        }
    }
    Ok(())
}

pub(crate) fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, LoadError> {
    serde_saphyr::from_str(text).map_err(|error| {
        let (line, column) = error
            .location()
            .map_or((0, 0), |at| (at.line(), at.column()));
        let message = error.without_snippet().to_string();
        LoadError {
            file: file.to_owned(),
            line,
            column,
            message,
        }
    })
}

fn policy(file: &str, text: &str, document: Document<PolicySpec>) -> Result<Policy, LoadError> {
    let spec = document.spec;
    let (on_partial, on_unscannable) = inconclusive(spec.on_inconclusive);
    let (artifacts_default, artifacts_allowed) = artifacts(spec.artifacts);
    let mut rules: Vec<Rule> = Vec::new();
    for raw in spec.rules {
        let place = Place::of(file, &raw.id);
        if rules.iter().any(|rule| rule.id == raw.id.value) {
            return Err(place.error(format!("rule id {:?} is used twice", raw.id.value)));
        }
        rules.push(rule(file, &place, raw)?);
    }
    Ok(Policy {
        name: document.metadata.name.value,
        text: text.trim().to_owned(),
        mode: spec.mode.unwrap_or(Mode::Enforce),
        on_partial,
        on_unscannable,
        max_feed_age: spec.feeds.map(|feeds| feed_age(file, &feeds)).transpose()?,
        artifacts_default,
        artifacts_allowed,
        rules,
    })
}

fn rule(file: &str, place: &Place, raw: RawRule) -> Result<Rule, LoadError> {
    if let Some(cel) = &raw.cel {
        return Err(Place::of(file, cel).error("cel is not supported yet"));
    }
    if let Some(grace) = &raw.grace_for_served {
        return Err(Place::of(file, grace).error("graceForServed is not supported yet"));
    }
    let Some(when) = raw.when else {
        return Err(place.error("rule has no when"));
    };
    Ok(Rule {
        id: raw.id.value,
        action: decision(raw.action),
        message: raw.message,
        when: conditions(file, place, when)?,
    })
}

fn conditions(file: &str, place: &Place, when: When) -> Result<Conditions, LoadError> {
    if let Some(older) = &when.older_than {
        return Err(Place::of(file, older).error("olderThan is not supported yet"));
    }
    if when
        .epss_at_least
        .is_some_and(|least| !(0.0..=1.0).contains(&least))
    {
        return Err(place.error("epssAtLeast is a probability from 0 to 1"));
    }
    let package = when
        .package
        .map(|text| {
            PurlPattern::parse(&text.value).map_err(|why| Place::of(file, &text).error(why))
        })
        .transpose()?;
    let conditions = Conditions {
        severity_at_least: when.severity_at_least.map(|name| severity(name.value)),
        severity_unknown: when.severity_unknown,
        fixable: when.fixable,
        kev: when.kev,
        kind: when.kind,
        package,
        epss_at_least: when.epss_at_least,
    };
    Ok(conditions)
}

fn binding(
    file: &str,
    text: &str,
    document: Document<BindingSpec>,
) -> Result<(Binding, Place), LoadError> {
    let spec = document.spec;
    if let Some(clients) = &spec.clients {
        return Err(Place::of(file, clients).error("clients is not supported yet"));
    }
    let place = Place::of(file, &spec.policy);
    if spec.repositories.is_empty() {
        return Err(place.error("binding names no repositories; \"**\" means all"));
    }
    let binding = Binding {
        name: document.metadata.name.value,
        text: text.trim().to_owned(),
        policy: spec.policy.value,
        repositories: spec
            .repositories
            .iter()
            .map(|pattern| Glob::new(pattern))
            .collect(),
    };
    Ok((binding, place))
}

fn checked_exception(
    file: &str,
    text: &str,
    document: Document<ExceptionSpec>,
) -> Result<Exception, LoadError> {
    let (name, spec) = (document.metadata.name, document.spec);
    let place = Place::of(file, &name);
    if spec.statement.trim().is_empty() {
        return Err(place.error("statement is empty: say why the finding is accepted"));
    }
    let expires_at = exception::parse_expiry(&spec.expires_at.value)
        .map_err(|why| Place::of(file, &spec.expires_at).error(why))?;
    let purls = spec.purls.iter().map(|purl| PurlPattern::parse(purl));
    Ok(Exception {
        name: name.value,
        text: text.trim().to_owned(),
        id: spec.id,
        purls: purls
            .collect::<Result<_, _>>()
            .map_err(|why| place.error(why))?,
        images: spec
            .images
            .iter()
            .map(|pattern| Glob::new(pattern))
            .collect(),
        paths: Vec::new(),
        expires_at: Some(expires_at),
    })
}

fn inconclusive(raw: Option<OnInconclusive>) -> (Decision, Decision) {
    let refuse = Decision::Refuse;
    match raw {
        None => (refuse, refuse),
        Some(OnInconclusive::One(action)) => (decision(action), decision(action)),
        Some(OnInconclusive::Each(each)) => (
            each.partial.map_or(refuse, decision),
            each.unscannable.map_or(refuse, decision),
        ),
    }
}

fn feed_age(file: &str, feeds: &Feeds) -> Result<(jiff::SignedDuration, Decision), LoadError> {
    let max_age = duration::parse(&feeds.max_age.value)
        .map_err(|why| Place::of(file, &feeds.max_age).error(why))?;
    Ok((max_age, feeds.on_stale.map_or(Decision::Refuse, decision)))
}

fn artifacts(raw: Option<Artifacts>) -> (Decision, Vec<ArtifactKind>) {
    let all = vec![
        ArtifactName::Signatures,
        ArtifactName::Sboms,
        ArtifactName::Attestations,
        ArtifactName::Helm,
    ];
    let (default, allow) = raw.map_or((None, None), |raw| (raw.default, raw.allow));
    let kind = |name| match name {
        ArtifactName::Signatures => ArtifactKind::Signature,
        ArtifactName::Sboms => ArtifactKind::Sbom,
        ArtifactName::Attestations => ArtifactKind::Attestation,
        ArtifactName::Helm => ArtifactKind::Helm,
    };
    let allowed = allow.unwrap_or(all).into_iter().map(kind).collect();
    (default.map_or(Decision::Refuse, decision), allowed)
}

fn decision(action: Action) -> Decision {
    match action {
        Action::Allow => Decision::Allow,
        Action::Annotate => Decision::Annotate,
        Action::Refuse => Decision::Refuse,
    }
}

fn severity(name: SeverityName) -> Severity {
    match name {
        SeverityName::Negligible => Severity::Negligible,
        SeverityName::Low => Severity::Low,
        SeverityName::Medium => Severity::Medium,
        SeverityName::High => Severity::High,
        SeverityName::Critical => Severity::Critical,
    }
}
