//! Ubuntu's chiselled images: a manifest of packages and files in place of dpkg's database.
//!
//! It is a compressed text with one JSON value on each line. It names no source packages, which is
//! what Ubuntu's advisories are filed under; `image/judge/system.rs` makes a gap of that.
//!
//! Source: Chisel, "Chisel manifest" and "jsonwall".

use std::io::{self, BufRead, BufReader, Read};

use serde::Deserialize;
use sluicegate_model::package::{Package, PackageType};

use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, Database, WantedFile, Wants};
use crate::facts::{ContentDigest, Observations, OwnedFile, PathHash};
use crate::limits::MIB;

/// Where Chisel's own releases put the manifest.
pub(crate) const MANIFEST: &str = "var/lib/chisel/manifest.wall";

/// Largest window that is decompressed, as a power of two of bytes: what Chisel's encoder uses.
const MAX_WINDOW_LOG: u32 = 23;

/// Longest line, in bytes.
const MAX_LINE_BYTES: u64 = MIB;

/// Most lines, and most bytes of them; an image has a few thousand files.
const MAX_LINES: u64 = 200_000;
const MAX_EXPANDED_BYTES: u64 = 32 * MIB;

pub(super) struct Chisel;

impl Analyzer for Chisel {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "os/chisel",
            revision: 1,
        }
    }

    fn databases(&self) -> Vec<Database<'_>> {
        vec![Database::Sourceless(MANIFEST)]
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![Wants::Named("manifest.wall")]
    }

    /// A manifest of an image with Java takes about 100 KiB.
    fn max_file_bytes(&self) -> u64 {
        16 * MIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        found.database = true;
        read(file, found).map_err(AnalyzeError::of)
    }
}

/// A line of the manifest; fields that its kind lacks are empty.
#[derive(Deserialize)]
struct ChiselLine {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    arch: Option<String>,
    #[serde(default)]
    path: String,
    #[serde(default)]
    slices: Vec<String>,
    #[serde(default)]
    sha256: Option<String>,
    /// The digest after the package's own scripts changed the file.
    #[serde(default)]
    final_sha256: Option<String>,
}

/// Says why a manifest could not be read to its end.
#[derive(Debug, thiserror::Error)]
enum ManifestError {
    #[error("it could not be decompressed: {0}")]
    Compressed(#[from] io::Error),
    #[error("one of its lines is no JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("it expands past {MAX_EXPANDED_BYTES} bytes")]
    Long,
    #[error("it has more than {MAX_LINES} lines")]
    Lines,
}

fn read(file: WantedFile<'_>, found: &mut Observations) -> Result<(), ManifestError> {
    let mut decoder = zstd::stream::read::Decoder::new(file.content)?;
    decoder.window_log_max(MAX_WINDOW_LOG)?;
    let mut lines = BufReader::new(decoder.take(MAX_EXPANDED_BYTES));
    let mut line = Vec::new();
    for _ in 0..MAX_LINES {
        line.clear();
        let mut bounded = lines.by_ref().take(MAX_LINE_BYTES);
        let count = bounded.read_until(b'\n', &mut line)?;
        if count == 0 {
            let is_cut = lines.get_ref().limit() == 0;
            return if is_cut {
                Err(ManifestError::Long)
            } else {
                Ok(())
            };
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        note(serde_json::from_slice(&line)?, found);
    }
    Err(ManifestError::Lines)
}

fn note(line: ChiselLine, found: &mut Observations) {
    match line.kind.as_str() {
        "package" if !line.name.is_empty() && !line.version.is_empty() => found.add(Package {
            name: line.name,
            version: line.version,
            package_type: PackageType::Deb,
            architecture: line.arch,
            source: None,
            licence: None,
        }),
        "path" => {
            let package = line.slices.first().and_then(|slice| slice.split_once('_'));
            let digest = line.final_sha256.or(line.sha256);
            let digest = digest.and_then(|hex| format!("sha256:{hex}").parse().ok());
            if let (Some((package, _)), Some(digest)) = (package, digest) {
                found.owned.push(OwnedFile {
                    package: package.into(),
                    path: PathHash::of(line.path.trim_start_matches('/')),
                    digest: Some::<ContentDigest>(digest),
                });
            }
        }
        _ => {}
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::analyzers::tests::analyze;

    /// A manifest with one package and one file.
    pub(crate) fn sample() -> Vec<u8> {
        let digest = "ab".repeat(32);
        let text = format!(
            "{{\"jsonwall\":\"1.0\",\"schema\":\"1.0\",\"count\":4}}\n\
             {{\"kind\":\"content\",\"slice\":\"libc6_libs\",\"path\":\"/lib/libc.so.6\"}}\n\
             {{\"kind\":\"package\",\"name\":\"libc6\",\"version\":\"2.39-0ubuntu8\",\"sha256\":\"x\",\"arch\":\"amd64\"}}\n\
             {{\"kind\":\"path\",\"path\":\"/lib/libc.so.6\",\"mode\":\"0644\",\"slices\":[\"libc6_libs\"],\"sha256\":\"{digest}\",\"size\":9}}\n\
             {{\"kind\":\"path\",\"path\":\"/lib/\",\"mode\":\"0755\",\"slices\":[\"libc6_libs\"]}}\n"
        );
        zstd::bulk::compress(text.as_bytes(), 1).unwrap()
    }

    #[test]
    fn reads_packages_and_files() {
        let found = analyze(&Chisel, MANIFEST, &sample());
        let package = &found.packages[0].package;
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("libc6", "2.39-0ubuntu8")
        );
        assert_eq!(package.package_type, PackageType::Deb);
        assert_eq!(found.owned.len(), 1);
        assert_eq!(found.owned[0].path, PathHash::of("lib/libc.so.6"));
        assert_eq!(
            found.owned[0].digest,
            Some(ContentDigest::Sha256([0xab; 32]))
        );
        assert_eq!(found.gaps, []);
    }

    #[test]
    fn a_manifest_that_cannot_be_read_to_its_end_is_a_gap() {
        let sample = sample();
        let cut = analyze(&Chisel, MANIFEST, &sample[..sample.len() - 9]);
        assert_eq!(cut.gaps.len(), 1);
        let long = zstd::bulk::compress(&vec![b' '; 3 << 20], 1).unwrap();
        assert!(analyze(&Chisel, MANIFEST, &long).gaps.is_empty());
        let nonsense = zstd::bulk::compress(b"{\"kind\":\"package\"}\nnonsense\n", 1).unwrap();
        assert_eq!(analyze(&Chisel, MANIFEST, &nonsense).gaps.len(), 1);
    }
}
