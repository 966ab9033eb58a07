//! SPDX 2.3 as JSON: the image, and the packages it contains. It has no place for findings.
//!
//! Source: SPDX specification 2.3, and its JSON schema.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};
use sluicegate_model::coverage::Gap;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::licence::{Licence, NOT_DECLARED};
use sluicegate_model::package::{Component, Distro, Evidence, PackageType};
use sluicegate_model::verdict::Verdict;

use super::document::{TOOL, TOOL_VERSION, image_purl, second, uuid};
use super::json::{Each, write_document};
use super::text::name_of;

const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const IMAGE: &str = "SPDXRef-Image";
const SYSTEM: &str = "SPDXRef-OperatingSystem";
/// What was not looked into; nothing is claimed.
const NOASSERTION: &str = NOT_DECLARED;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpdxDocument<P, R, A> {
    spdx_version: &'static str,
    data_license: &'static str,
    #[serde(rename = "SPDXID")]
    id: &'static str,
    name: String,
    #[serde(rename = "documentNamespace")]
    namespace: String,
    creation_info: Value,
    comment: String,
    #[serde(rename = "documentDescribes")]
    describes: [&'static str; 1],
    packages: P,
    relationships: R,
    annotations: A,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpdxPackage {
    #[serde(rename = "SPDXID")]
    id: String,
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    version_info: String,
    primary_package_purpose: &'static str,
    download_location: &'static str,
    files_analyzed: bool,
    license_concluded: &'static str,
    license_declared: Cow<'static, str>,
    #[serde(skip_serializing_if = "String::is_empty")]
    license_comments: String,
    copyright_text: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    source_info: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_refs: Vec<Value>,
}

impl SpdxPackage {
    fn new(id: String, name: &str, version: &str, purpose: &'static str) -> Self {
        Self {
            id,
            name: name.to_owned(),
            version_info: version.to_owned(),
            primary_package_purpose: purpose,
            download_location: NOASSERTION,
            files_analyzed: false,
            license_concluded: NOASSERTION,
            license_declared: NOASSERTION.into(),
            license_comments: String::new(),
            copyright_text: NOASSERTION,
            source_info: String::new(),
            checksums: Vec::new(),
            external_refs: Vec::new(),
        }
    }

    /// Notes the declared licence: what is no expression of listed licences alone is a comment.
    fn with_licence(self, declared: &str) -> Self {
        let licence = Licence::parse(declared).filter(Licence::is_listed);
        match licence {
            Some(licence) => Self {
                license_declared: licence.to_string().into(),
                ..self
            },
            None => Self {
                license_comments: format!("Declared as: {declared}"),
                ..self
            },
        }
    }

    fn with_purl(self, purl: &str) -> Self {
        let reference = json!({
            "referenceCategory": "PACKAGE-MANAGER",
            "referenceType": "purl",
            "referenceLocator": purl,
        });
        Self {
            external_refs: vec![reference],
            ..self
        }
    }
}

/// Writes what the image contains; each gap is an annotation of the document.
pub fn write(verdict: &Verdict, inventory: &Inventory, out: &mut dyn Write) -> io::Result<()> {
    let name = format!("{}@{}", verdict.repository, verdict.digest);
    let created = second(verdict.provenance.decided_at);
    let tool = format!("Tool: {TOOL}-{TOOL_VERSION}");
    let document = SpdxDocument {
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        id: DOCUMENT,
        name,
        namespace: format!(
            "https://spdx.org/spdxdocs/{TOOL}-{}",
            uuid(verdict, inventory)?
        ),
        creation_info: json!({"created": created, "creators": [tool]}),
        comment: comment(verdict),
        describes: [IMAGE],
        packages: Each(|| packages(verdict, inventory)),
        relationships: Each(|| relationships(inventory)),
        annotations: Each(|| {
            let gaps = verdict.coverage.gaps.iter();
            gaps.map(|gap| annotation(gap, &created, &tool))
        }),
    };
    write_document(&document, out)
}

fn comment(verdict: &Verdict) -> String {
    let coverage = name_of(verdict.coverage.status);
    let gaps = verdict.coverage.gaps.len();
    let coverage =
        format!("Coverage of the image: {coverage}; {gaps} things could not be looked at.");
    match &verdict.claimed_name {
        Some(claim) => format!("{coverage} Its archive claims that it is {claim}."),
        None => coverage,
    }
}

fn packages<'a>(
    verdict: &'a Verdict,
    inventory: &'a Inventory,
) -> impl Iterator<Item = SpdxPackage> + 'a {
    let found = inventory.components.iter().chain(&inventory.declared);
    let found = found
        .enumerate()
        .map(|(number, component)| package(number, component));
    let system = inventory.distro.iter().map(system);
    std::iter::once(image(verdict)).chain(system).chain(found)
}

