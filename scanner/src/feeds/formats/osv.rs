//! OSV's archives, and each record in them with its advisories, one for each package it affects.
//!
//! Unknown fields, ecosystems and range types are tolerated, as the schema demands; a record whose
//! own shape is broken is an error that costs only that record. It never decides which package an
//! advisory meets. Source: OSV schema 1.7.

use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use sluicegate_model::advisory::{Advisory, Range, RangeEvent};

use crate::feeds::cve::CveNumber;
use crate::feeds::directory::{ARCHIVE, DELTA, FeedDirectory, FeedFile};
use crate::feeds::error::FeedError;
use crate::feeds::feed::{AffectedPackage, EntryError, Feed, FeedEntry, FeedInfo, OnEntry, Record};
use crate::feeds::rating::{Score, Statements, rate};
use crate::feeds::scope::{self, DescribedPackage};
use crate::feeds::{archive, extras};

/// Longest id, name or ecosystem that is kept, in bytes. The longest real ones stay below 250.
const MAX_NAME_BYTES: usize = 1024;

/// OSV's archives of records, one in the folder of each ecosystem.
pub(in crate::feeds) struct Osv;

impl Feed for Osv {
    type Said = Record;

    fn info(&self) -> FeedInfo {
        FeedInfo {
            name: "osv",
            revision: 8,
            place: "*/all.zip",
        }
    }

    /// Lists the archives by folder. A folder without one of all records is not a feed.
    fn files(&self, directory: &FeedDirectory) -> Result<Vec<FeedFile>, FeedError> {
        let mut files = Vec::new();
        for folder in directory.ecosystems()? {
            if let Some(all) = directory.file(&folder, ARCHIVE) {
                files.push(all);
                files.extend(directory.file(&folder, DELTA));
            }
        }
        Ok(files)
    }

    fn read(&self, path: &Path, each: &mut OnEntry<'_, Record>) -> Result<(), FeedError> {
        archive::read_records(path, &mut |name, content, total| {
            let record = content
                .map_err(EntryError::from)
                .and_then(|content| Ok(parse(content)?));
            each(FeedEntry {
                name: Some(name),
                said: record,
                of: Some(total),
            });
        })
    }
}

