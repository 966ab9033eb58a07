//! What is raised as one: the packages of one source and version, or one package and version, of one
//! owner.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sluicegate_model::finding::{Finding, FindingKind, FindingStatus};
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Component, Evidence, LayerOrigin, PackageType, family_of};

use crate::step::Whose;

/// What a unit is known by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct UnitKey {
    pub(crate) package_type: PackageType,
    /// The source's name of a system's package, else the package's own.
    pub(crate) name: String,
    /// The source's version of a system's package, else the package's own.
    pub(crate) version: String,
    pub(crate) whose: Whose,
}

/// Which components of an inventory are raised together.
pub(crate) struct Units<'a> {
    inventory: &'a Inventory,
    members: HashMap<UnitKey, BTreeSet<usize>>,
    by_purl: HashMap<&'a str, Vec<usize>>,
    origins: HashMap<&'a str, LayerOrigin>,
    /// The purls of packages that own a file in which others were found.
    owners: BTreeSet<&'a str>,
}

impl<'a> Units<'a> {
    pub(crate) fn of(inventory: &'a Inventory) -> Self {
        let origins = inventory.layers.iter();
        let origins = origins.filter_map(|layer| Some((layer.digest.as_str(), layer.origin?)));
        let owners = inventory.components.iter();
        let owners = owners.filter_map(|it| Some(it.standing.owner()?.purl.as_str()));
        let mut units = Self {
            inventory,
            members: HashMap::new(),
            by_purl: HashMap::new(),
            origins: origins.collect(),
            owners: owners.collect(),
        };
        for (at, component) in inventory.components.iter().enumerate() {
            let key = units.key(component);
            units.members.entry(key).or_default().insert(at);
            let same = units.by_purl.entry(&component.purl).or_default();
            same.push(at);
        }
        units
    }

    pub(crate) fn members(&self, key: &UnitKey) -> BTreeSet<usize> {
        self.members.get(key).cloned().unwrap_or_default()
    }

    pub(crate) fn component(&self, at: usize) -> Option<&'a Component> {
        self.inventory.components.get(at)
    }

    /// Tells whether what is said of a unit may hang on other units: it owns files of others, or lies
    /// in those of another.
    pub(crate) fn is_entangled(&self, key: &UnitKey) -> bool {
        let members = self.members(key);
        let mut members = members.iter().filter_map(|at| self.component(*at));
        members.any(|it| it.standing.owner().is_some() || self.owners.contains(it.purl.as_str()))
    }

    /// Finds what has to be raised for a finding, each unit once; why nothing, where nothing would mend
    /// it.
    pub(crate) fn of_finding(&self, finding: &Finding) -> Result<BTreeSet<UnitKey>, String> {
        if let Some(why) = unmendable(finding) {
            return Err(why);
        }
        let found = self.components_of(finding);
        if found.is_empty() {
            return Err("it is no package that an upgrade would replace".to_owned());
        }
        let found = found.into_iter().filter_map(|at| self.component(at));
        Ok(found.map(|component| self.key(component)).collect())
    }

    /// Finds the components that a finding is on.
    pub(crate) fn components_of(&self, finding: &Finding) -> Vec<usize> {
        let same = self.by_purl.get(finding.package.purl.as_str());
        let same = same.map(Vec::as_slice).unwrap_or_default();
        if finding.attributed.is_some() || !finding.names_every_place() {
            return same.to_vec();
        }
        let places: BTreeSet<&str> = finding.places().collect();
        let is_there = |at: &&usize| {
            let component = self.component(**at);
            component.is_some_and(|it| places.contains(it.path.as_str()))
        };
        same.iter().filter(is_there).copied().collect()
    }

    fn key(&self, component: &Component) -> UnitKey {
        let package = &component.package;
        let source = package.source.as_ref();
        let source = source.filter(|_| package.package_type.is_operating_system());
        let (name, version) = source.map_or((&package.name, &package.version), |source| {
            (&source.name, &source.version)
        });
        UnitKey {
            package_type: package.package_type,
            name: name.clone(),
            version: version.clone(),
            whose: Whose::of(self.origins.get(component.layer.as_str()).copied()),
        }
    }
}

/// Says why no version of its package mends a finding.
fn unmendable(finding: &Finding) -> Option<String> {
    let why = match finding.kind {
        FindingKind::Malware => {
            "it is published to do harm: remove the package, and trust nothing that ran with it"
        }
        FindingKind::Eol => "it is mended no longer: move to a release that is",
        FindingKind::Secret => "it is a secret in the image: revoke it, and build without it",
        FindingKind::Configuration => "it is how the image is set up: build it otherwise",
        FindingKind::Licence => {
            "it is the package's licence: another version has the same, as far as is known"
        }
        FindingKind::Informational if finding.fixed.is_none() => {
            "it is a note on the package: replace that by another"
        }
        FindingKind::Informational | FindingKind::Vulnerability => return of_evidence(finding),
    };
    Some(why.to_owned())
}

fn of_evidence(finding: &Finding) -> Option<String> {
    match finding.package.evidence {
        Evidence::Cached => {
            return Some("it lies in the cache of an installer: delete it there".to_owned());
        }
        Evidence::Historical => {
            return Some(
                "its record was removed while files of it are there: build the image without it"
                    .to_owned(),
            );
        }
        Evidence::Installed
        | Evidence::Digest
        | Evidence::Inferred
        | Evidence::Claimed
        | Evidence::Declared => {}
    }
    let own = finding.package.ecosystem.as_ref();
    let is_owners = own.is_some_and(|own| own.family() == family_of(&finding.source));
    if let Some(found) = finding.attributed.as_deref().filter(|_| !is_owners) {
        let (name, version) = (&found.name, &found.version);
        return Some(format!(
            "it is {name} {version} in a file of the system's package, whose advisories name no version that mends it"
        ));
    }
    let why = match (finding.fixed.is_some(), finding.status) {
        (true, _) => return None,
        (false, FindingStatus::Unknown) => "no version is known not to have it",
        (false, FindingStatus::Affected | FindingStatus::NotAffected) => {
            "no fixed version is published"
        }
    };
    Some(why.to_owned())
}

/// Units in the order in which the findings on them come.
pub(crate) fn in_order(
    units: &Units<'_>,
    findings: &[Finding],
) -> (Vec<UnitKey>, BTreeMap<UnitKey, BTreeSet<String>>) {
    let mut order = Vec::new();
    let mut ids: BTreeMap<UnitKey, BTreeSet<String>> = BTreeMap::new();
    for finding in findings {
        for key in units.of_finding(finding).into_iter().flatten() {
            let known = ids.entry(key.clone()).or_insert_with(|| {
                order.push(key);
                BTreeSet::new()
            });
            known.insert(finding.id.clone());
        }
    }
    (order, ids)
}
