//! Crates of Rust programs that were built with their audit data: a section of compressed JSON.
//!
//! Source: cargo-auditable, "Parsing", and its JSON schema.

use std::io::Read;

use flate2::bufread::ZlibDecoder;
use serde::Deserialize;
use sluicegate_model::package::{Package, PackageType};

use super::content::Content;
use super::layout::Layout;
use crate::analyzer::AnalyzeError;
use crate::facts::Observations;

/// The section's name.
const SECTION: &[u8] = b".dep-v0";

/// Largest section read, in bytes; 1,000 crates take 10 KiB.
const MAX_SECTION_BYTES: u64 = 1024 * 1024;

/// Most bytes of JSON read.
const MAX_JSON_BYTES: u64 = 8 * 1024 * 1024;

#[derive(Deserialize)]
struct Audit {
    packages: Vec<Crate>,
}

#[derive(Deserialize)]
struct Crate {
    name: String,
    version: String,
    /// `runtime` where it is not given.
    kind: Option<String>,
}

/// Records the crates that the program was linked from; those that only built it are left out.
pub(super) fn read(
    content: &Content<'_>,
    layout: &Layout,
    found: &mut Observations,
) -> Result<(), AnalyzeError> {
    let sections = layout.sections.iter();
    for section in sections.filter(|section| section.name == SECTION && !section.range.is_empty()) {
        let unreadable = |why: &str| AnalyzeError(format!("its list of crates {why}"));
        if section.range.end.saturating_sub(section.range.start) > MAX_SECTION_BYTES {
            return Err(unreadable("is larger than is read"));
        }
        let Some(stored) = content.read_range(&section.range) else {
            return Err(unreadable("lies outside of the file"));
        };
        let mut json = Vec::new();
        ZlibDecoder::new(stored.as_ref())
            .take(MAX_JSON_BYTES + 1)
            .read_to_end(&mut json)
            .map_err(|error| unreadable(&format!("could not be inflated: {error}")))?;
        let audit: Audit = serde_json::from_slice(&json)
            .map_err(|error| unreadable(&format!("could not be parsed: {error}")))?;
        for each in audit.packages {
            if each.kind.as_deref() == Some("build") {
                continue;
            }
            found.add(Package {
                name: each.name,
                version: each.version,
                package_type: PackageType::Cargo,
                architecture: None,
                source: None,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;
    use crate::analyzers::binary::testing::elf;

    fn compressed(json: &str) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(json.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    fn crates(section: &[u8]) -> Result<Vec<String>, AnalyzeError> {
        let program = elf(&[(".dep-v0", section)]);
        let content = Content::in_memory(&program);
        let mut found = Observations::default();
        read(&content, &super::super::kinds::layout(&content), &mut found)?;
        let each = |found: &crate::facts::FoundPackage| {
            format!("{} {}", found.package.name, found.package.version)
        };
        Ok(found.packages.iter().map(each).collect())
    }

    #[test]
    fn crates_that_were_linked_count() {
        let json = r#"{"packages":[
            {"name":"app","version":"0.1.0","source":"local","root":true,"dependencies":[1]},
            {"name":"serde","version":"1.0.2","source":"crates.io"},
            {"name":"syn","version":"2.0.1","source":"crates.io","kind":"build"}]}"#;
        let wanted = ["app 0.1.0".to_owned(), "serde 1.0.2".to_owned()];
        assert_eq!(crates(&compressed(json)).unwrap(), wanted);
    }

    #[test]
    fn a_list_that_cannot_be_read_is_an_error() {
        let bomb = compressed(&" ".repeat(9 << 20));
        for section in [&b"not compressed"[..], &compressed("{}"), &bomb] {
            assert!(crates(section).is_err(), "{}", section.len());
        }
    }
}
