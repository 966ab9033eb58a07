//! What the scanner is made of: every plugin with its revision, and the fingerprint of all.

use std::sync::LazyLock;

use serde::Serialize;
use sha2::Digest as _;
use sluicegate_model::weakness::{CONFIGURATION, MALWARE, SECRETS};

use crate::analyzer::{Analyzer, Wants};
use crate::artifact::ARTIFACT_REVISION;
use crate::distro::DISTRO_REVISION;
use crate::eol::EOL_REVISION;
use crate::facts::FACTS_FORMAT;
use crate::fed::{FedKind, FedPlugin};
use crate::feeds::{FeedInfo, INDEX_FORMAT, formats};
use crate::inventory::MERGE_REVISION;
use crate::layer::LAYER_REVISION;
use crate::matchers::{MATCHER_REVISION, MatcherInfo, matchers};
use crate::plugin_set::PluginSet;
use crate::purl::PURL_REVISION;
use crate::{configuration, malware, secrets};

/// A plugin, for people and for the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PluginInfo {
    /// The name, such as `os/dpkg`.
    pub name: String,
    /// Raised with every change of what it finds.
    pub revision: u16,
    /// What it does.
    pub kind: PluginKind,
    /// What it claims: paths, ecosystems or sources.
    pub claims: Vec<String>,
    /// Whether it runs.
    pub enabled: bool,
    /// Of a fed one, its version, as its author says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Of a fed one, the SHA-256 of its file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

impl PluginKind {
    /// Gives the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Analyzer => "analyzer",
            Self::Matcher => "matcher",
            Self::Feed => "feed",
            Self::Detector => "detector",
        }
    }
}

/// What a plugin does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PluginKind {
    /// Reads files of images.
    Analyzer,
    /// Decides which advisories apply.
    Matcher,
    /// Reads advisories.
    Feed,
    /// Finds weaknesses that no advisory speaks of.
    Detector,
}

/// The parts that are no plugins and decide what is found, each with its revision: raised with
/// every change of what it gives for the same input.
///
/// `golden` pins what each of them gives, and that of every plugin, beside its revision.
pub(crate) const PARTS: [(&str, u32); 9] = [
    ("layer", LAYER_REVISION),
    ("facts", FACTS_FORMAT as u32),
    ("merge", MERGE_REVISION),
    ("artifact", ARTIFACT_REVISION),
    ("distro", DISTRO_REVISION),
    ("purl", PURL_REVISION),
    ("eol", EOL_REVISION),
    ("matching", MATCHER_REVISION),
    ("index", INDEX_FORMAT),
];

/// Lists every plugin: analyzers, matchers, feeds.
pub fn plugins() -> Vec<PluginInfo> {
    let analyzers = PluginSet::built_in().analyzers();
    let mut plugins: Vec<_> = analyzers.map(of_analyzer).collect();
    plugins.extend(matchers().iter().map(of_matcher));
    plugins.extend(formats().into_iter().map(of_feed));
    plugins
}

/// Lists the detectors of the program that policy or a list switches: they are named by their versions where they
/// are on, and enter [`fingerprint_by`] then.
pub fn detectors() -> Vec<PluginInfo> {
    vec![secrets(), configuration(), malware()]
}

/// Gives the identity of what makes facts and findings; it changes with the revision of every
/// plugin and every other part.
pub fn fingerprint() -> &'static str {
    static FINGERPRINT: LazyLock<String> = LazyLock::new(|| fingerprint_of(&PARTS, &plugins()));
    &FINGERPRINT
}

/// Gives the same of a set with fed plugins, of which each name, version and digest enters it, or with
/// tables of names that were fed; without any it is [`fingerprint`].
pub fn fingerprint_by(plugins: &PluginSet) -> String {
    let fed = plugins.fed().map(|plugin| plugin.id().kept_as().name);
    let tables = plugins.tables().fed();
    let tables = tables.map(|table| format!("table/{}+{}", table.name, table.file.digest()));
    let fed: Vec<String> = fed.chain(tables).collect();
    if fed.is_empty() {
        return fingerprint().to_owned();
    }
    let mut hash = sha2::Sha256::new();
    hash.update(format!("{}\n", fingerprint()));
    for name in fed {
        hash.update(format!("{name}\n"));
    }
    hex::encode(hash.finalize().get(..16).unwrap_or_default())
}

/// Gives the identity of what makes facts beside the analyzers, which facts name themselves.
pub fn facts_fingerprint() -> &'static str {
    static FINGERPRINT: LazyLock<String> = LazyLock::new(|| {
        let is_of_facts = |(name, _): &(&str, u32)| matches!(*name, "layer" | "facts");
        let parts: Vec<_> = PARTS.into_iter().filter(is_of_facts).collect();
        fingerprint_of(&parts, &[])
    });
    &FINGERPRINT
}

fn fingerprint_of(parts: &[(&str, u32)], plugins: &[PluginInfo]) -> String {
    let mut hash = sha2::Sha256::new();
    for (name, revision) in parts {
        hash.update(format!("{name} {revision}\n"));
    }
    for plugin in plugins.iter().filter(|plugin| plugin.enabled) {
        hash.update(format!(
            "{:?} {} {}\n",
            plugin.kind, plugin.name, plugin.revision
        ));
    }
    hex::encode(hash.finalize().get(..16).unwrap_or_default())
}