/// Says why a record, or a part of it, is of no use.
#[derive(Debug, thiserror::Error)]
pub(in crate::feeds) enum RecordError {
    #[error("read as OSV JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("{field} is empty, over {MAX_NAME_BYTES} bytes, or holds control characters")]
    Name { field: &'static str },
    #[error("{field} {shown:?} is not an RFC 3339 time")]
    Time { field: &'static str, shown: String },
}

/// Reads a record.
pub(in crate::feeds) fn parse(text: &[u8]) -> Result<Record, RecordError> {
    let written: WrittenRecord<'_> = serde_json::from_slice(text)?;
    check_name("id", &written.id)?;
    let mut oddities = Vec::new();
    let modified = read_time("modified", written.modified.as_deref(), &mut oddities);
    let published = read_time("published", written.published.as_deref(), &mut oddities);
    let withdrawn = read_time("withdrawn", written.withdrawn.as_deref(), &mut oddities);
    let mut affected = Vec::new();
    let entries = written.affected.as_deref().unwrap_or_default();
    // An erratum on a bug or a feature is no weakness of what it updates.
    let entries = if is_mere_update(&written) {
        &[]
    } else {
        entries
    };
    for entry in entries {
        match affected_package(&written, published, entry) {
            Ok(Some(package)) => affected.push(package),
            Ok(None) => {}
            Err(error) => oddities.push(error.into()),
        }
    }
    Ok(Record {
        id: written.id,
        modified,
        published,
        is_withdrawn: withdrawn.is_some(),
        affected,
        oddities,
    })
}

#[derive(Deserialize)]
struct WrittenRecord<'a> {
    id: String,
    modified: Option<String>,
    published: Option<String>,
    withdrawn: Option<String>,
    aliases: Option<Vec<String>>,
    upstream: Option<Vec<String>>,
    related: Option<Vec<String>>,
    summary: Option<String>,
    severity: Option<Vec<Score>>,
    #[serde(borrow)]
    database_specific: Option<&'a RawValue>,
    #[serde(borrow)]
    affected: Option<Vec<WrittenAffected<'a>>>,
}

#[derive(Deserialize)]
struct WrittenAffected<'a> {
    package: Option<WrittenPackage>,
    severity: Option<Vec<Score>>,
    versions: Option<Vec<String>>,
    ranges: Option<Vec<WrittenRange>>,
    #[serde(borrow)]
    ecosystem_specific: Option<&'a RawValue>,
    #[serde(borrow)]
    database_specific: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WrittenPackage {
    ecosystem: String,
    name: String,
    purl: Option<String>,
}

#[derive(Deserialize)]
struct WrittenRange {
    #[serde(rename = "type")]
    kind: Option<String>,
    events: Option<Vec<WrittenEvent>>,
}

#[derive(Deserialize)]
struct WrittenEvent {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
    limit: Option<String>,
}

/// Tells whether a record is an erratum that is not about security and names no CVE at all.
fn is_mere_update(record: &WrittenRecord<'_>) -> bool {
    let named = [&record.aliases, &record.upstream, &record.related];
    let mut named = named.into_iter().flatten().flatten();
    scope::is_on_bugs_or_features(&record.id)
        && !named.any(|name| CveNumber::of_record(name).is_some())
}

/// Gives the CVEs that an erratum mends, where it names them as related and no otherwise: those of
/// other records are others' weaknesses.
fn mended(record: &WrittenRecord<'_>) -> Vec<String> {
    if !scope::is_erratum(&record.id) {
        return Vec::new();
    }
    let related = record.related.iter().flatten();
    let cves = related.filter(|name| CveNumber::parse(name).is_some());
    cves.cloned().collect()
}

fn affected_package(
    record: &WrittenRecord<'_>,
    published: Option<Timestamp>,
    entry: &WrittenAffected<'_>,
) -> Result<Option<AffectedPackage>, RecordError> {
    // Records about source repositories name no package.
    let Some(package) = &entry.package else {
        return Ok(None);
    };
    check_name("affected[].package.ecosystem", &package.ecosystem)?;
    check_name("affected[].package.name", &package.name)?;
    let summary = record.summary.as_deref();
    let said = [entry.ecosystem_specific, entry.database_specific];
    let rating = rate(Statements {
        package_scores: entry.severity.as_deref().unwrap_or_default(),
        package_extras: said,
        record_extra: record.database_specific,
        record_scores: record.severity.as_deref().unwrap_or_default(),
        summary: summary.filter(|_| scope::is_erratum(&record.id)),
    });
    let ranges = ranges(entry.ranges.as_deref().unwrap_or_default());
    let scope = scope::scope(&DescribedPackage {
        ecosystem: &package.ecosystem,
        purl: package.purl.as_deref(),
        summary,
        ranges: &ranges,
        extra: entry.ecosystem_specific,
    });
    let advisory = Advisory {
        id: record.id.clone(),
        aliases: record.aliases.clone().unwrap_or_default(),
        upstream: record.upstream.clone().unwrap_or_default(),
        related: mended(record),
        severity: rating.severity,
        basis: rating.basis,
        cvss: rating.cvss,
        published,
        informational: extras::is_informational(&package.ecosystem, entry.database_specific),
        triage: extras::triage(&package.ecosystem, said, &ranges),
        scope,
        versions: entry.versions.clone().unwrap_or_default(),
        ranges,
        releases: releases(&package.ecosystem, entry.ecosystem_specific),
    };
    Ok(Some(AffectedPackage {
        ecosystem: package.ecosystem.clone(),
        name: package.name.clone(),
        advisory,
    }))
}

/// Keeps the ranges over versions; a GIT range says nothing about versions and is left out.
fn ranges(written: &[WrittenRange]) -> Vec<Range> {
    written
        .iter()
        .filter(|range| range.kind.as_deref() != Some("GIT"))
        .map(|range| Range {
            events: range
                .events
                .iter()
                .flatten()
                .flat_map(WrittenEvent::boundaries)
                .collect(),
        })
        .filter(|range| !range.events.is_empty())
        .collect()
}

/// Reads the ranges over names of releases that Go's records have beside those over module versions.
/// Those of any other shape are none, so that the others decide alone.
///
/// Source: Go vulnerability database, "OSV JSON schema", `custom_ranges`.
fn releases(ecosystem: &str, extra: Option<&RawValue>) -> Vec<Range> {
    #[derive(Deserialize)]
    struct Extra {
        custom_ranges: Option<Vec<WrittenRange>>,
    }
    let extra = extra.filter(|_| ecosystem == "Go");
    let extra: Option<Extra> = extra.and_then(|extra| serde_json::from_str(extra.get()).ok());
    let written = extra.and_then(|extra| extra.custom_ranges);
    ranges(written.as_deref().unwrap_or_default())
}

impl WrittenEvent {
    /// Lists what the event states. The schema allows one key; records with more mean all of them.
    fn boundaries(&self) -> impl Iterator<Item = RangeEvent> {
        [
            self.introduced.clone().map(RangeEvent::Introduced),
            self.fixed.clone().map(RangeEvent::Fixed),
            self.last_affected.clone().map(RangeEvent::LastAffected),
            self.limit.clone().map(RangeEvent::Limit),
        ]
        .into_iter()
        .flatten()
    }
}

/// Reads a time; an unreadable one is noted and counts as absent.
fn read_time(
    field: &'static str,
    text: Option<&str>,
    oddities: &mut Vec<EntryError>,
) -> Option<Timestamp> {
    let text = text?;
    let time = text.parse();
    if time.is_err() {
        let shown = text.chars().take(40).collect();
        oddities.push(RecordError::Time { field, shown }.into());
    }
    time.ok()
}

fn check_name(field: &'static str, text: &str) -> Result<(), RecordError> {
    let is_fit =
        !text.is_empty() && text.len() <= MAX_NAME_BYTES && !text.contains(char::is_control);
    is_fit.then_some(()).ok_or(RecordError::Name { field })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: &serde_json::Value) -> Record {
        parse(value.to_string().as_bytes()).expect("the test writes a readable record")
    }

