//! What an image holds, as programs are told of it: its packages, and what lockfiles name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicegate_model::Digest;
use sluicegate_model::archive::UnprovenArchive;
use sluicegate_model::coverage::Gap;
use sluicegate_model::form::{Each, Maybe};
use sluicegate_model::forms;
use sluicegate_model::hashed::HashedLayer;
use sluicegate_model::inventory::{BuiltLayer, Inventory};
use sluicegate_model::package::{
    Component, Distro, Ecosystem, Evidence, Package, PackageType, SourcePackage, Standing,
};
use sluicegate_model::run_config::RunConfig;
use sluicegate_model::weakness::{FoundWeakness, ToldComponent};

use super::coverage::DistroAnswer;

/// The packages of an image.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Inventory")]
pub struct InventoryAnswer {
    /// The distribution, where one was identified.
    #[serde(with = "Maybe::<DistroAnswer>")]
    distro: Option<Distro>,
    /// Every package found.
    #[serde(with = "Each::<ComponentAnswer>")]
    components: Vec<Component>,
    /// What lockfiles name: it explains, and may not be there.
    #[serde(with = "Each::<ComponentAnswer>")]
    declared: Vec<Component>,
    // What follows is said by the verdict, or is for the program alone.
    #[serde(skip)]
    archives: Vec<UnprovenArchive>,
    #[serde(skip)]
    hashed: Vec<HashedLayer>,
    #[serde(skip)]
    told: Vec<ToldComponent>,
    #[serde(skip)]
    weaknesses: Vec<FoundWeakness>,
    #[serde(skip)]
    detectors: Vec<String>,
    #[serde(skip)]
    gaps: Vec<Gap>,
    #[serde(skip)]
    platform: String,
    #[serde(skip)]
    created: Option<String>,
    #[serde(skip)]
    run: Option<RunConfig>,
    #[serde(skip)]
    layers: Vec<BuiltLayer>,
}

/// One package in one place.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Component")]
pub struct ComponentAnswer {
    /// What is installed.
    #[serde(flatten, with = "PackageAnswer")]
    package: Package,
    /// The OSV ecosystem; null where the distribution is not known.
    ecosystem: Option<Ecosystem>,
    /// The package URL.
    purl: String,
    /// The evidence's path in the image, without a leading slash.
    path: String,
    /// The layer that introduced the package.
    layer: Digest,
    /// What its presence rests on.
    evidence: Evidence,
    // What follows is for matching alone.
    #[serde(skip)]
    standing: Standing,
    #[serde(skip)]
    linked: Vec<String>,
    #[serde(skip)]
    platform: String,
}

/// What is installed.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Package")]
pub(super) struct PackageAnswer {
    /// The installed package's name.
    name: String,
    /// The installed package's version.
    version: String,
    /// What kind of package it is, such as `deb`, `npm` or `maven`.
    #[serde(rename = "type")]
    #[schemars(with = "String")]
    package_type: PackageType,
    /// The processor architecture; null where the evidence names none.
    architecture: Option<String>,
    /// The source package, where the package was built from another one.
    #[serde(with = "Maybe::<SourceAnswer>")]
    source: Option<SourcePackage>,
    /// The licence as its maker declares it; null where the evidence names none.
    licence: Option<Box<str>>,
}

/// What a package was built from.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "SourcePackage")]
pub(super) struct SourceAnswer {
    /// The source's name.
    name: String,
    /// The source's version.
    version: String,
    /// The module that it was built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    module: Option<String>,
}

forms! {
    InventoryAnswer => Inventory,
    ComponentAnswer => Component,
    PackageAnswer => Package,
    SourceAnswer => SourcePackage,
}

#[cfg(test)]
mod tests {
    use sluicegate_model::form::{ReadAs, WrittenAs};
    use sluicegate_model::samples;

    use super::*;

    #[test]
    fn what_an_image_holds_is_read_back_as_it_was_written() {
        let held = samples::inventory();
        let text = serde_json::to_vec(&WrittenAs::<InventoryAnswer>(&held)).unwrap();
        let ReadAs(read) = serde_json::from_slice::<ReadAs<InventoryAnswer>>(&text).unwrap();
        assert!(!held.components.is_empty());
        let plain = |component: &Component| Component {
            standing: Standing::Own,
            linked: Vec::new(),
            platform: String::new(),
            ..component.clone()
        };
        let plain = |components: &[Component]| components.iter().map(plain).collect::<Vec<_>>();
        assert_eq!(read.components, plain(&held.components));
        assert_eq!(read.declared, plain(&held.declared));
        assert_eq!(read.distro, held.distro);
    }
}
