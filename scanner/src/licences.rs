//! The licences that packages declare, as findings: one for each package, version and layer.
//!
//! What is not declared is one as well: whoever asks for licences is told of every package. Made only
//! where policies ask for them; no advisory bears on them.

use std::collections::{BTreeMap, HashMap};
use std::mem::size_of;

use sluicegate_model::finding::{Finding, FindingKind, FindingPackage, FindingStatus, MAX_PATHS};
use sluicegate_model::inventory::Inventory;
use sluicegate_model::licence::{Licence, NOT_DECLARED};
use sluicegate_model::package::{Component, Ecosystem, Evidence};
use sluicegate_model::severity::Severity;

use crate::report::origins;

/// What a finding takes in memory beside itself and its own texts, which are kept twice on their way.
const TEXT_BYTES: usize = 512;

/// What makes two components one finding.
type Key<'a> = (
    (&'a str, &'a str, &'a str),
    Option<&'a str>,
    (&'a str, Evidence),
    Option<&'a Ecosystem>,
);

/// The id of a finding, and its detail.
type Named = (String, String);

/// Lists the licences of an inventory's packages, those that are not known too, in a fixed order.
pub fn licences(inventory: &Inventory) -> Vec<Finding> {
    let origins = origins(inventory);
    let mut groups: BTreeMap<Key<'_>, Vec<&Component>> = BTreeMap::new();
    for component in &inventory.components {
        groups.entry(key(component)).or_default().push(component);
    }
    // Many packages declare the same.
    let mut known: HashMap<Option<&str>, Named> = HashMap::new();
    let found = groups.into_values().filter_map(|mut copies| {
        copies.sort_by(|one, other| one.path.cmp(&other.path));
        let declared = copies.first()?.package.licence.as_deref();
        let named = known.entry(declared).or_insert_with(|| named(declared));
        let mut finding = finding(&copies, named)?;
        let origin = origins.get(&finding.package.layer).copied();
        finding.package.layer_origin = origin.flatten();
        Some(finding)
    });
    let mut found: Vec<Finding> = found.collect();
    // The rest of the order is that of the groups.
    found.sort_by(|one, other| one.id.cmp(&other.id));
    found
}

/// Estimates how much memory [`licences`] and what becomes of them take, in bytes.
pub fn licences_bytes(inventory: &Inventory) -> u64 {
    let weight = |component: &Component| {
        let package = &component.package;
        let texts = [&package.name, &package.version, &component.purl];
        let texts: usize = texts.iter().map(|text| text.len()).sum();
        let licence = package.licence.as_ref().map_or(0, |it| it.len());
        let texts = texts + licence + component.path.len() + component.layer.as_str().len();
        size_of::<Finding>() + TEXT_BYTES + 2 * texts
    };
    let all: usize = inventory.components.iter().map(weight).sum();
    u64::try_from(all).unwrap_or(u64::MAX)
}

fn key(component: &Component) -> Key<'_> {
    let package = &component.package;
    (
        (&package.name, &package.version, &component.purl),
        package.licence.as_deref(),
        (component.layer.as_str(), component.evidence),
        component.ecosystem.as_ref(),
    )
}

/// Makes the finding of a package that lies in some places of one layer, at least one.
fn finding(copies: &[&Component], (id, detail): &Named) -> Option<Finding> {
    let first = *copies.first()?;
    let paths = copies.iter().take(MAX_PATHS).map(|copy| copy.path.clone());
    Some(Finding {
        id: id.clone(),
        aliases: Vec::new(),
        advisories: Vec::new(),
        kind: FindingKind::Licence,
        status: FindingStatus::Affected,
        severity: Severity::Unknown,
        severity_source: None,
        cvss: None,
        kev: false,
        epss: None,
        package: FindingPackage {
            name: first.package.name.clone(),
            version: first.package.version.clone(),
            purl: first.purl.clone(),
            ecosystem: first.ecosystem.clone(),
            source: None,
            path: first.path.clone(),
            layer: first.layer.clone(),
            layer_origin: None,
            evidence: first.evidence,
        },
        fixed: None,
        published: None,
        fix_published: None,
        source: said_by(first.evidence).to_owned(),
        detail: Some(detail.clone()),
        exception: None,
        vex: Vec::new(),
        attributed: None,
        quieted_by: None,
        copies: u64::try_from(copies.len()).unwrap_or(u64::MAX),
        paths: if copies.len() > 1 {
            paths.collect()
        } else {
            Vec::new()
        },
    })
}

