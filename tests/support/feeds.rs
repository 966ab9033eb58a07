//! Advisory feeds on disk in the layout of the OSV bucket, from advisories written by the tests.
//!
//! One zip an ecosystem, one JSON document a record, and optionally the list of known exploited
//! vulnerabilities. Nothing here is copied from a real feed.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};

/// A record in the making.
#[derive(Clone, Debug)]
pub struct Advisory {
    record: Value,
    ecosystem: String,
}

impl Advisory {
    /// Says that versions of `package` before `fixed` are affected; empty means that no fix exists.
    pub fn new(id: &str, ecosystem: &str, package: &str, fixed: &str) -> Self {
        let mut events = vec![json!({"introduced": "0"})];
        if !fixed.is_empty() {
            events.push(json!({"fixed": fixed}));
        }
        let record = json!({
            "schema_version": "1.6.0",
            "id": id,
            "modified": jiff::Timestamp::now(),
            "summary": "written for a test",
            "affected": [{
                "package": {"ecosystem": ecosystem, "name": package},
                "ranges": [{"type": "ECOSYSTEM", "events": events}],
            }],
        });
        Self {
            record,
            ecosystem: ecosystem.into(),
        }
    }

    /// Says that it was last changed at `modified`, and not just now.
    pub fn modified(mut self, modified: &str) -> Self {
        self.record["modified"] = modified.into();
        self
    }

    /// Adds another name of the same vulnerability.
    pub fn alias(mut self, id: &str) -> Self {
        let mut aliases = self.record["aliases"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        aliases.push(id.into());
        self.record["aliases"] = aliases.into();
        self
    }

    /// Says that versions from `introduced` to before `fixed` are affected as well.
    pub fn and_between(mut self, introduced: &str, fixed: &str) -> Self {
        let events = json!([{"introduced": introduced}, {"fixed": fixed}]);
        if let Some(ranges) = self.record["affected"][0]["ranges"].as_array_mut() {
            ranges.push(json!({"type": "ECOSYSTEM", "events": events}));
        }
        self
    }

    /// Rates it with a CVSS 3.1 vector of the worst kind: 9.8, critical.
    pub fn critical(self) -> Self {
        self.vector("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H")
    }

    /// Rates it with a CVSS 3.1 vector of 7.5, high.
    pub fn high(self) -> Self {
        self.vector("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H")
    }

    /// Rates it with a CVSS 3.1 vector of 5.3, medium.
    pub fn medium(self) -> Self {
        self.vector("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N")
    }

    fn vector(mut self, score: &str) -> Self {
        self.record["severity"] = json!([{"type": "CVSS_V3", "score": score}]);
        self
    }
}

/// Writes a feed directory.
///
/// *Shape*: every ecosystem of `ecosystems` gets a zip, also where no advisory names it: an empty
/// zip says "we looked", a missing one is a coverage gap. An advisory for `Debian:12` goes into
/// `Debian:12/all.zip`.
pub fn write(directory: &Path, ecosystems: &[&str], advisories: &[Advisory]) {
    let mut zips: BTreeMap<&str, Vec<&Advisory>> = BTreeMap::new();
    for ecosystem in ecosystems {
        zips.entry(ecosystem).or_default();
    }
    for advisory in advisories {
        zips.entry(&advisory.ecosystem).or_default().push(advisory);
    }
    for (ecosystem, advisories) in zips {
        let folder = directory.join(ecosystem);
        std::fs::create_dir_all(&folder).expect("make a feed directory");
        write_zip(&folder.join("all.zip"), &advisories);
    }
}

/// Writes the list of known exploited vulnerabilities.
pub fn write_kev(directory: &Path, ids: &[&str]) {
    let folder = directory.join("kev");
    std::fs::create_dir_all(&folder).expect("make a feed directory");
    let entry = |id: &&str| json!({"cveID": id, "vendorProject": "test", "product": "test", "dateAdded": "2026-10-01"});
    let document = json!({
        "title": "known exploited vulnerabilities",
        "catalogVersion": "2026.11.01",
        "dateReleased": "2026-11-01T00:00:00.0000Z",
        "count": ids.len(),
        "vulnerabilities": ids.iter().map(entry).collect::<Vec<_>>(),
    });
    publish(
        &folder.join("known_exploited_vulnerabilities.json"),
        document.to_string().as_bytes(),
    );
}

fn write_zip(path: &Path, advisories: &[&Advisory]) {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for advisory in advisories {
        let name = format!(
            "{}.json",
            advisory.record["id"].as_str().unwrap_or("record")
        );
        zip.start_file(name, options).expect("write to memory");
        zip.write_all(advisory.record.to_string().as_bytes())
            .expect("write to memory");
    }
    let bytes = zip.finish().expect("write to memory").into_inner();
    publish(path, &bytes);
}

/// Replaces a file in one step, as a mirror tool would.
fn publish(path: &Path, bytes: &[u8]) {
    let beside = path.with_extension("new");
    std::fs::write(&beside, bytes).expect("write a feed file");
    std::fs::rename(&beside, path).expect("publish a feed file");
}
