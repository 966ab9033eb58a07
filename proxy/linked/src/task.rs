//! What a scanner can be given to do, and what it is told with it.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicegate_engine::plugins::ActivePlugins;
use sluicegate_model::manifest::Descriptor;
use sluicegate_model::{Digest, Repository};
use sluicegate_scanner::{PluginSet, facts_fingerprint};

/// Work for a scanner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Task {
    /// Fetch a layer and say what it holds.
    Layer(LayerTask),
    /// Fetch an image and say what it holds.
    Image(ImageTask),
}

/// Work, and what it is done by.
#[derive(Clone, Debug)]
pub struct Assigned {
    /// The work.
    pub task: Task,
    /// The plugins that read what is looked at.
    pub plugins: Arc<ActivePlugins>,
}

/// A plugin, or a table of names, that was fed to the service, as a scanner is told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PluginNamed {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The digest of its file.
    pub digest: Digest,
}

/// The folder of knowledge files, which is no part of a plugin's name: what is named so is a table.
pub const TABLES: &str = "knowledge/";

/// Names the plugins that were fed, in the order of their set, and the tables of names; those have their day
/// for a version.
pub fn named(plugins: &ActivePlugins) -> Vec<PluginNamed> {
    let named = plugins.set().fed().map(|plugin| {
        let id = plugin.id();
        // What is no digest is none of a file, and no scanner has it.
        let digest = format!("sha256:{}", id.digest).parse();
        digest.map(|digest| PluginNamed {
            name: id.name.to_owned(),
            version: id.version.to_owned(),
            digest,
        })
    });
    let tables = plugins.set().tables().fed().map(|table| {
        let digest = format!("sha256:{}", table.file.digest()).parse();
        digest.map(|digest| PluginNamed {
            name: format!("{TABLES}{}", table.name),
            version: table.of.to_string(),
            digest,
        })
    });
    named.chain(tables).filter_map(Result::ok).collect()
}

/// An image that is to be looked at, of a registry that only the scanner reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImageTask {
    /// The canonical repository that has it.
    pub repository: Repository,
    /// A tag, or the digest of a manifest.
    pub reference: String,
}

/// A layer that is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LayerTask {
    /// The canonical repository that has it.
    pub repository: Repository,
    /// Which layer.
    pub digest: Digest,
    /// What its manifest says it is.
    pub media_type: String,
    /// How many bytes it has, by its manifest.
    pub size: u64,
}

impl LayerTask {
    /// Describes a layer of a repository.
    pub fn of(repository: &Repository, layer: &Descriptor) -> Self {
        Self {
            repository: repository.clone(),
            digest: layer.digest.clone(),
            media_type: layer.media_type.clone(),
            size: layer.size,
        }
    }

    /// Gives what points to it.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor {
            media_type: self.media_type.clone(),
            digest: self.digest.clone(),
            size: self.size,
            platform: None,
            urls: Vec::new(),
            artifact_type: None,
            annotations: [].into(),
        }
    }
}

/// Names everything that makes facts what they are: two programs with the same name find the same in
/// the same bytes.
pub fn revisions() -> String {
    let names = PluginSet::built_in().names().into_iter();
    let names = names.map(|plugin| format!("{} {}", plugin.name, plugin.revision));
    let all: Vec<String> = [facts_fingerprint().to_owned()]
        .into_iter()
        .chain(names)
        .collect();
    let named = Digest::of(all.join("\n").as_bytes());
    named.hex().chars().take(16).collect()
}
