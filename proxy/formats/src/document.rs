//! What documents of all formats need: their names, times and links, the same each time.

use std::io::{self, Write};

use jiff::Timestamp;
use sluicegate_model::digest::Algorithm;
use sluicegate_model::finding::{Finding, FindingKind};
use sluicegate_model::form::WrittenAs;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::snapshot::SnapshotId;
use sluicegate_model::verdict::Verdict;
use sluicegate_model::{Digest, DigestHasher, Repository};

use super::answers::VerdictAnswer;

/// The program's name, as documents cite it.
pub(super) const TOOL: &str = "sluicegate";
/// The program's version, as documents cite it.
pub(super) const TOOL_VERSION: &str = env!("CARGO_PKG_VERSION");
/// Digits of the key of an image: enough that no two of ten million are likely to share one.
const KEY_DIGITS: usize = 16;

/// Names a document by what it says: the same verdict and inventory give the same UUID.
///
/// Source: RFC 9562, section 5.8: version 8, here 122 bits of a SHA-256.
pub(super) fn uuid(verdict: &Verdict, inventory: &Inventory) -> io::Result<String> {
    let mut hashed = Hashed(DigestHasher::new(Algorithm::Sha256));
    serde_json::to_writer(
        &mut hashed,
        &(WrittenAs::<VerdictAnswer>(verdict), inventory),
    )?;
    Ok(uuid_of(hashed.0))
}

/// Makes a UUID of all that was hashed.
pub(super) fn uuid_of(hashed: DigestHasher) -> String {
    let digest = hashed.finish();
    let mut digits: Vec<char> = digest.hex().chars().take(32).collect();
    if let Some(version) = digits.get_mut(12) {
        *version = '8';
    }
    if let Some(variant) = digits.get_mut(16) {
        *variant = '8';
    }
    let mut uuid = String::with_capacity(36);
    for (at, digit) in digits.into_iter().enumerate() {
        if matches!(at, 8 | 12 | 16 | 20) {
            uuid.push('-');
        }
        uuid.push(digit);
    }
    uuid
}

/// Names an image among those of one document: 64 bits of a SHA-256 of where, for whom, on whose word
/// and when it was looked at, which stays the same when the verdict is made anew.
pub(super) fn key(verdict: &Verdict) -> String {
    let audience = verdict.audience.digest().map(Digest::to_string);
    let parts = [
        verdict.repository.to_string(),
        verdict.digest.to_string(),
        audience.unwrap_or_default(),
        verdict.domain.shown().unwrap_or_default(),
        verdict.provenance.scanned_at.to_string(),
    ];
    let digest = Digest::of(parts.join("\0").as_bytes());
    digest.hex().chars().take(KEY_DIGITS).collect()
}

struct Hashed(DigestHasher);

