//! Java archives that do not state what they are, by their digests: what the index of JARs says of them.
//!
//! It is asked whenever an image is judged, so that a new index needs no byte of a layer. A digest takes
//! the place of what marks or a name alone say, and of the gap where those say nothing. What a table or
//! the place in a repository proves is corrected in its version; where the digest is another artifact's,
//! both stay, for the same bytes may be published under several names. What an archive states itself
//! stays as it is, for nothing of it is kept to be asked about.

use std::borrow::Cow;
use std::collections::BTreeSet;

use sluicegate_model::archive::UnprovenArchive;
use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Component, Evidence, Package, PackageType, Standing};

use crate::feeds::FeedIndex;
use crate::jars::Coordinates;
use crate::purl::purl;
use crate::versions::parts::is_built_from;

/// The name under which images are listed that have archives to ask about: whatever changes in the
/// feeds may concern them.
pub const ARCHIVES_BY_DIGEST: &str = "archives by their digests";

/// What an index of JARs says of an image's archives.
#[derive(Debug, Default)]
pub(super) struct NamedArchives<'a> {
    components: Vec<Component>,
    /// Path and package of what is known better.
    replaced: BTreeSet<(&'a str, &'a Package)>,
    settled: BTreeSet<&'a Gap>,
    unread: Option<Gap>,
}

/// Asks for the archives of an inventory; without an index nothing is known of any.
pub(super) fn named<'a>(inventory: &'a Inventory, feeds: &FeedIndex) -> NamedArchives<'a> {
    let mut named = NamedArchives::default();
    let Some(jars) = feeds.jars().filter(|_| !inventory.archives.is_empty()) else {
        return named;
    };
    let paths: BTreeSet<&str> = inventory.archives.iter().map(|it| &*it.path).collect();
    let there = inventory.components.iter();
    let there: Vec<&Component> = there.filter(|it| paths.contains(&*it.path)).collect();
    for archive in &inventory.archives {
        match jars.lookup(&archive.sha1) {
            Ok(found) if found.is_empty() => {}
            Ok(found) => named.take(archive, &found, &there),
            Err(error) => {
                let detail = format!("archives are not looked up by their digests: {error}");
                named.unread = Some(Gap::fatal(GapKind::NoFeed, detail));
            }
        }
    }
    named
}

/// Gives an inventory as it is with its archives named, for those who list what an image holds.
pub fn with_archives_named<'a>(inventory: &'a Inventory, feeds: &FeedIndex) -> Cow<'a, Inventory> {
    let named = named(inventory, feeds);
    if named.components.is_empty() && named.settled.is_empty() {
        return Cow::Borrowed(inventory);
    }
    let mut components: Vec<&Component> = inventory.components.iter().collect();
    named.correct(&mut components);
    let mut components: Vec<Component> = components.into_iter().cloned().collect();
    components.sort_unstable();
    Cow::Owned(Inventory {
        components,
        gaps: named.gaps(inventory).cloned().collect(),
        ..inventory.clone()
    })
}

impl<'a> NamedArchives<'a> {
    /// Lists the components that digests name.
    pub(super) fn components(&self) -> &[Component] {
        &self.components
    }

    /// Gives an inventory's gaps without those that digests close, and one where the index is damaged.
    pub(super) fn gaps<'b>(&'b self, inventory: &'b Inventory) -> impl Iterator<Item = &'b Gap> {
        let gaps = inventory.gaps.iter();
        let open = gaps.filter(|gap| !self.settled.contains(gap));
        open.chain(&self.unread)
    }

    /// Puts what digests name in the place of what was guessed.
    pub(super) fn correct<'b>(&'b self, components: &mut Vec<&'b Component>) {
        if !self.replaced.is_empty() {
            let is_guess = |it: &&Component| self.replaced.contains(&(&*it.path, &it.package));
            components.retain(|it| !is_guess(it));
        }
        components.extend(&self.components);
    }

    fn take(
        &mut self,
        archive: &'a UnprovenArchive,
        found: &[Coordinates],
        there: &[&'a Component],
    ) {
        self.settled.extend(&archive.doubt);
        let packages: Vec<Package> = found.iter().map(package).collect();
        let here = || there.iter().filter(|it| it.path == archive.path);
        let called = here().filter(|it| Some(&it.package) == archive.called.as_ref());
        for called in called {
            let is_guess = called.evidence == Evidence::Inferred;
            if is_guess || packages.iter().any(|it| it.name == called.package.name) {
                self.replaced.insert((&called.path, &called.package));
            }
        }
        for package in packages {
            let stands = |it: &&&Component| {
                it.package == package && !self.replaced.contains(&(&*it.path, &it.package))
            };
            if here().find(stands).is_none() {
                self.components.push(component(archive, package));
            }
        }
    }
}

fn package(found: &Coordinates) -> Package {
    let name = format!("{}:{}", found.group, found.artifact);
    Package::of_language(PackageType::Maven, name, &*found.version)
}

fn component(archive: &UnprovenArchive, package: Package) -> Component {
    let own = |owner: &&sluicegate_model::package::Owner| {
        let owner = &owner.package;
        is_built_from(owner.package_type, &owner.version, &package.version)
    };
    let owner = archive.owner.as_deref().filter(own).cloned();
    Component {
        ecosystem: package.package_type.language_ecosystem(),
        purl: purl(&package, None),
        path: archive.path.clone(),
        layer: archive.layer.clone(),
        evidence: if archive.cached {
            Evidence::Cached
        } else {
            Evidence::Digest
        },
        standing: owner.map_or(Standing::Own, |owner| Standing::OwnedBy(Box::new(owner))),
        package,
        linked: Vec::new(),
        platform: String::new(),
    }
}
