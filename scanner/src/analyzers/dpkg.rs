//! Debian's package database: `var/lib/dpkg/status`, and distroless `status.d`.
//!
//! Parsed stanza by stanza: a bad one is a gap, the others still count. A package is present in
//! every state but `not-installed` and `config-files`, for in all others its files are there.
//!
//! Source: dpkg(1), "Package states"; deb-control(5); Debian policy 5.1.

pub(super) mod md5sums;

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::{Package, PackageType, SourcePackage};

use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, Database, WantedFile, Wants};
use crate::facts::Observations;
use crate::limits::MIB;

use super::stanza::{stanzas, text};

/// Directory of distroless images with one file for each package.
pub(crate) const STATUS_DIR: &str = "var/lib/dpkg/status.d";

/// The database itself.
pub(crate) const STATUS: &str = "var/lib/dpkg/status";

pub(super) struct Dpkg;

/// Tells whether a path is opkg's, so that its packages are not taken for Debian's.
pub(super) fn is_of_opkg(path: &str) -> bool {
    path.ends_with("/opkg/status") || path == "opkg/status"
}

impl Analyzer for Dpkg {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "os/dpkg",
            revision: 3,
        }
    }

    fn databases(&self) -> Vec<Database<'_>> {
        vec![Database::File(STATUS), Database::Dir(STATUS_DIR)]
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![Wants::Content {
            starts: b"Package:",
            holds: b"\nStatus: ",
        }]
    }

    /// A database of 5,000 packages takes about 6 MiB.
    fn max_file_bytes(&self) -> u64 {
        32 * MIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        // opkg's database has the same form and other packages.
        if is_of_opkg(file.path) {
            return Ok(());
        }
        let in_status_dir = file.path.starts_with(STATUS_DIR);
        if in_status_dir && file.name().ends_with(md5sums::ENDING) {
            return Ok(());
        }
        found.database = true;
        for (number, lines) in stanzas(file.content).enumerate() {
            let (package, fault) = parse(&lines, in_status_dir);
            if let Some(package) = package {
                found.add_of(maker(&lines), package);
            }
            if let Some(why) = fault {
                let detail = format!("stanza {} of the dpkg database {why}", number + 1);
                found
                    .gaps
                    .push(Gap::partial(GapKind::RecordUnreadable, detail).at(file.path));
            }
        }
        Ok(())
    }
}

/// The fields that say which package is there. The first of two equal fields counts.
#[derive(Default)]
struct ControlFields<'a> {
    package: Option<&'a [u8]>,
    status: Option<&'a [u8]>,
    version: Option<&'a [u8]>,
    architecture: Option<&'a [u8]>,
    source: Option<&'a [u8]>,
}

/// Gives a stanza's package where it is present, and what is wrong with the stanza.
///
/// A stanza in doubt keeps its package: to report one that is gone is the smaller mistake.
pub(super) fn parse(
    lines: &[&[u8]],
    status_is_optional: bool,
) -> (Option<Package>, Option<&'static str>) {
    let (fields, fault) = fields(lines);
    let Some(name) = fields.package.and_then(text).filter(|name| is_name(name)) else {
        return (None, Some("names no package"));
    };
    let fault = match presence(fields.status, status_is_optional) {
        StatusPresence::Absent if fault.is_none() => return (None, None),
        StatusPresence::Absent | StatusPresence::Present => fault,
        StatusPresence::Unknown => Some("has no readable status"),
    };
    match salvage(name, &fields) {
        Some(package) => (Some(package), fault),
        None => (None, Some(fault.unwrap_or("has no readable version"))),
    }
}

fn fields<'a>(lines: &[&'a [u8]]) -> (ControlFields<'a>, Option<&'static str>) {
    let mut fields = ControlFields::default();
    let mut fault = None;
    for (at, line) in lines.iter().enumerate() {
        if line
            .first()
            .is_some_and(|byte| matches!(byte, b' ' | b'\t'))
        {
            if at == 0 {
                fault = Some("starts with a continuation line");
            }
            continue;
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            fault = Some("has a line that is no field");
            continue;
        };
        let key = line.get(..colon).unwrap_or_default();
        let value = line.get(colon + 1..).unwrap_or_default();
        let slot = match () {
            () if key.eq_ignore_ascii_case(b"package") => &mut fields.package,
            () if key.eq_ignore_ascii_case(b"status") => &mut fields.status,
            () if key.eq_ignore_ascii_case(b"version") => &mut fields.version,
            () if key.eq_ignore_ascii_case(b"architecture") => &mut fields.architecture,
            () if key.eq_ignore_ascii_case(b"source") => &mut fields.source,
            () => continue,
        };
        if slot.is_some() {
            fault = Some("gives a field twice");
        } else {
            *slot = Some(value);
        }
    }
    (fields, fault)
}

/// Says who built a package: the archive that it names, else the domain of its maintainer.
///
/// Source: deb-control(5), `Origin`, `Maintainer`.
fn maker<'a>(lines: &[&'a [u8]]) -> Option<&'a str> {
    let field = |wanted: &[u8]| {
        let mut values = lines.iter().filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let (key, value) = line.split_at_checked(colon)?;
            let is_wanted = key.eq_ignore_ascii_case(wanted);
            is_wanted.then(|| value.get(1..).and_then(text)).flatten()
        });
        values.find(|value| !value.is_empty())
    };
    let domain = || {
        let (_, after) = field(b"maintainer")?.rsplit_once('@')?;
        Some(after.trim_end_matches('>'))
    };
    field(b"origin").or_else(domain)
}

enum StatusPresence {
    Present,
    Absent,
    Unknown,
}

fn presence(status: Option<&[u8]>, optional: bool) -> StatusPresence {
    let Some(status) = status else {
        return if optional {
            StatusPresence::Present
        } else {
            StatusPresence::Unknown
        };
    };
    let words: Vec<_> = text(status)
        .unwrap_or_default()
        .split_ascii_whitespace()
        .collect();
    match words.as_slice() {
        [_, _, "not-installed" | "config-files"] => StatusPresence::Absent,
        [
            _,
            _,
            "installed" | "half-installed" | "half-configured" | "unpacked" | "triggers-awaited"
            | "triggers-pending",
        ] => StatusPresence::Present,
        _ => StatusPresence::Unknown,
    }
}

fn salvage(name: &str, fields: &ControlFields<'_>) -> Option<Package> {
    let version = fields
        .version
        .and_then(text)
        .filter(|version| is_version(version))?;
    let source = fields
        .source
        .and_then(text)
        .and_then(|source| parse_source(source, version));
    Some(Package {
        name: name.to_owned(),
        version: version.to_owned(),
        package_type: PackageType::Deb,
        architecture: fields
            .architecture
            .and_then(text)
            .filter(|arch| !arch.is_empty())
            .map(str::to_owned),
        source: source.filter(|source| source.name != name || source.version != version),
        licence: None,
    })
}

/// Parses `name` or `name (version)`.
fn parse_source(text: &str, binary_version: &str) -> Option<SourcePackage> {
    let (name, version) = match text.split_once('(') {
        Some((name, version)) => (name.trim(), version.trim_end_matches(')').trim()),
        None => (text.trim(), binary_version),
    };
    (is_name(name) && is_version(version)).then(|| SourcePackage {
        name: name.to_owned(),
        version: version.to_owned(),
        module: None,
    })
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn is_version(version: &str) -> bool {
    is_name(version)
}

#[cfg(test)]
mod tests;
