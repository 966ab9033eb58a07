//! What an image holds: the outcome of scanning, before any advisory is asked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::archive::UnprovenArchive;
use crate::coverage::Gap;
use crate::digest::Digest;
use crate::hashed::HashedLayer;
use crate::package::{Component, Distro, Ecosystem, LayerOrigin};
use crate::run_config::RunConfig;
use crate::weakness::{FoundWeakness, ToldComponent};

/// The merged image's components, distro and gaps.
///
/// *Shape*: components and gaps are sorted and without repeats, so that the same image gives the
/// same bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// The distribution, where one was identified.
    pub distro: Option<Distro>,
    /// Every package found.
    pub components: Vec<Component>,
    /// Java archives that do not state what they are, for whoever knows their digests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub archives: Vec<UnprovenArchive>,
    /// Digests of files, for whoever knows which are malicious; none where nobody asked for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hashed: Vec<HashedLayer>,
    /// What lockfiles name, matched with nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub declared: Vec<Component>,
    /// Of the components, those that fed plugins alone name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<ToldComponent>,
    /// What fed plugins found that no advisory speaks of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weaknesses: Vec<FoundWeakness>,
    /// The detectors of the program that looked at it, by name: what nobody looked for is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub detectors: Vec<String>,
    /// What could not be looked at.
    pub gaps: Vec<Gap>,
    /// `os/architecture[/variant]` from the config.
    pub platform: String,
    /// When the image was built, as its author says.
    #[serde(default)]
    pub created: Option<String>,
    /// How it is to be run, as its author says; none where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunConfig>,
    /// The layers, base first, with what the image's author says of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<BuiltLayer>,
}

impl Inventory {
    /// Gives a component of each ecosystem, the first that is listed.
    pub fn by_ecosystem(&self) -> BTreeMap<&Ecosystem, &Component> {
        let mut named = BTreeMap::new();
        for component in &self.components {
            if let Some(ecosystem) = &component.ecosystem {
                named.entry(ecosystem).or_insert(component);
            }
        }
        named
    }

    /// Keeps a component of each ecosystem, and one archive that may be one: all that waiting for feeds
    /// needs of an inventory.
    #[must_use]
    pub fn one_of_each_ecosystem(&self) -> Self {
        Self {
            components: self.by_ecosystem().into_values().cloned().collect(),
            archives: self.archives.first().cloned().into_iter().collect(),
            ..Self::default()
        }
    }
}

/// A layer and the instruction that made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuiltLayer {
    /// The digest of the layer's blob, as components and gaps name it.
    pub digest: Digest,
    /// The instruction, shortened; none where the history does not fit the layers.
    ///
    /// It explains and decides nothing, for anybody can write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Whose it is; none where the history does not tell.
    ///
    /// Anybody can write it, as they can the labels of their image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<LayerOrigin>,
}
