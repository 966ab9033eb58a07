//! Which builds of a package a record speaks of: module streams, installed packages, architecture.
//!
//! What a record does not say limits nothing. Called by the OSV reader for each affected package.
//! Sources: Fedora modularity, "Naming"; the records of AlmaLinux, Rocky Linux, Red Hat and SUSE in
//! OSV; purl-spec, "rpm".

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use sluicegate_model::advisory::{Range, RangeEvent, Scope};
use sluicegate_model::package::family_of;

use super::extras;

/// What a release has of a package that was built in a module: RHEL's and AlmaLinux's mark.
pub(crate) const MODULE_MARKS: [&str; 2] = [".module+el", ".module_el"];

/// Vendors whose errata state severity and module stream in their summaries.
const ERRATA: [&str; 6] = ["ALSA-", "ALBA-", "ALEA-", "RLSA-", "RXSA-", "RHSA-"];

/// Most characters of a stream's name, and most streams of a record.
const MAX_STREAM: usize = 80;
const MAX_STREAMS: usize = 8;

/// What a record says about one of its packages.
#[derive(Clone, Copy, Debug)]
pub(super) struct DescribedPackage<'a> {
    pub(super) ecosystem: &'a str,
    pub(super) purl: Option<&'a str>,
    pub(super) summary: Option<&'a str>,
    pub(super) ranges: &'a [Range],
    /// `affected[].ecosystem_specific`.
    pub(super) extra: Option<&'a RawValue>,
}

/// Tells whether a record is an erratum whose summary follows Red Hat's form.
pub(super) fn is_erratum(id: &str) -> bool {
    ERRATA.iter().any(|start| id.starts_with(start))
}

/// How errata on bugs and on features are named. Source: Red Hat's errata, and those made after them.
const UPDATES: [&str; 6] = ["ALBA-", "ALEA-", "RLBA-", "RLEA-", "RHBA-", "RHEA-"];

/// Tells whether a record is an erratum on a bug or a feature.
pub(super) fn is_on_bugs_or_features(id: &str) -> bool {
    UPDATES.iter().any(|start| id.starts_with(start))
}

/// Tells whether a version is that of a package built in a module.
pub(crate) fn is_modular(version: &str) -> bool {
    MODULE_MARKS.iter().any(|mark| version.contains(mark))
}

/// Reads the scope.
pub(super) fn scope(described: &DescribedPackage<'_>) -> Scope {
    let family = family_of(described.ecosystem);
    let modular = described.ranges.iter().any(has_modular_fix);
    let is_suse = matches!(family, "SUSE" | "openSUSE");
    Scope {
        modules: match described.summary {
            Some(summary) if modular => streams(summary),
            _ => Vec::new(),
        },
        binaries: match described.extra {
            Some(extra) if is_suse => binaries(extra),
            _ => Vec::new(),
        },
        architecture: described.purl.and_then(architecture),
        parts: extras::parts(described.ecosystem, described.extra),
    }
}

fn has_modular_fix(range: &Range) -> bool {
    range.events.iter().any(|event| match event {
        RangeEvent::Fixed(version) | RangeEvent::LastAffected(version) => is_modular(version),
        RangeEvent::Introduced(_) | RangeEvent::Limit(_) => false,
    })
}

/// Finds every `name:stream` in a summary such as `Moderate: virt:rhel and virt-devel:rhel bug fix`,
/// also where the one package of the module is named behind it, as in `httpd:2.4/mod_http2`.
fn streams(summary: &str) -> Vec<String> {
    let words = summary.split(|c: char| c.is_whitespace() || c == ',' || c == ';');
    let named = words.filter_map(stream);
    named.take(MAX_STREAMS).map(str::to_owned).collect()
}

/// Gives the `name:stream` that a word of a summary is or begins with.
///
/// A module may be called `389-ds`; a number alone is none, but an epoch or an hour.
fn stream(word: &str) -> Option<&str> {
    let (stream, package) = word.split_once('/').unwrap_or((word, "-"));
    let (name, version) = stream.split_once(':')?;
    let is_name = is_part(name) && name.contains(|c: char| c.is_ascii_alphabetic());
    let is_stream = is_name && is_part(version) && is_part(package);
    (is_stream && stream.len() <= MAX_STREAM).then_some(stream)
}

