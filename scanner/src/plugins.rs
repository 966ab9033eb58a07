//! What the scanner is made of: every plugin with its revision, and the fingerprint of all.

use std::sync::LazyLock;

use serde::Serialize;
use sha2::Digest as _;

use crate::analyzer::Wants;
use crate::analyzers;

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

/// Lists every plugin.
pub fn plugins() -> Vec<PluginInfo> {
    let analyzers = analyzers::ALL.iter().map(|analyzer| PluginInfo {
        name: analyzer.id().name.to_owned(),
        revision: analyzer.id().revision,
        kind: PluginKind::Analyzer,
        claims: analyzer.wants().iter().map(describe).collect(),
        enabled: true,
    });
    analyzers.collect()
}

/// Gives the identity of what makes facts and findings; it changes with every plugin's revision.
pub fn fingerprint() -> &'static str {
    static FINGERPRINT: LazyLock<String> = LazyLock::new(|| {
        let mut hash = sha2::Sha256::new();
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

fn describe(wants: &Wants) -> String {
    match wants {
        Wants::Exact(path) => (*path).to_owned(),
        Wants::InDir(dir) => format!("{dir}/*"),
        Wants::Named(name) => format!("**/{name}"),
        Wants::Ending(ending) => format!("**/*{ending}"),
        Wants::Content { starts, .. } => format!("content {:?}", starts.escape_ascii().to_string()),
    }
}
