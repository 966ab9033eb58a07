//! The shapes of SBOM documents, as far as purls are concerned. Pure; `sbom.rs` hands in the bytes.

use serde::Deserialize;

use crate::analyzer::AnalyzeError;

/// Most purls taken from one document.
const MAX_PURLS: usize = 100_000;

/// Gives the purls of a document, whichever form it has.
pub(super) fn purls(content: &[u8]) -> Result<Vec<String>, AnalyzeError> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let purls = if content.trim_ascii_start().starts_with(b"{") {
        let document: SbomDocument = serde_json::from_slice(content).map_err(AnalyzeError::of)?;
        from_json(document)?
    } else {
        from_tags(content)?
    };
    if purls.len() > MAX_PURLS {
        let detail = format!("it names more than {MAX_PURLS} packages");
        return Err(AnalyzeError::of(detail));
    }
    Ok(purls)
}

/// A CycloneDX or an SPDX document; what neither has is absent.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SbomDocument {
    bom_format: Option<String>,
    spdx_version: Option<String>,
    metadata: Option<Metadata>,
    #[serde(default)]
    components: Vec<Component>,
    #[serde(default)]
    packages: Vec<SpdxPackage>,
}

#[derive(Deserialize)]
struct Metadata {
    component: Option<Component>,
}

/// The JSON reader bounds how deep these nest.
#[derive(Deserialize)]
struct Component {
    purl: Option<String>,
    #[serde(default)]
    components: Vec<Component>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpdxPackage {
    #[serde(default)]
    external_refs: Vec<ExternalRef>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExternalRef {
    reference_type: String,
    reference_locator: String,
}

fn from_json(document: SbomDocument) -> Result<Vec<String>, AnalyzeError> {
    if document.bom_format.as_deref() == Some("CycloneDX") {
        let own = document.metadata.and_then(|metadata| metadata.component);
        Ok(from_components(own.into_iter().chain(document.components)))
    } else if document
        .spdx_version
        .is_some_and(|version| version.starts_with("SPDX-2."))
    {
        let refs = document
            .packages
            .into_iter()
            .flat_map(|package| package.external_refs);
        let purls = refs.filter(|external| external.reference_type == "purl");
        Ok(purls.map(|external| external.reference_locator).collect())
    } else {
        Err(no_sbom())
    }
}

/// Takes each component before the ones it has inside.
fn from_components(components: impl Iterator<Item = Component>) -> Vec<String> {
    let mut open: Vec<_> = components.collect();
    open.reverse();
    let mut purls = Vec::new();
    while let Some(component) = open.pop() {
        purls.extend(component.purl);
        open.extend(component.components.into_iter().rev());
    }
    purls
}

/// Reads SPDX's tag-value form, line by line.
fn from_tags(content: &[u8]) -> Result<Vec<String>, AnalyzeError> {
    let text = String::from_utf8_lossy(content);
    if !text
        .lines()
        .any(|line| line.starts_with("SPDXVersion: SPDX-2."))
    {
        return Err(no_sbom());
    }
    let purl = |line: &str| {
        let mut words = line.strip_prefix("ExternalRef:")?.split_whitespace();
        let (_, kind, locator) = (words.next()?, words.next()?, words.next()?);
        (kind == "purl").then(|| locator.to_owned())
    };
    Ok(text.lines().filter_map(purl).collect())
}

fn no_sbom() -> AnalyzeError {
    AnalyzeError::of("it is neither CycloneDX nor SPDX 2 of a form that is read")
}