impl Write for Hashed {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.0.update(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the image's package URL. Source: purl-spec, type "oci".
pub(super) fn image_purl(verdict: &Verdict) -> String {
    let tag = verdict.tags.first();
    let tag = tag.map(|tag| format!("&tag={}", encoded(&tag.to_string())));
    image_by_digest(verdict) + &tag.unwrap_or_default()
}

/// Writes the same without a tag, which may be another one tomorrow.
pub(super) fn image_by_digest(verdict: &Verdict) -> String {
    let architecture = verdict.platform.split('/').nth(1).unwrap_or_default();
    let mut qualifiers = Vec::new();
    if !architecture.is_empty() {
        qualifiers.push(format!("arch={}", encoded(architecture)));
    }
    by_digest(&verdict.repository, &verdict.digest, qualifiers)
}

/// Names an index by a package URL; it is of no one architecture.
pub(super) fn index_by_digest(repository: &Repository, index: &Digest) -> String {
    by_digest(repository, index, Vec::new())
}

fn by_digest(repository: &Repository, digest: &Digest, mut qualifiers: Vec<String>) -> String {
    let repository = repository.to_string();
    let name = repository.rsplit('/').next().unwrap_or_default();
    qualifiers.push(format!("repository_url={}", encoded(&repository)));
    let name = encoded(&name.to_lowercase());
    let version = encoded(digest.as_str());
    format!("pkg:oci/{name}@{version}?{}", qualifiers.join("&"))
}

/// Names the program by a URI.
pub(super) fn scanner_uri() -> String {
    format!("pkg:generic/{TOOL}")
}

/// Names a policy by a URI.
pub(super) fn policy_uri(name: &str) -> String {
    format!("urn:{TOOL}:policy:{}", encoded(name))
}

/// Names a snapshot of the feeds by a URI.
pub(super) fn feeds_uri(snapshot: &SnapshotId) -> String {
    format!("urn:{TOOL}:feeds:{}", encoded(snapshot.as_str()))
}

/// Gives the page of an advisory or weakness.
pub(super) fn advisory_url(id: &str) -> String {
    format!("https://osv.dev/vulnerability/{}", encoded(id))
}

/// Names who publishes the records of an id, by the words that readers of CycloneDX compare, and the
/// record's page there. What carries another source than this is not taken for what it speaks of.
///
/// Source: Dependency-Track, `Vulnerability.Source` and its import of VEX documents.
pub(super) fn publisher(id: &str) -> (&'static str, String) {
    if id.starts_with("CVE-") {
        let page = format!("https://nvd.nist.gov/vuln/detail/{}", encoded(id));
        return ("NVD", page);
    }
    if id.starts_with("GHSA-") {
        let page = format!("https://github.com/advisories/{}", encoded(id));
        return ("GITHUB", page);
    }
    ("OSV", advisory_url(id))
}

/// Gives the page of a finding's weakness; none where no record speaks of it: of an end of life, and
/// of what a plugin has found.
pub(super) fn finding_url(finding: &Finding) -> Option<String> {
    let is_recorded = finding.kind != FindingKind::Eol && !finding.advisories.is_empty();
    is_recorded.then(|| advisory_url(&finding.id))
}

/// Writes a path of the image as a relative reference.
pub(super) fn path_reference(path: &str) -> String {
    let parts: Vec<String> = path.split('/').map(encoded).collect();
    parts.join("/")
}

/// Writes a time to the second, as SPDX and CycloneDX want it.
pub(super) fn second(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Leaves what is unreserved alone. Source: RFC 3986, section 2.3.
fn encoded(text: &str) -> String {
    sluicegate_model::percent::encoded(text, b"-._~")
}

#[cfg(test)]
mod tests {
    use sluicegate_model::samples;

    use super::{
        advisory_url, finding_url, image_purl, key, path_reference, publisher, second, uuid,
    };

    #[test]
    fn a_document_is_named_by_what_it_says() {
        let (verdict, inventory) = (samples::verdict(), samples::inventory());
        let name = uuid(&verdict, &inventory).unwrap();
        assert_eq!(name, uuid(&verdict, &inventory).unwrap());
        let lengths: Vec<usize> = name.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        let mut other = verdict.clone();
        other.findings.clear();
        assert_ne!(name, uuid(&other, &inventory).unwrap());
    }

    #[test]
    fn an_image_is_named_by_digest_and_repository() {
        let verdict = samples::verdict();
        let wanted = format!(
            "pkg:oci/app@sha256%3A{}?arch=amd64&repository_url=docker.io%2Flibrary%2Fapp&tag=1",
            verdict.digest.hex()
        );
        assert_eq!(image_purl(&verdict), wanted);
    }

    #[test]
    fn links_carry_no_foreign_syntax() {
        assert_eq!(
            advisory_url("CVE-1\"?a=b#c"),
            "https://osv.dev/vulnerability/CVE-1%22%3Fa%3Db%23c"
        );
        assert_eq!(path_reference("a b/c:d/ß"), "a%20b/c%3Ad/%C3%9F");
    }

    #[test]
    fn who_publishes_an_id_is_named_as_readers_know_them() {
        for (id, name, host) in [
            ("CVE-2021-44228", "NVD", "nvd.nist.gov"),
            ("GHSA-jfh8-c2jp-5v3q", "GITHUB", "github.com"),
            ("DSA-5678-1", "OSV", "osv.dev"),
            ("MAL-2026-1", "OSV", "osv.dev"),
        ] {
            let (publisher, page) = publisher(id);
            assert_eq!(publisher, name);
            assert!(page.contains(host) && page.ends_with(id), "{page}");
        }
    }

    #[test]
    fn an_image_keeps_its_key_when_it_is_judged_anew_and_shares_it_with_no_other() {
        let verdict = samples::verdict();
        let mut anew = verdict.clone();
        anew.findings.clear();
        anew.provenance.decided_at = "2026-12-01T00:00:00Z".parse().unwrap();
        assert_eq!(key(&anew), key(&verdict));
        let mut told = verdict.clone();
        told.domain = "key:ci".parse().unwrap();
        let mut elsewhere = verdict.clone();
        elsewhere.repository = "docker.io/library/other".parse().unwrap();
        assert_ne!(key(&told), key(&verdict));
        assert_ne!(key(&elsewhere), key(&verdict));
    }

    #[test]
    fn times_have_no_fraction() {
        let time = "2026-11-20T10:00:01.5Z".parse().unwrap();
        assert_eq!(second(time), "2026-11-20T10:00:01Z");
    }

    #[test]
    fn only_what_a_record_speaks_of_has_a_page() {
        let mut finding = sluicegate_model::samples::verdict().findings.remove(0);
        assert!(finding_url(&finding).is_some_and(|url| url.ends_with(&finding.id)));
        finding.advisories.clear();
        assert_eq!(finding_url(&finding), None, "a plugin's own word");
    }
}
