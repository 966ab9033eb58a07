//! Crates of Rust programs that were built with their audit data: a section of compressed JSON.
//!
//! Only those from crates.io are what its advisories name. The author's own are nobody else's, and
//! those from a repository or another registry are a gap: they may be the same code or not.
//!
//! Source: cargo-auditable, "Parsing", and its JSON schema.

use std::io::Read;

use flate2::bufread::ZlibDecoder;
use serde::Deserialize;
use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::{Package, PackageType};

use super::content::ProgramContent;
use super::layout::Layout;
use crate::analyzer::AnalyzeError;
use crate::facts::Observations;

/// The section's name.
const SECTION: &[u8] = b".dep-v0";

/// Largest section read, in bytes; 1,000 crates take 10 KiB.
const MAX_SECTION_BYTES: u64 = 1024 * 1024;

/// Crates named in the gap about those from elsewhere.
const MAX_SHOWN: usize = 5;

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
    /// `crates.io` where it is not given, though every writer gives it.
    source: Option<String>,
    /// `runtime` where it is not given.
    kind: Option<String>,
}

/// Records the crates that the program was linked from; those that only built it are left out.
///
/// Tells whether there is a list of them.
pub(super) fn read(
    content: &ProgramContent<'_>,
    layout: &Layout,
    path: &str,
    found: &mut Observations,
) -> Result<bool, AnalyzeError> {
    let mut has_list = false;
    let sections = layout.sections.iter();
    for section in sections.filter(|section| section.name == SECTION && !section.range.is_empty()) {
        let unreadable = |why: &str| AnalyzeError::of(format!("its list of crates {why}"));
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
        has_list |= !audit.packages.is_empty();
        add(audit, path, found);
    }
    Ok(has_list)
}

fn add(audit: Audit, path: &str, found: &mut Observations) {
    let mut foreign = Vec::new();
    let linked = audit.packages.into_iter();
    for each in linked.filter(|each| each.kind.as_deref() != Some("build")) {
        match each.source.as_deref() {
            Some("crates.io") | None => {
                let package = Package::of_language(PackageType::Cargo, each.name, each.version);
                found.add(package);
            }
            Some("local") => {}
            Some(_) => foreign.push(format!("{} {}", each.name, each.version)),
        }
    }
    if foreign.is_empty() {
        return;
    }
    let count = foreign.len();
    let shown = foreign.get(..MAX_SHOWN).unwrap_or(&foreign).join(", ");
    let detail = format!("{count} crates in it are from elsewhere than crates.io: {shown}");
    let gap = Gap::partial(GapKind::VersionUnknown, detail);
    found.gaps.push(gap.at(path));
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

    /// Gives the crates, and what the gaps say.
    fn crates(section: &[u8]) -> Result<(Vec<String>, Vec<String>), AnalyzeError> {
        let program = elf(&[(".dep-v0", section)]);
        let content = ProgramContent::in_memory(&program);
        let mut found = Observations::default();
        let layout = super::super::kinds::layout(&content);
        assert!(read(&content, &layout, "usr/bin/app", &mut found)?);
        let each = |found: &crate::facts::FoundPackage| {
            format!("{} {}", found.package.name, found.package.version)
        };
        let gaps = found.gaps.iter().map(|gap| gap.detail.clone());
        Ok((found.packages.iter().map(each).collect(), gaps.collect()))
    }

    #[test]
    fn crates_that_were_linked_count() {
        let json = r#"{"packages":[
            {"name":"app","version":"0.1.0","source":"local","root":true,"dependencies":[1]},
            {"name":"serde","version":"1.0.2","source":"crates.io"},
            {"name":"syn","version":"2.0.1","source":"crates.io","kind":"build"}]}"#;
        let wanted = (vec!["serde 1.0.2".to_owned()], vec![]);
        assert_eq!(crates(&compressed(json)).unwrap(), wanted);
    }

    #[test]
    fn crates_from_elsewhere_are_no_crates_of_the_registry() {
        let json = r#"{"packages":[
            {"name":"app","version":"0.1.0","source":"local"},
            {"name":"time","version":"0.1.0","source":"git"},
            {"name":"ours","version":"2.0.1","source":"registry"}]}"#;
        let (packages, gaps) = crates(&compressed(json)).unwrap();
        assert_eq!(packages, [""; 0]);
        assert_eq!(
            gaps,
            ["2 crates in it are from elsewhere than crates.io: time 0.1.0, ours 2.0.1"]
        );
    }

    #[test]
    fn a_list_that_cannot_be_read_is_an_error() {
        let bomb = compressed(&" ".repeat(9 << 20));
        for section in [&b"not compressed"[..], &compressed("{}"), &bomb] {
            assert!(crates(section).is_err(), "{}", section.len());
        }
    }
}
