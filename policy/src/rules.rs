//! Checked policies: what each condition means for one finding.

use jiff::SignedDuration;
use sluicegate_model::artifact::ArtifactKind;
use sluicegate_model::finding::{Finding, FindingKind, FindingStatus};
use sluicegate_model::package::Evidence;
use sluicegate_model::report::Knowledge;
use sluicegate_model::severity::Severity;
use sluicegate_model::verdict::{Decision, RuleId};

use sluicegate_model::glob::Glob;

/// A ceiling for everything a policy decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Enforce,
    Annotate,
    Audit,
}

/// How old what is known may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MaxAge {
    /// As long as each family is silent by its own rhythm.
    Auto,
    /// So long, whatever the family.
    Of(SignedDuration),
}

impl MaxAge {
    pub(crate) fn of(self, known: &Knowledge) -> SignedDuration {
        match self {
            Self::Auto => known.usual_silence(),
            Self::Of(age) => age,
        }
    }
}

/// A checked policy.
#[derive(Debug)]
pub(crate) struct Policy {
    pub name: String,
    pub text: String,
    pub mode: Mode,
    pub on_partial: Decision,
    pub on_unscannable: Decision,
    pub max_feed_age: Option<(MaxAge, Decision)>,
    pub artifacts_default: Decision,
    pub artifacts_allowed: Vec<ArtifactKind>,
    pub rules: Vec<Rule>,
}

impl Policy {
    /// Lowers a decision to what the mode lets through.
    pub(crate) fn ceiling(&self, asked: Decision) -> Decision {
        match self.mode {
            Mode::Enforce => asked,
            Mode::Annotate => asked.min(Decision::Annotate),
            Mode::Audit => Decision::Allow,
        }
    }
}

/// A checked rule.
#[derive(Debug)]
pub(crate) struct Rule {
    pub id: RuleId,
    pub action: Decision,
    pub message: Option<Template>,
    pub when: Conditions,
}

/// Conditions that must all hold for the same finding; an absent one holds.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    pub severity_at_least: Option<Severity>,
    pub severity_unknown: Option<bool>,
    pub fixable: Option<bool>,
    pub kev: Option<bool>,
    /// Which kind is meant; absent, all but the informational one.
    pub kind: Option<FindingKind>,
    pub package: Option<PurlPattern>,
    pub epss_at_least: Option<f64>,
    /// Whether findings are meant that somebody quieted; absent, they are not.
    pub quieted: Option<bool>,
    /// Which status is meant; absent, all but that of what is not affected.
    pub status: Option<FindingStatus>,
    /// What the package's presence rests on; absent, anything.
    pub evidence: Option<Evidence>,
}

impl Conditions {
    pub(crate) fn hold(&self, finding: &Finding) -> bool {
        let is = |wanted: Option<bool>, actual: bool| wanted.is_none_or(|wanted| wanted == actual);
        let known = finding.severity != Severity::Unknown;
        self.severity_at_least
            .is_none_or(|least| known && finding.severity >= least)
            && is(self.severity_unknown, !known)
            && is(self.fixable, finding.fixed.is_some())
            && is(self.kev, finding.kev)
            && self.quieted.unwrap_or(false) == finding.quieted_by.is_some()
            && means(self.kind, &Self::UNSEEN.0, &finding.kind)
            && means(self.status, &Self::UNSEEN.1, &finding.status)
            && self
                .evidence
                .is_none_or(|wanted| wanted == finding.package.evidence)
            && self
                .package
                .as_ref()
                .is_none_or(|wanted| wanted.matches(&finding.package.purl))
            && self
                .epss_at_least
                .is_none_or(|least| finding.epss.is_some_and(|got| got >= least))
    }
}

/// Tells whether a condition means a value; one that is absent means all but what rules do not see
/// unasked.
fn means<T: PartialEq>(wanted: Option<T>, unseen: &T, value: &T) -> bool {
    wanted.map_or(value != unseen, |wanted| wanted == *value)
}

/// Tells whether a condition means all that another one does.
fn covers<T: PartialEq>(own: Option<T>, other: Option<T>, unseen: &T) -> bool {
    match other {
        Some(other) => means(own, unseen, &other),
        None => own.is_none(),
    }
}

impl Conditions {
    /// Kind and status that a rule sees only where it asks for them.
    const UNSEEN: (FindingKind, FindingStatus) =
        (FindingKind::Informational, FindingStatus::NotAffected);

    /// Tells whether every finding of a kind and a status that the others mean is one that these do.
    pub(crate) fn covers_kind_and_status(&self, other: &Self) -> bool {
        let (kind, status) = Self::UNSEEN;
        covers(self.kind, other.kind, &kind) && covers(self.status, other.status, &status)
    }
}

/// A rule's message with places to fill in from its worst finding.
#[derive(Debug)]
pub(crate) struct Template(String);

