//! A feed of two advisories, written to a directory in the layout of the OSV bucket.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;

/// Writes the feed under `directory`, as one whose records were changed at `modified`: an old one
/// would be a matter of its own.
pub fn write(directory: &Path, modified: Timestamp) -> io::Result<()> {
    write_ecosystem(directory, "Maven", &[log4shell(modified)])?;
    write_ecosystem(directory, "Alpine:edge", &[busybox(modified)])?;
    let kev = json!({
        "title": "Known exploited vulnerabilities, for the demo",
        "catalogVersion": "demo",
        "vulnerabilities": [{"cveID": "CVE-2021-44228", "dateAdded": "2021-12-10"}],
    });
    fs::create_dir_all(directory.join("kev"))?;
    fs::write(
        directory.join("kev/known_exploited_vulnerabilities.json"),
        kev.to_string(),
    )
}

fn write_ecosystem(directory: &Path, ecosystem: &str, records: &[Value]) -> io::Result<()> {
    let folder = directory.join(ecosystem);
    fs::create_dir_all(&folder)?;
    let mut archive = zip::ZipWriter::new(fs::File::create(folder.join("all.zip"))?);
    for record in records {
        let id = record.get("id").and_then(Value::as_str).unwrap_or_default();
        archive.start_file(format!("{id}.json"), SimpleFileOptions::default())?;
        archive.write_all(record.to_string().as_bytes())?;
    }
    archive.finish()?;
    Ok(())
}

/// The remote code execution in Log4j 2, as a fact: names, range, fix.
fn log4shell(modified: Timestamp) -> Value {
    json!({
        "schema_version": "1.6.0",
        "id": "GHSA-jfh8-c2jp-5v3q",
        "modified": modified,
        "aliases": ["CVE-2021-44228"],
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"}],
        "affected": [{
            "package": {"ecosystem": "Maven", "name": "org.apache.logging.log4j:log4j-core"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "2.13.0"}, {"fixed": "2.15.0"}]}],
        }],
    })
}

fn busybox(modified: Timestamp) -> Value {
    json!({
        "schema_version": "1.6.0",
        "id": "ALPINE-CVE-2023-42366",
        "modified": modified,
        "upstream": ["CVE-2023-42366"],
        "affected": [{
            "package": {"ecosystem": "Alpine:edge", "name": "busybox"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.36.1-r16"}]}],
        }],
    })
}
