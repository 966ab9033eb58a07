//! Whether an advisory speaks of this build of a package: its module stream, its architecture.
//!
//! Packages built in a module share names with those of other streams and with those built in none,
//! and their versions say nothing about each other. Pure. Called by `judge`. Source: Fedora
//! modularity, "Modularity label".

use sluicegate_model::advisory::{Advisory, RangeEvent};
use sluicegate_model::package::{Package, PackageType};

use crate::feeds::scope::is_modular;
use crate::matchers::Affected;

/// Limits what the versions say to the builds that the advisory is about.
pub(super) fn limited(affected: Affected, package: &Package, advisory: &Advisory) -> Affected {
    if affected == Affected::No || package.package_type != PackageType::Rpm {
        return affected;
    }
    if !has_architecture(package, advisory) || !is_listed(package, advisory) {
        return Affected::No;
    }
    match stream(package, advisory) {
        Some(true) => affected,
        Some(false) => Affected::No,
        None => Affected::Unknown,
    }
}

fn has_architecture(package: &Package, advisory: &Advisory) -> bool {
    let installed = package.architecture.as_deref();
    let Some(stated) = advisory.scope.architecture.as_deref() else {
        return true;
    };
    installed.is_none_or(|installed| installed == stated || installed == "noarch")
}

/// A record that lists installed packages beside the source speaks of no others.
fn is_listed(package: &Package, advisory: &Advisory) -> bool {
    let listed = &advisory.scope.binaries;
    listed.is_empty() || listed.contains(&package.name)
}

/// Tells whether package and advisory are of one stream, or both of none; none where one of them
/// does not say.
fn stream(package: &Package, advisory: &Advisory) -> Option<bool> {
    let label = package
        .source
        .as_ref()
        .and_then(|source| source.module.as_deref());
    let installed = is_modular(&package.version) || label.is_some();
    let spoken_of = advisory.ranges.iter().any(|range| {
        range.events.iter().any(|event| match event {
            RangeEvent::Fixed(version) | RangeEvent::LastAffected(version) => is_modular(version),
            RangeEvent::Introduced(_) | RangeEvent::Limit(_) => false,
        })
    });
    if !installed || !spoken_of {
        // A weakness without a fix is in every build of the package.
        let has_end = advisory.ranges.iter().any(|range| {
            let mut events = range.events.iter();
            events.any(|event| matches!(event, RangeEvent::Fixed(_) | RangeEvent::LastAffected(_)))
        });
        return Some(installed == spoken_of || !has_end);
    }
    let streams = &advisory.scope.modules;
    let mut parts = label?.splitn(3, ':');
    let own = format!("{}:{}", parts.next()?, parts.next()?);
    (!streams.is_empty()).then(|| streams.contains(&own))
}

#[cfg(test)]
mod tests {
    use sluicegate_model::advisory::{Range, Scope};
    use sluicegate_model::package::SourcePackage;

    use super::*;
    use crate::testing;

    const MODULAR: &str = "1:16.20.2-4.module_el8.9.0+3+a";

    fn package(version: &str, module: Option<&str>) -> Package {
        Package {
            architecture: Some("x86_64".to_owned()),
            source: Some(SourcePackage {
                name: "nodejs".to_owned(),
                version: version.to_owned(),
                module: module.map(str::to_owned),
            }),
            ..Package::of_language(PackageType::Rpm, "nodejs", version)
        }
    }

    fn advisory(fixed: Option<&str>, scope: Scope) -> Advisory {
        let start = RangeEvent::Introduced("0".to_owned());
        let end = fixed.map(|version| RangeEvent::Fixed(version.to_owned()));
        let events = std::iter::once(start).chain(end).collect();
        Advisory {
            scope,
            ranges: vec![Range { events }],
            ..testing::advisory("ALSA-1")
        }
    }

    fn of_streams(streams: &[&str]) -> Scope {
        Scope {
            modules: streams.iter().map(|text| (*text).to_owned()).collect(),
            ..Scope::default()
        }
    }

    #[test]
    fn asks_only_the_stream_that_is_installed() {
        use Affected::{No, Unknown, Yes};
        let (label, plain) = (Some("nodejs:16:8090020240101:a1b2"), "1:16.20.2-4.el8");
        let fix = "1:18.1.0-1.module_el8.9.0+9+b";
        for (installed, label, fixed, streams, wanted) in [
            (MODULAR, label, Some(fix), &["nodejs:16"][..], Yes),
            (MODULAR, label, Some(fix), &["nodejs:18"], No),
            (MODULAR, label, Some(fix), &["nodejs:18", "nodejs:16"], Yes),
            (MODULAR, label, Some(fix), &[], Unknown),
            (MODULAR, None, Some(fix), &["nodejs:16"], Unknown),
            (plain, None, Some(fix), &["nodejs:16"], No),
            (MODULAR, label, Some("1:20-1.el8"), &[], No),
            (plain, None, Some("1:20-1.el8"), &[], Yes),
            (MODULAR, label, None, &[], Yes),
        ] {
            let said = limited(
                Yes,
                &package(installed, label),
                &advisory(fixed, of_streams(streams)),
            );
            assert_eq!(said, wanted, "{installed} {label:?} {fixed:?} {streams:?}");
        }
        let other = advisory(Some(fix), of_streams(&[]));
        assert_eq!(limited(No, &package(MODULAR, None), &other), No);
    }

    #[test]
    fn asks_only_the_architecture_and_the_packages_that_are_named() {
        use Affected::{No, Yes};
        let of = |architecture: Option<&str>, binaries: &[&str]| Scope {
            architecture: architecture.map(str::to_owned),
            binaries: binaries.iter().map(|text| (*text).to_owned()).collect(),
            ..Scope::default()
        };
        for (scope, wanted) in [
            (of(Some("aarch64"), &[]), No),
            (of(Some("x86_64"), &[]), Yes),
            (of(None, &["nodejs-docs"]), No),
            (of(None, &["nodejs-docs", "nodejs"]), Yes),
        ] {
            let shown = format!("{scope:?}");
            let package = package("1-1", None);
            let said = limited(Yes, &package, &advisory(Some("2-1"), scope));
            assert_eq!(said, wanted, "{shown}");
        }
    }
}