fn of_analyzer(analyzer: &dyn Analyzer) -> PluginInfo {
    PluginInfo {
        name: analyzer.id().name.to_owned(),
        revision: analyzer.id().revision,
        kind: PluginKind::Analyzer,
        claims: analyzer.claims().into_iter().map(describe).collect(),
        enabled: true,
        version: None,
        digest: None,
    }
}

/// Describes a plugin that was fed.
pub fn describe_fed(plugin: &dyn FedPlugin) -> PluginInfo {
    let id = plugin.id();
    let claims = plugin.claims();
    PluginInfo {
        name: if plugin.is_built_in() {
            format!("detector/{}", id.name)
        } else {
            format!("fed/{}", id.name)
        },
        revision: 0,
        kind: match plugin.kind() {
            FedKind::Analyzer => PluginKind::Analyzer,
            FedKind::Detector => PluginKind::Detector,
        },
        claims: if claims.is_empty() {
            vec!["the inventory".to_owned()]
        } else {
            claims.into_iter().map(describe).collect()
        },
        enabled: true,
        version: Some(id.version.to_owned()),
        digest: (!plugin.is_built_in()).then(|| format!("sha256:{}", id.digest)),
    }
}

/// Describes the detector of secrets: it is off until a rule of policy asks for what it finds.
fn secrets() -> PluginInfo {
    PluginInfo {
        name: format!("detector/{SECRETS}"),
        revision: 0,
        kind: PluginKind::Detector,
        claims: vec![
            "every file".to_owned(),
            "configurations".to_owned(),
            "on where a rule asks for kind: secret".to_owned(),
        ],
        enabled: false,
        version: Some(secrets::VERSION.clone()),
        digest: None,
    }
}

/// Describes the detector of careless configurations.
fn configuration() -> PluginInfo {
    PluginInfo {
        name: format!("detector/{CONFIGURATION}"),
        claims: vec![
            "every file's mode".to_owned(),
            "configurations".to_owned(),
            "on where a rule asks for kind: configuration".to_owned(),
        ],
        version: Some(configuration::VERSION.clone()),
        ..secrets()
    }
}

/// Describes the detector of malicious files.
fn malware() -> PluginInfo {
    PluginInfo {
        name: format!("detector/{MALWARE}"),
        claims: vec![
            "every file".to_owned(),
            "on where a list of malicious files is in force".to_owned(),
        ],
        version: Some(malware::VERSION.clone()),
        ..secrets()
    }
}

fn of_matcher(matcher: &MatcherInfo) -> PluginInfo {
    PluginInfo {
        name: format!("match/{}", matcher.name),
        revision: matcher.revision,
        kind: PluginKind::Matcher,
        claims: matcher
            .ecosystems
            .iter()
            .map(|name| (*name).to_owned())
            .collect(),
        enabled: true,
        version: None,
        digest: None,
    }
}

fn of_feed(feed: FeedInfo) -> PluginInfo {
    PluginInfo {
        name: format!("feed/{}", feed.name),
        revision: feed.revision,
        kind: PluginKind::Feed,
        claims: vec![feed.place.to_owned()],
        enabled: true,
        version: None,
        digest: None,
    }
}

fn describe(wants: Wants<'_>) -> String {
    match wants {
        Wants::Exact(path) => path.to_owned(),
        Wants::InDir(dir) => format!("{dir}/*"),
        Wants::Named(name) => format!("**/{name}"),
        Wants::Ending(ending) => format!("**/*{ending}"),
        Wants::NamedAround { starts, ends } => format!("**/{starts}*{ends}"),
        Wants::InDirsNamed { dir, ending } => format!("**/{dir}/*{ending}"),
        Wants::Content { starts, .. } => format!("content {:?}", starts.escape_ascii().to_string()),
        Wants::At { at, holds } => {
            format!("content {:?} at {at}", holds.escape_ascii().to_string())
        }
        Wants::ArchiveEnd => "content that ends as a zip or PHP archive".to_owned(),
        Wants::Every => "every file".to_owned(),
        Wants::Headers => "every file's mode".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plugin_has_a_name_of_its_own_and_claims_something() {
        let plugins = plugins();
        let mut names: Vec<_> = plugins.iter().map(|plugin| &plugin.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), plugins.len());
        assert!(
            plugins
                .iter()
                .all(|plugin| !plugin.claims.is_empty() && plugin.revision > 0)
        );
        assert_eq!(fingerprint().len(), 32);
    }

    #[test]
    fn every_revision_is_part_of_the_fingerprint() {
        let plugins = plugins();
        let before = fingerprint_of(&PARTS, &plugins);
        assert_eq!(before, fingerprint());
        for index in 0..PARTS.len() {
            let mut raised = PARTS;
            raised[index].1 += 1;
            assert_ne!(
                fingerprint_of(&raised, &plugins),
                before,
                "{:?}",
                PARTS[index]
            );
        }
        for index in 0..plugins.len() {
            let mut raised = plugins.clone();
            raised[index].revision += 1;
            assert_ne!(
                fingerprint_of(&PARTS, &raised),
                before,
                "{}",
                plugins[index].name
            );
        }
    }
}