/// Says who declares it.
fn said_by(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Claimed => "an SBOM in the image",
        _ => "the package's own metadata",
    }
}

/// Names a declared licence as SPDX writes it, and says how it is declared.
fn named(declared: Option<&str>) -> Named {
    let Some(declared) = declared else {
        let why = "the package declares no licence, or none that is read";
        return (NOT_DECLARED.to_owned(), why.to_owned());
    };
    match Licence::parse(declared).map(|licence| licence.to_string()) {
        Some(licence) if licence == declared => (licence, "declared licence".to_owned()),
        Some(licence) => (licence, format!("declared as {declared}")),
        None => {
            let why = "declared, and no licence on SPDX's list, or it may be several";
            (declared.to_owned(), why.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use sluicegate_model::Digest;
    use sluicegate_model::inventory::BuiltLayer;
    use sluicegate_model::package::{LayerOrigin, Package, PackageType, Standing};

    use super::*;

    fn licensed(name: &str, declared: Option<&str>, path: &str, layer: &Digest) -> Component {
        Component {
            package: Package::of_language(PackageType::Npm, name, "1").licensed(declared),
            ecosystem: PackageType::Npm.language_ecosystem(),
            purl: format!("pkg:npm/{name}@1"),
            path: path.into(),
            layer: layer.clone(),
            evidence: Evidence::Installed,
            standing: Standing::Own,
            linked: Vec::new(),
            platform: String::new(),
        }
    }

    /// An image of two layers, the first of its base.
    fn inventory(components: Vec<Component>, base: &Digest, own: &Digest) -> Inventory {
        let layers = [(base, LayerOrigin::Base), (own, LayerOrigin::Own)];
        let layers = layers.map(|(layer, origin)| BuiltLayer {
            digest: layer.clone(),
            created_by: None,
            origin: Some(origin),
        });
        Inventory {
            components,
            layers: layers.to_vec(),
            ..Inventory::default()
        }
    }

    #[test]
    fn each_package_has_one_with_what_it_declares() {
        let (base, own) = (Digest::of(b"base"), Digest::of(b"own"));
        let mut claimed = licensed("claimed", Some("mit"), "sbom.json", &own);
        claimed.evidence = Evidence::Claimed;
        let either = Some("MIT/Apache-2.0");
        let components = vec![
            licensed("choice", either, "a", &own),
            licensed("choice", either, "c", &own),
            licensed("choice", either, "b", &own),
            licensed("choice", either, "a", &base),
            licensed("choice", Some("MIT"), "d", &own),
            licensed("none", None, "e", &own),
            licensed("odd", Some("SEE LICENSE IN X"), "f", &own),
            claimed,
        ];
        let inventory = inventory(components, &base, &own);
        let found = licences(&inventory);
        let mut told: Vec<_> = found
            .iter()
            .map(|it| {
                let (package, detail) = (&it.package, it.detail.as_deref().unwrap_or_default());
                let is_own = package.layer_origin == Some(LayerOrigin::Own);
                (&*it.id, &*package.name, it.copies, is_own, detail)
            })
            .collect();
        // Of two layers it is their digests that come first.
        told.sort_unstable();
        let as_either = "declared as MIT/Apache-2.0";
        let none = "the package declares no licence, or none that is read";
        let odd = "declared, and no licence on SPDX's list, or it may be several";
        assert_eq!(
            told,
            [
                ("MIT", "choice", 1, true, "declared licence"),
                ("MIT", "claimed", 1, true, "declared as mit"),
                ("MIT OR Apache-2.0", "choice", 1, false, as_either),
                ("MIT OR Apache-2.0", "choice", 3, true, as_either),
                ("NOASSERTION", "none", 1, true, none),
                ("SEE LICENSE IN X", "odd", 1, true, odd),
            ]
        );
        let several = found.iter().find(|it| it.copies > 1);
        assert_eq!(
            several.map(|it| it.paths.join(" ")).as_deref(),
            Some("a b c")
        );
        assert_eq!(found[1].source, "an SBOM in the image");
        assert_eq!(found[0].source, "the package's own metadata");
        assert!(found.iter().all(|it| it.kind == FindingKind::Licence));
        assert!(licences_bytes(&inventory) > 8 * size_of::<Finding>() as u64);
    }
}
