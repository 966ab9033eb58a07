//! Which version of a system package is compared where somebody else than the distribution built it.
//!
//! Its epoch and suffix order it among its builder's own versions, not among the distribution's. So
//! it is compared as the distribution would have called it, and what comes out is never more than
//! "unknown": neither that it is affected nor that it is fixed.

use std::borrow::Cow;

use sluicegate_model::advisory::{Advisory, RangeEvent};
use sluicegate_model::package::{Component, PackageType, Standing};

use crate::matchers::{Affected, Side};
use crate::versions::parts::parts;

/// A version to compare.
pub(super) struct Build<'a> {
    pub(super) version: Cow<'a, str>,
    /// Whether somebody else built it.
    is_foreign: bool,
    /// Whether its epoch was raised to one that none of the advisories knows.
    pub(super) has_own_epoch: bool,
}

impl<'a> Build<'a> {
    /// Says which version is compared with those that advisories on one package name.
    pub(super) fn of(
        component: &Component,
        version: &'a str,
        side: Side,
        advisories: &[Advisory],
    ) -> Self {
        let package_type = component.package.package_type;
        let may_have_epoch = match package_type {
            PackageType::Deb | PackageType::Pacman => true,
            // What names the source of an RPM package names no epoch.
            PackageType::Rpm => side == Side::Installed,
            _ => false,
        };
        let own = parts(package_type, version);
        // None can be raised to none.
        let known = if may_have_epoch && number(own.epoch) > 0 {
            Epochs::of(package_type, advisories, own.epoch)
        } else {
            Epochs::default()
        };
        let lowest = known.lowest;
        // A lower one is that of the distribution's own older packages, and is compared as older.
        let is_raised = lowest.is_some_and(|lowest| number(lowest) < number(own.epoch));
        let has_own_epoch = is_raised && !known.have_own;
        let is_foreign = has_own_epoch || component.standing == Standing::ThirdParty;
        if !is_foreign {
            return Self {
                version: Cow::Borrowed(version),
                is_foreign,
                has_own_epoch,
            };
        }
        // Of several epochs the lowest finds most.
        let epoch = lowest.filter(|_| is_raised).unwrap_or(own.epoch);
        let revision = plain_revision(own.revision);
        let mut version = own.upstream.to_owned();
        if !epoch.is_empty() {
            version = format!("{epoch}:{version}");
        }
        if !revision.is_empty() {
            let mark = if package_type == PackageType::Apk {
                "-r"
            } else {
                "-"
            };
            version = format!("{version}{mark}{revision}");
        }
        Self {
            version: Cow::Owned(version),
            is_foreign,
            has_own_epoch,
        }
    }

    /// Takes from an answer what is not known of somebody else's build.
    pub(super) fn limit(&self, affected: Affected) -> Affected {
        match affected {
            Affected::Yes if self.is_foreign => Affected::Unknown,
            other => other,
        }
    }
}

/// Gives an epoch as it is ordered; none is zero.
fn number(epoch: &str) -> u64 {
    epoch.parse().unwrap_or(0)
}

/// The epochs of all versions that advisories name; none is the empty one.
#[derive(Default)]
struct Epochs<'a> {
    lowest: Option<&'a str>,
    /// Whether a version's own is among them.
    have_own: bool,
}

impl<'a> Epochs<'a> {
    fn of(package_type: PackageType, advisories: &'a [Advisory], own: &str) -> Self {
        let mut known = Self::default();
        for version in named(advisories) {
            let epoch = parts(package_type, version).epoch;
            known.have_own |= epoch == own;
            // Thousands of versions have the same.
            if known.lowest != Some(epoch) {
                let lowest = known.lowest.into_iter().chain([epoch]);
                known.lowest = lowest.min_by_key(|epoch| (number(epoch), *epoch));
            }
        }
        known
    }
}

/// Gives all versions that advisories name, but those that mean the beginning and the end.
fn named(advisories: &[Advisory]) -> impl Iterator<Item = &str> {
    let ranges = advisories.iter().flat_map(|advisory| &advisory.ranges);
    let bounds = ranges
        .flat_map(|range| &range.events)
        .map(|event| match event {
            RangeEvent::Introduced(version)
            | RangeEvent::Fixed(version)
            | RangeEvent::LastAffected(version)
            | RangeEvent::Limit(version) => version,
        })
        .filter(|version| !matches!(version.as_str(), "0" | "*"));
    let listed = advisories.iter().flat_map(|advisory| &advisory.versions);
    bounds.chain(listed).map(String::as_str)
}

/// Gives a revision up to what somebody else than the distribution may have added: its number, and
/// what Debian's stable updates and Enterprise Linux add.
fn plain_revision(revision: &str) -> &str {
    let digits = |text: &str| {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
        end.unwrap_or(text.len())
    };
    let mut end = digits(revision);
    let after = |end: usize| revision.get(end..).unwrap_or_default();
    while let Some(update) = after(end).strip_prefix("+deb") {
        let release = digits(update);
        let Some(number) = update
            .get(release..)
            .and_then(|rest| rest.strip_prefix('u'))
        else {
            break;
        };
        end = revision.len() - number.len() + digits(number);
    }
    if let Some(release) = after(end).strip_prefix("el") {
        end = revision.len() - release.len() + digits(release);
    }
    let plain = revision.get(..end).unwrap_or_default();
    plain.trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_is_cut_where_somebody_elses_begins() {
        for (revision, wanted) in [
            ("1", "1"),
            ("1+rpt1", "1"),
            ("1+deb12u3+rpt1", "1+deb12u3"),
            ("1nodesource1", "1"),
            ("1.pgdg120+1", "1"),
            ("1+0~20241122.56+debian12~1.gbp4be2cd", "1"),
            ("1.el9.remi", "1.el9"),
            ("", ""),
        ] {
            assert_eq!(plain_revision(revision), wanted, "{revision}");
        }
    }
}