impl Template {
    /// What a message can fill in.
    const PLACES: [&'static str; 5] = ["id", "package", "version", "severity", "fixed"];

    pub(crate) fn parse(text: &str) -> Result<Self, UnknownPlace> {
        for part in text.split('{').skip(1) {
            let place = part.split_once('}').map(|(place, _)| place);
            if !place.is_some_and(|place| Self::PLACES.contains(&place)) {
                return Err(UnknownPlace);
            }
        }
        Ok(Self(text.to_owned()))
    }

    /// Fills in the worst finding. What a finding holds is never taken for a place.
    pub(crate) fn filled(&self, worst: &Finding) -> String {
        let mut parts = self.0.split('{');
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (place, after) = part.split_once('}').unwrap_or((part, ""));
            text.push_str(match place {
                "id" => &worst.id,
                "package" => &worst.package.name,
                "version" => &worst.package.version,
                "severity" => worst.severity.as_str(),
                _ => worst.fixed.as_deref().unwrap_or("no fix"),
            });
            text.push_str(after);
        }
        text
    }
}

/// Says that a message names a place that nothing can fill.
#[derive(Debug, thiserror::Error)]
#[error("a message can fill in {{{places}}} only", places = Template::PLACES.join("}, {"))]
pub(crate) struct UnknownPlace;

/// Says why a text names no packages: the fault of whoever wrote it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PurlError {
    #[error("{0:?} is no package URL, such as pkg:maven/log4j/log4j")]
    Other(String),
    #[error("{0:?}: qualifiers and subpaths are not supported yet")]
    Qualified(String),
}

/// A package URL without what it leaves open: version, qualifiers.
#[derive(Debug)]
pub(crate) struct PurlPattern {
    name: Glob,
    version: Option<String>,
}

impl PurlPattern {
    /// Reads `pkg:type/namespace/name[@version]`; the name may hold `*`.
    pub(crate) fn parse(text: &str) -> Result<Self, PurlError> {
        if !text.starts_with("pkg:") || !text.contains('/') {
            return Err(PurlError::Other(text.to_owned()));
        }
        if text.contains(['?', '#']) {
            return Err(PurlError::Qualified(text.to_owned()));
        }
        let (name, version) = split(text);
        Ok(Self {
            name: Glob::new(&name),
            version,
        })
    }

    /// Tells whether every package URL that the other matches is matched, as far as the patterns
    /// show it.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let is_named = self.name == other.name || self.name.matches(&other.name.to_string());
        is_named && (self.version.is_none() || self.version == other.version)
    }

    pub(crate) fn matches(&self, purl: &str) -> bool {
        let (name, version) = split(purl);
        self.name.matches(&name) && (self.version.is_none() || self.version == version)
    }
}

/// Splits a package URL into its decoded name part and version.
fn split(purl: &str) -> (String, Option<String>) {
    let bare = purl.split(['?', '#']).next().unwrap_or_default();
    // Scopes such as @angular stand encoded; a literal @ before the last slash is one as well.
    let slash = bare.rfind('/').unwrap_or(0);
    match bare.rfind('@').filter(|at| *at > slash + 1) {
        Some(at) => {
            let (name, version) = bare.split_at(at);
            let version = version.strip_prefix('@').unwrap_or(version);
            (normal(&decoded(name)), Some(decoded(version)))
        }
        None => (normal(&decoded(bare)), None),
    }
}

/// Folds what a package's index folds. Source: purl-spec, "PURL-TYPES"; PEP 503 for Python.
fn normal(name: &str) -> String {
    let (kind, path) = name.split_once('/').unwrap_or((name, ""));
    let kind = kind.to_ascii_lowercase();
    let path = match kind.as_str() {
        "pkg:pypi" => {
            let lower = path.to_ascii_lowercase().replace(['_', '.'], "-");
            let words: Vec<&str> = lower.split('-').filter(|word| !word.is_empty()).collect();
            words.join("-")
        }
        "pkg:deb" | "pkg:apk" => path.to_ascii_lowercase(),
        _ => path.to_owned(),
    };
    format!("{kind}/{path}")
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| after.get(..2)).flatten();
        let byte = escaped
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let (byte, following) = match (byte, after.get(2..)) {
            (Some(byte), Some(following)) => (byte, following),
            _ => (*first, after),
        };
        bytes.push(byte);
        rest = following;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::PurlPattern;

    #[test]
    fn a_purl_without_version_means_every_version() {
        for (pattern, purl, wanted) in [
            (
                "pkg:maven/log4j/log4j",
                "pkg:maven/log4j/log4j@1.2.17",
                true,
            ),
            (
                "pkg:maven/log4j/log4j@1.2.16",
                "pkg:maven/log4j/log4j@1.2.17",
                false,
            ),
            (
                "pkg:deb/debian/libxml2",
                "pkg:deb/debian/libxml2@2.9?arch=amd64&distro=debian-12",
                true,
            ),
            (
                "pkg:deb/debian/libxml2",
                "pkg:deb/debian/libxml2-utils@2.9",
                false,
            ),
            (
                "pkg:npm/@angular/core",
                "pkg:npm/%40angular/core@1.0.0",
                true,
            ),
            (
                "pkg:npm/%40angular/*",
                "pkg:npm/%40angular/core@1.0.0",
                true,
            ),
            ("pkg:pypi/*", "pkg:pypi/jinja2@2.10", true),
            (
                "pkg:PyPI/Zope_.Interface",
                "pkg:pypi/zope-interface@1",
                true,
            ),
        ] {
            let parsed = PurlPattern::parse(pattern).unwrap();
            assert_eq!(parsed.matches(purl), wanted, "{pattern} on {purl}");
        }
        assert!(PurlPattern::parse("log4j").is_err());
        assert!(PurlPattern::parse("pkg:deb/debian/x?arch=arm64").is_err());
    }
}
