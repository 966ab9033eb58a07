//! What the scanner is made of: every plugin with its revision, and the fingerprint of all.

use std::sync::LazyLock;

use serde::Serialize;
use sha2::Digest as _;

use crate::analyzer::{Analyzer, Wants};
use crate::analyzers;
use crate::artifact::ARTIFACT_REVISION;
use crate::matching::{MATCHER_REVISION, MatcherInfo, matchers};
use crate::merge::MERGE_REVISION;

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
}

/// The feeds that are read, each with its revision and where it lies in a source.
const FEEDS: [(&str, u16, &str); 3] = [
    ("osv", 1, "*/all.zip"),
    ("kev", 1, "kev/known_exploited_vulnerabilities.json"),
    ("epss", 1, "epss/epss_scores.csv.gz"),
];

/// Lists every plugin: analyzers, matchers, feeds.
pub fn plugins() -> Vec<PluginInfo> {
    let mut plugins: Vec<_> = analyzers::ALL
        .iter()
        .map(|analyzer| of_analyzer(*analyzer))
        .collect();
    plugins.extend(matchers().iter().map(of_matcher));
    plugins.extend(FEEDS.map(|(name, revision, claim)| PluginInfo {
        name: format!("feed/{name}"),
        revision,
        kind: PluginKind::Feed,
        claims: vec![claim.to_owned()],
        enabled: true,
    }));
    plugins
}

/// Gives the identity of what makes facts and findings; it changes with every plugin's revision.
pub fn fingerprint() -> &'static str {
    static FINGERPRINT: LazyLock<String> = LazyLock::new(|| {
        let mut hash = sha2::Sha256::new();
        hash.update(format!("matching {MATCHER_REVISION}\n"));
        hash.update(format!("merge {MERGE_REVISION}\n"));
        hash.update(format!("artifact {ARTIFACT_REVISION}\n"));
        for plugin in plugins().iter().filter(|plugin| plugin.enabled) {
            hash.update(format!(
                "{:?} {} {}\n",
                plugin.kind, plugin.name, plugin.revision
            ));
        }
        hex::encode(hash.finalize().get(..16).unwrap_or_default())
    });
    &FINGERPRINT
}

fn of_analyzer(analyzer: &dyn Analyzer) -> PluginInfo {
    PluginInfo {
        name: analyzer.id().name.to_owned(),
        revision: analyzer.id().revision,
        kind: PluginKind::Analyzer,
        claims: analyzer.wants().iter().map(describe).collect(),
        enabled: true,
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
    }
}

fn describe(wants: &Wants) -> String {
    match wants {
        Wants::Exact(path) => (*path).to_owned(),
        Wants::InDir(dir) => format!("{dir}/*"),
        Wants::Named(name) => format!("**/{name}"),
        Wants::Ending(ending) => format!("**/*{ending}"),
        Wants::InDirsNamed { dir, ending } => format!("**/{dir}/*{ending}"),
        Wants::Content { starts, .. } => format!("content {:?}", starts.escape_ascii().to_string()),
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
}