fn image(verdict: &Verdict) -> SpdxPackage {
    let digest = &verdict.digest;
    let algorithm = digest.algorithm().as_str().to_uppercase();
    let repository = verdict.repository.to_string();
    let mut image = SpdxPackage::new(IMAGE.into(), &repository, digest.as_str(), "CONTAINER");
    image.checksums = vec![json!({"algorithm": algorithm, "checksumValue": digest.hex()})];
    image.with_purl(&image_purl(verdict))
}

fn system(distro: &Distro) -> SpdxPackage {
    SpdxPackage::new(
        SYSTEM.into(),
        &distro.id,
        &distro.version,
        "OPERATING-SYSTEM",
    )
}

fn package(number: usize, component: &Component) -> SpdxPackage {
    let package = &component.package;
    let purpose = match package.package_type {
        PackageType::Generic => "APPLICATION",
        _ => "LIBRARY",
    };
    let mut described = SpdxPackage::new(id(number), &package.name, &package.version, purpose);
    let evidence = name_of(component.evidence);
    let layer = &component.layer;
    let source = package.source.as_ref();
    let source = source.map(|source| format!(", built from {} {}", source.name, source.version));
    let source = source.unwrap_or_default();
    described.source_info = format!(
        "{evidence}: found in {}, layer {layer}{source}",
        component.path
    );
    if let Some(declared) = &package.licence {
        described = described.with_licence(declared);
    }
    if package.is_without_group() {
        return described;
    }
    described.with_purl(&component.purl)
}

/// Gives a component's id: its place in the list, for names hold characters that ids may not.
fn id(number: usize) -> String {
    format!("SPDXRef-Package-{number}")
}

/// Relates the packages to the image. What lockfiles name is not contained, only named.
fn relationships(inventory: &Inventory) -> impl Iterator<Item = Value> + '_ {
    let describes = relationship(DOCUMENT, "DESCRIBES", IMAGE);
    let system = inventory.distro.iter();
    let system = system.map(|_| relationship(IMAGE, "CONTAINS", SYSTEM));
    let found = inventory.components.iter().chain(&inventory.declared);
    let found = found.enumerate().map(|(number, component)| {
        let id = id(number);
        match component.evidence {
            Evidence::Declared => relationship(IMAGE, "OTHER", &id),
            Evidence::Installed
            | Evidence::Cached
            | Evidence::Historical
            | Evidence::Digest
            | Evidence::Inferred
            | Evidence::Claimed => relationship(IMAGE, "CONTAINS", &id),
        }
    });
    std::iter::once(describes).chain(system).chain(found)
}

fn relationship(from: &str, kind: &str, to: &str) -> Value {
    json!({"spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to})
}

fn annotation(gap: &Gap, date: &str, annotator: &str) -> Value {
    let place = gap.path.as_deref().map(|path| format!(" {path}"));
    let place = place.unwrap_or_default();
    json!({
        "annotationDate": date,
        "annotationType": "OTHER",
        "annotator": annotator,
        "comment": format!("Not looked at: {}{place}: {}", name_of(gap.kind), gap.detail),
    })
}

#[cfg(test)]
mod tests;
