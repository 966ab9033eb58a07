//! The image's operating system and packages as components.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Value, json};
use sluicegate_model::finding::{Finding, FindingKind};
use sluicegate_model::inventory::Inventory;
use sluicegate_model::licence::Licence;
use sluicegate_model::package::{Component, Distro, Evidence, PackageType};

use super::super::text::name_of;
use super::Property;

#[derive(Serialize)]
pub(super) struct Described<'a> {
    #[serde(rename = "bom-ref")]
    reference: String,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    name: &'a str,
    version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    licenses: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Value>,
    properties: Vec<Property>,
}

/// How the document refers to an image and its parts.
pub(super) struct Named(String);

impl Named {
    /// Names those of the only image.
    pub(super) fn alone() -> Self {
        Self(String::new())
    }

    /// Names those of an image among others, by its key.
    pub(super) fn among(key: &str) -> Self {
        Self(format!("-{key}"))
    }

    /// Refers to the image.
    pub(super) fn image(&self) -> String {
        format!("image{}", self.0)
    }

    /// Refers to the operating system.
    fn system(&self) -> String {
        format!("operating-system{}", self.0)
    }

    /// Refers to a component by its place in the list.
    fn component(&self, number: usize) -> String {
        format!("component{}-{number}", self.0)
    }
}

/// How the document refers to each component: by its place in the list.
pub(super) struct References<'a> {
    numbered: HashMap<(&'a str, &'a str), usize>,
    /// Whether the operating system is listed.
    has_system: bool,
    named: Named,
}

impl<'a> References<'a> {
    /// Numbers the components of an inventory.
    pub(super) fn of(inventory: &'a Inventory, named: Named) -> Self {
        let components = inventory.components.iter().enumerate();
        let numbered = components.map(|(number, component)| {
            let key = (component.purl.as_str(), component.path.as_str());
            (key, number)
        });
        Self {
            numbered: numbered.collect(),
            has_system: inventory.distro.is_some(),
            named,
        }
    }

    /// Tells what the image's parts are called.
    pub(super) fn named(&self) -> &Named {
        &self.named
    }

    /// Refers to what a finding is about: a component in each place that it names; where the inventory
    /// does not list it, to the operating system if that has ended, else to the image.
    pub(super) fn of_finding(&self, finding: &Finding) -> Vec<String> {
        let unlisted = || match finding.kind {
            FindingKind::Eol if self.has_system => self.named.system(),
            _ => self.named.image(),
        };
        let (own, owner) = (finding.found_as(), finding.package.purl.as_str());
        let component = |place| {
            let number = self
                .numbered
                .get(&(own, place))
                .or_else(|| self.numbered.get(&(owner, place)));
            number.map_or_else(unlisted, |number| self.named.component(*number))
        };
        finding.places().map(component).collect()
    }
}

/// Describes the operating system, the packages, and what lockfiles name.
pub(super) fn all<'a>(
    inventory: &'a Inventory,
    named: &'a Named,
) -> impl Iterator<Item = Described<'a>> {
    let packages = inventory.components.iter().chain(&inventory.declared);
    let packages = packages
        .enumerate()
        .map(|(number, component)| package(named.component(number), component));
    let systems = inventory.distro.iter();
    systems
        .map(|distro| system(named.system(), distro))
        .chain(packages)
}

fn system(reference: String, distro: &Distro) -> Described<'_> {
    let ecosystem = distro.ecosystem.iter();
    Described {
        reference,
        kind: "operating-system",
        group: None,
        name: &distro.id,
        version: &distro.version,
        scope: None,
        purl: None,
        licenses: None,
        evidence: None,
        properties: ecosystem
            .map(|ecosystem| Property::new("sluicegate:ecosystem", ecosystem.as_str()))
            .collect(),
    }
}

fn package(reference: String, component: &Component) -> Described<'_> {
    let package = &component.package;
    let (group, name) = split_name(package.package_type, &package.name);
    let is_declared = component.evidence == Evidence::Declared;
    let place = Some(&component.path).filter(|path| !path.is_empty());
    Described {
        reference,
        kind: match package.package_type {
            PackageType::Generic => "application",
            _ => "library",
        },
        group,
        name,
        version: &package.version,
        scope: is_declared.then_some("excluded"),
        purl: (!package.is_without_group()).then_some(component.purl.as_str()),
        licenses: package.licence.as_deref().map(licences),
        evidence: place.map(|path| json!({"occurrences": [{"location": path}]})),
        properties: properties(component),
    }
}

/// Gives the declared licence: an expression where it is one, else as it was written.
fn licences(declared: &str) -> Value {
    match Licence::parse(declared) {
        Some(licence) => {
            json!([{"expression": licence.to_string(), "acknowledgement": "declared"}])
        }
        None => json!([{"license": {"name": declared, "acknowledgement": "declared"}}]),
    }
}

fn properties(component: &Component) -> Vec<Property> {
    let package = &component.package;
    let mut properties = vec![
        Property::new("sluicegate:type", name_of(package.package_type)),
        Property::new("sluicegate:evidence", name_of(component.evidence)),
        Property::new("sluicegate:layer", component.layer.as_str()),
    ];
    if let Some(ecosystem) = &component.ecosystem {
        properties.push(Property::new("sluicegate:ecosystem", ecosystem.as_str()));
    }
    if let Some(source) = &package.source {
        let source = format!("{}@{}", source.name, source.version);
        properties.push(Property::new("sluicegate:source", source));
    }
    properties
}

/// Takes a name apart where its kind has a namespace; the name stays whole where a part is empty.
fn split_name(kind: PackageType, name: &str) -> (Option<&str>, &str) {
    let parts = match kind {
        PackageType::Maven => name.split_once(':'),
        PackageType::Npm if name.starts_with('@') => name.split_once('/'),
        PackageType::Composer => name.split_once('/'),
        _ => None,
    };
    match parts {
        Some((group, name)) if !group.is_empty() && !name.is_empty() => (Some(group), name),
        _ => (None, name),
    }
}
