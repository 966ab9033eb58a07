//! Whether an image's distribution is still mended, as a finding of its own.
//!
//! It rests on a dated table that comes with the program or is fed to it, and gives no severity, for nobody states one. A release
//! that the table does not have is a finding of unknown status. Pure: the time is an argument.
//! Called by `judge`.

mod support;
mod table;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sluicegate_model::finding::{Finding, FindingKind, FindingPackage, FindingStatus};
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Distro, Evidence, Package, PackageType};
use sluicegate_model::severity::Severity;

use crate::purl::purl;
use support::{Distribution, Row};
use table::Naming;

pub use support::{SupportError, SupportTable};

/// Raised with every change of the table or of what is said from it. It enters the scanner's
/// fingerprint.
pub(crate) const EOL_REVISION: u32 = 2;

/// Where the distribution's name was read.
const EVIDENCE: &str = "etc/os-release";

/// What the table says about an image at one time.
#[derive(Debug, Default)]
pub(crate) struct SupportStanding {
    /// The support that has ended, or that nobody here knows of.
    pub(crate) finding: Option<Finding>,
    /// When the support will have ended.
    pub(crate) ends: Option<Timestamp>,
    /// When it ended, where it has.
    pub(crate) ended: Option<Timestamp>,
}

/// Looks up the distribution of an image.
pub(crate) fn standing(
    inventory: &Inventory,
    table: &SupportTable,
    now: Timestamp,
) -> SupportStanding {
    let Some(distro) = &inventory.distro else {
        return SupportStanding::default();
    };
    let mut distributions = table.distributions.iter();
    let known = distributions.find(|known| known.ids.contains(&distro.id));
    let Some((releases, name)) = known.and_then(|known| Some((known, release(known, distro)?)))
    else {
        return SupportStanding::default();
    };
    let row = releases.releases.iter().find(|row| row.name == name);
    let Some(row) = row else {
        let detail = unknown(releases, &name, table.of);
        let told = (FindingStatus::Unknown, detail, table.of);
        return SupportStanding {
            finding: finding(inventory, distro, &name, told),
            ..SupportStanding::default()
        };
    };
    let ends = first_instant_after(row.ends());
    if ends.is_some_and(|ends| now < ends) {
        return SupportStanding {
            ends,
            ..SupportStanding::default()
        };
    }
    let detail = ended(releases, row);
    let told = (FindingStatus::Affected, detail, table.of);
    SupportStanding {
        finding: finding(inventory, distro, &name, told),
        ends: None,
        ended: ends,
    }
}

/// Tells when the latest support ended of all that had ended at a time.
pub(crate) fn last_end(table: &SupportTable, now: Timestamp) -> Option<Timestamp> {
    let rows = table.distributions.iter().flat_map(|it| &it.releases);
    let ends = rows.filter_map(|row| first_instant_after(row.ends()));
    ends.filter(|end| *end <= now).max()
}

/// Most characters of a release's name; what an image writes there can be anything.
const MAX_RELEASE: usize = 40;

/// Names the release; none where the distribution rolls on.
fn release(releases: &Distribution, distro: &Distro) -> Option<String> {
    let version = distro.version.as_str();
    let name = match releases.naming {
        Naming::Rolling => return None,
        // Debian's testing and unstable have no number, and every other release has.
        Naming::Parts(_) if distro.id == "debian" && version.is_empty() => return None,
        Naming::Parts(count) => {
            let parts: Vec<&str> = version.split('.').take(count).collect();
            parts.join(".")
        }
        Naming::Suffix => {
            let suffix = distro.ecosystem.as_ref().and_then(|ecosystem| {
                let (_, suffix) = ecosystem.as_str().split_once(':')?;
                Some(suffix.strip_prefix('v').unwrap_or(suffix).to_owned())
            });
            match suffix {
                Some(suffix) if suffix == "edge" => return None,
                Some(suffix) => suffix,
                None => version.to_owned(),
            }
        }
    };
    let name = name.chars().take(MAX_RELEASE);
    let plain = name.filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+'));
    Some(plain.collect())
}

fn ended(releases: &Distribution, row: &Row) -> String {
    let (name, release, ends) = (&releases.name, &row.name, row.ends());
    let open = match &row.open {
        Some(open) => format!(", long-term support ({}) on {ends}", open.name),
        None => String::new(),
    };
    let extended = match &row.extended {
        Some(it) => format!("; extended support ({}) until {}", it.name, it.until),
        None => String::new(),
    };
    let standard = row.until;
    format!("{name} {release} is no longer mended: support ended on {standard}{open}{extended}")
}

fn unknown(releases: &Distribution, release: &str, of: Date) -> String {
    let name = &releases.name;
    format!("the support table of {of} does not know {name} {release}")
}

fn finding(
    inventory: &Inventory,
    distro: &Distro,
    release: &str,
    (status, detail, of): (FindingStatus, String, Date),
) -> Option<Finding> {
    let of_base = inventory.layers.first().map(|layer| &layer.digest);
    let of_any = || inventory.components.first().map(|found| &found.layer);
    // What names a distribution lies in a layer; without one there is nothing to point at.
    let layer = of_base.or_else(of_any)?.clone();
    let id = &distro.id;
    let package = Package::of_language(PackageType::Generic, id, &distro.version);
    Some(Finding {
        id: format!("EOL-{id}-{release}"),
        aliases: Vec::new(),
        advisories: Vec::new(),
        kind: FindingKind::Eol,
        status,
        severity: Severity::Unknown,
        severity_source: None,
        cvss: None,
        kev: false,
        epss: None,
        package: FindingPackage {
            name: id.clone(),
            version: distro.version.clone(),
            purl: purl(&package, None),
            ecosystem: distro.ecosystem.clone(),
            source: None,
            path: EVIDENCE.to_owned(),
            layer,
            layer_origin: None,
            evidence: Evidence::Installed,
        },
        fixed: None,
        published: None,
        fix_published: None,
        source: format!("support table of {of}"),
        detail: Some(detail),
        exception: None,
        vex: Vec::new(),
        attributed: None,
        quieted_by: None,
        copies: 1,
        paths: Vec::new(),
    })
}

fn first_instant_after(day: Date) -> Option<Timestamp> {
    let next = day.tomorrow().ok()?;
    TimeZone::UTC.to_timestamp(next.at(0, 0, 0, 0)).ok()
}

/// Names every release in the table.
#[cfg(test)]
pub(crate) fn known() -> Vec<Distro> {
    let mut known = Vec::new();
    for releases in table::DISTRIBUTIONS {
        for row in releases.rows {
            known.extend(releases.ids.iter().filter_map(|id| {
                let claim = crate::facts::OsClaim {
                    id: (*id).to_owned(),
                    version: row.name.to_owned(),
                    codename: String::new(),
                };
                crate::distro::identify(&[&claim])
            }));
        }
    }
    known
}

#[cfg(test)]
mod tests;