    #[test]
    fn reads_each_affected_package_with_its_own_ranges() {
        let record = read(&json!({
            "id": "X-1", "modified": "2026-01-02T03:04:05Z", "aliases": ["CVE-2026-0001"],
            "schema_version": "9.9", "novelty": {"a": [1]},
            "affected": [
                {"package": {"ecosystem": "Novel:7", "name": "a", "purl": "pkg:x/a"},
                 "ranges": [{"type": "GIT", "repo": "https://x", "events": [{"introduced": "0"}]},
                            {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1"}]}]},
                {"ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]},
                {"package": {"ecosystem": "PyPI", "name": "b"}, "versions": ["1", "2"]},
            ],
        }));
        let names: Vec<&str> = record.affected.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(record.affected[0].advisory.ranges.len(), 1);
        assert_eq!(record.affected[1].advisory.versions, ["1", "2"]);
        assert!(!record.is_withdrawn && record.oddities.is_empty());
    }

    #[test]
    fn takes_an_erratum_on_bugs_for_a_weakness_only_where_it_names_one() {
        for (id, related, packages) in [
            ("ALBA-2021:1", json!([]), 0),
            ("ALEA-2021:1", json!(["ALSA-2021:2"]), 0),
            ("ALBA-2021:1", json!(["CVE-2021-0001"]), 1),
            ("ALSA-2021:1", json!([]), 1),
        ] {
            let record = read(&json!({"id": id, "related": related, "affected": [
                {"package": {"ecosystem": "AlmaLinux:8", "name": "a"}, "versions": ["1"]},
            ]}));
            assert_eq!(record.affected.len(), packages, "{id} {related}");
            assert!(record.oddities.is_empty());
        }
    }

    #[test]
    fn keeps_the_cves_that_an_erratum_names_as_related_and_no_others() {
        let related = json!(["CVE-2021-0001", "ALSA-2021:2"]);
        for (id, wanted) in [
            ("ALSA-2021:1", &["CVE-2021-0001"][..]),
            ("RHSA-2021:1", &["CVE-2021-0001"]),
            ("GHSA-1", &[]),
        ] {
            let record = read(&json!({"id": id, "related": related, "affected": [
                {"package": {"ecosystem": "AlmaLinux:8", "name": "a"}, "versions": ["1"]},
            ]}));
            assert_eq!(record.affected[0].advisory.related, wanted, "{id}");
        }
    }

    #[test]
    fn notes_withdrawal_and_unreadable_times() {
        let record = read(&json!({"id": "X-1", "withdrawn": "2026-01-02T00:00:00Z"}));
        assert!(record.is_withdrawn);
        let record = read(&json!({"id": "X-1", "modified": "soon", "withdrawn": "never"}));
        assert!(!record.is_withdrawn);
        assert_eq!((record.modified, record.oddities.len()), (None, 2));
    }

    #[test]
    fn refuses_records_without_a_usable_shape() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"id":""}"#,
            r#"{"id":"a\u0000"}"#,
            r#"{"id":"a","id":"b"}"#,
            r#"{"id":"a","affected":7}"#,
            r#"{"id":"a"} {}"#,
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text} was taken");
        }
    }
}