fn is_part(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
    !text.is_empty() && text.chars().all(is_plain)
}

#[derive(Deserialize)]
struct Extra {
    #[serde(default)]
    binaries: Vec<BTreeMap<String, Value>>,
}

/// Lists the installed packages that SUSE names beside the source.
fn binaries(extra: &RawValue) -> Vec<String> {
    let read: Result<Extra, _> = serde_json::from_str(extra.get());
    let binaries = read.map(|extra| extra.binaries).unwrap_or_default();
    let names = binaries.into_iter().flat_map(BTreeMap::into_keys);
    names.collect()
}

/// Reads the architecture from a package URL; sources and `noarch` limit nothing.
fn architecture(purl: &str) -> Option<String> {
    let (_, rest) = purl.split_once('?')?;
    let qualifiers = rest.split('#').next().unwrap_or_default();
    let stated = qualifiers
        .split('&')
        .find_map(|pair| pair.strip_prefix("arch="))?;
    let limits = !matches!(stated, "" | "source" | "src" | "noarch" | "all" | "any");
    limits.then(|| stated.chars().take(MAX_STREAM).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(version: &str) -> Vec<Range> {
        let events = vec![
            RangeEvent::Introduced("0".into()),
            RangeEvent::Fixed(version.into()),
        ];
        vec![Range { events }]
    }

    fn of(ecosystem: &str, summary: &str, version: &str) -> Scope {
        scope(&DescribedPackage {
            ecosystem,
            purl: None,
            summary: Some(summary),
            ranges: &fixed(version),
            extra: None,
        })
    }

    #[test]
    fn finds_the_streams_of_modular_fixes_only() {
        let modular = "1.0-2.module_el8.6.0+1+a";
        for (summary, version, streams) in [
            (
                "Moderate: nodejs:16 security update",
                modular,
                &["nodejs:16"][..],
            ),
            (
                "virt:rhel and virt-devel:rhel, bug fix",
                "1-1.module+el8.9.0+1+b",
                &["virt:rhel", "virt-devel:rhel"],
            ),
            (
                "Important: mod_auth_openidc:2.3  update",
                modular,
                &["mod_auth_openidc:2.3"],
            ),
            (
                "Important: 389-ds:1.4 security update",
                modular,
                &["389-ds:1.4"],
            ),
            (
                "Important: httpd:2.4/mod_http2 security update",
                modular,
                &["httpd:2.4"],
            ),
            ("Fixes 1:2.0-3 of 12:30, http://a/b", modular, &[]),
            ("Important: varnish security update", modular, &[]),
            ("Moderate: nodejs:16 security update", "1.0-2.el8", &[]),
        ] {
            assert_eq!(
                of("AlmaLinux:8", summary, version).modules,
                streams,
                "{summary}"
            );
        }
    }

    #[test]
    fn lists_the_installed_packages_of_suse_alone() {
        let extra = r#"{"binaries":[{"libopenssl3":"3.1-1","openssl-3":"3.1-1"}]}"#;
        let extra = RawValue::from_string(extra.to_owned()).expect("valid JSON");
        let of = |ecosystem| {
            let described = DescribedPackage {
                ecosystem,
                purl: None,
                summary: None,
                ranges: &[],
                extra: Some(&extra),
            };
            scope(&described).binaries
        };
        assert_eq!(of("openSUSE:Leap 15.6"), ["libopenssl3", "openssl-3"]);
        assert_eq!(of("Ubuntu:22.04:LTS"), [""; 0]);
    }

    #[test]
    fn reads_an_architecture_that_limits() {
        for (purl, wanted) in [
            ("pkg:rpm/x/y?arch=aarch64&distro=z", Some("aarch64")),
            ("pkg:rpm/x/y?distro=z&arch=source", None),
            ("pkg:rpm/x/y@1?arch=x86_64#sub", Some("x86_64")),
            ("pkg:rpm/x/y", None),
        ] {
            assert_eq!(architecture(purl).as_deref(), wanted, "{purl}");
        }
    }
}
