//! Policy documents as they are written. Unknown fields are errors.

use serde::Deserialize;
use serde_saphyr::Spanned;

/// What every document has.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    #[serde(rename = "apiVersion")]
    pub api_version: Spanned<String>,
    pub kind: Spanned<String>,
    pub metadata: Metadata,
    #[serde(rename = "spec", default)]
    pub _spec: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document<S> {
    #[serde(rename = "apiVersion")]
    pub _api_version: serde::de::IgnoredAny,
    #[serde(rename = "kind")]
    pub _kind: serde::de::IgnoredAny,
    pub metadata: Metadata,
    pub spec: S,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Metadata {
    pub name: Spanned<String>,
    #[serde(rename = "owner", default)]
    pub _owner: Option<String>,
    #[serde(rename = "author", default)]
    pub _author: Option<String>,
    #[serde(rename = "ticket", default)]
    pub _ticket: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct PolicySpec {
    #[serde(default)]
    pub mode: Option<Mode>,
    #[serde(default)]
    pub on_inconclusive: Option<OnInconclusive>,
    #[serde(default)]
    pub feeds: Option<Feeds>,
    #[serde(default)]
    pub artifacts: Option<Artifacts>,
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// A ceiling for everything a policy decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    Enforce,
    Annotate,
    Audit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    Allow,
    Annotate,
    Refuse,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum OnInconclusive {
    One(Action),
    Each(EachInconclusive),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EachInconclusive {
    #[serde(default)]
    pub partial: Option<Action>,
    #[serde(default)]
    pub unscannable: Option<Action>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Feeds {
    pub max_age: Spanned<String>,
    #[serde(default)]
    pub on_stale: Option<Action>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Artifacts {
    #[serde(default)]
    pub default: Option<Action>,
    #[serde(default)]
    pub allow: Option<Vec<ArtifactName>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ArtifactName {
    Signatures,
    Sboms,
    Attestations,
    Helm,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Rule {
    pub id: Spanned<String>,
    #[serde(default)]
    pub when: Option<When>,
    #[serde(default)]
    pub cel: Option<Spanned<String>>,
    pub action: Action,
    #[serde(default)]
    pub grace_for_served: Option<Spanned<String>>,
    #[serde(default)]
    pub message: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct When {
    #[serde(default)]
    pub severity_at_least: Option<Spanned<SeverityName>>,
    #[serde(default)]
    pub severity_unknown: Option<bool>,
    #[serde(default)]
    pub fixable: Option<bool>,
    #[serde(default)]
    pub kev: Option<bool>,
    #[serde(default)]
    pub kind: Option<sluicegate_model::finding::FindingKind>,
    #[serde(default)]
    pub package: Option<Spanned<String>>,
    #[serde(default)]
    pub epss_at_least: Option<f64>,
    #[serde(default)]
    pub older_than: Option<Spanned<String>>,
}

/// Severities a threshold may name: `unknown` is a condition of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SeverityName {
    Negligible,
    Low,
    Medium,
    High,
    Critical,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BindingSpec {
    pub policy: Spanned<String>,
    #[serde(default)]
    pub repositories: Vec<String>,
    #[serde(default)]
    pub clients: Option<Spanned<Vec<String>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct ExceptionSpec {
    pub id: String,
    #[serde(default)]
    pub purls: Vec<String>,
    #[serde(default)]
    pub images: Vec<String>,
    pub statement: String,
    pub expires_at: Spanned<String>,
}
