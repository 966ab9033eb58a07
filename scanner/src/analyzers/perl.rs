//! Installed Perl distributions: what CPAN's clients and `make install` write down.
//!
//! cpanm and cpm leave `install.json` below `.meta`; modules built with `Makefile.PL` are appended
//! to `perllocal.pod`. A distribution that left only a `.packlist` names no version anywhere.
//!
//! Source: App::cpanminus, `save_meta`; ExtUtils::Install, ExtUtils::Command::MM, `perllocal_install`.

use std::collections::BTreeMap;

use serde::Deserialize;
use sluicegate_model::package::{Package, PackageType};

use super::records::from_json;
use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, WantedFile, Wants};
use crate::facts::Observations;
use crate::limits::MIB;

pub(super) struct Perl;

impl Analyzer for Perl {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "language/perl",
            revision: 1,
        }
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![Wants::Named("install.json"), Wants::Named("perllocal.pod")]
    }

    /// A distribution with thousands of modules has an `install.json` of some 100 KiB.
    fn max_file_bytes(&self) -> u64 {
        8 * MIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        if file.name() == "perllocal.pod" {
            return from_log(file.content, found);
        }
        if file.path.rsplit('/').nth(2) != Some(".meta") {
            return Ok(());
        }
        let record: Record = from_json(file.content)?;
        let Some(name) = distribution(&record.dist) else {
            return Err(AnalyzeError::of("it names no distribution and version"));
        };
        let version = record.dist.get(name.len() + 1..).unwrap_or_default();
        found.add(Package::of_language(PackageType::Cpan, name, version));
        Ok(())
    }
}

#[derive(Deserialize)]
struct Record {
    /// The distribution with its version, such as `libwww-perl-6.13`.
    dist: String,
}

/// Gives the name in `name-version`: the version begins after the last dash before a digit.
fn distribution(dist: &str) -> Option<&str> {
    let mut dashes = dist.rmatch_indices('-');
    let (dash, _) = dashes.find(|(dash, _)| {
        let version = dist.get(dash + 1..).unwrap_or_default();
        let digits = version.strip_prefix('v').unwrap_or(version);
        digits.starts_with(|first: char| first.is_ascii_digit())
    })?;
    dist.get(..dash).filter(|name| !name.is_empty())
}

/// Reads `=head2 … L<Module|Module>` and the `C<VERSION: …>` below it; the last installation counts.
fn from_log(content: &[u8], found: &mut Observations) -> Result<(), AnalyzeError> {
    let mut installed: BTreeMap<String, String> = BTreeMap::new();
    let mut module: Option<&str> = None;
    let mut nameless = 0_u64;
    for line in content.split(|byte| *byte == b'\n') {
        let Ok(line) = std::str::from_utf8(line) else {
            continue;
        };
        if line.starts_with("=head2 ") {
            nameless += u64::from(module.is_some());
            module = line
                .split_once("L<")
                .and_then(|(_, link)| link.split(['|', '>']).next());
            nameless += u64::from(module.is_none());
        } else if let Some(version) = version(line)
            && let Some(module) = module.take()
        {
            installed.insert(module.replace("::", "-"), version.to_owned());
        }
    }
    nameless += u64::from(module.is_some());
    for (name, version) in installed {
        found.add(Package::of_language(PackageType::Cpan, name, version));
    }
    if nameless > 0 {
        return Err(AnalyzeError::of(format!(
            "{nameless} of its installations have no name and version"
        )));
    }
    Ok(())
}

fn version(line: &str) -> Option<&str> {
    let version = line.trim().strip_prefix("C<VERSION: ")?.strip_suffix('>')?;
    (!version.is_empty()).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::tests::analyze;

    fn names(found: &Observations) -> Vec<String> {
        let packages = found.packages.iter().map(|found| &found.package);
        packages
            .map(|package| format!("{} {}", package.name, package.version))
            .collect()
    }

    #[test]
    fn reads_what_clients_of_cpan_record() {
        for (dist, wanted) in [
            ("Hash-MultiValue-0.10", "Hash-MultiValue 0.10"),
            ("version-v1.2.3", "version v1.2.3"),
            ("Test-TCP-2.00_01", "Test-TCP 2.00_01"),
            ("URI-5.1-TRIAL", "URI 5.1-TRIAL"),
        ] {
            let path = format!("usr/local/lib/perl5/x86_64-linux/.meta/{dist}/install.json");
            let text = format!(r#"{{"dist":"{dist}","name":"X","version":"0"}}"#);
            let found = analyze(&Perl, &path, text.as_bytes());
            assert_eq!(
                (names(&found), found.gaps.len()),
                (vec![wanted.to_owned()], 0)
            );
        }
        for (path, gaps) in [(".meta/x/install.json", 1), ("web/install.json", 0)] {
            let found = analyze(&Perl, path, br#"{"dist":"nothing"}"#);
            assert_eq!(
                (found.packages.len(), found.gaps.len()),
                (0, gaps),
                "{path}"
            );
        }
    }

    #[test]
    fn reads_the_log_of_installations() {
        let entry = |module: &str, version: &str| {
            format!(
                "=head2 Tue Nov  2 2021: C<Module> L<{module}|{module}>\n\n=over 4\n\n=item *\n\n\
                 C<installed into: /usr/local>\n\n=item *\n\nC<VERSION: {version}>\n\n=back\n\n"
            )
        };
        let log = [
            entry("DBD::Pg", "3.1"),
            entry("URI", "5.1"),
            entry("DBD::Pg", "3.2"),
        ]
        .concat();
        let found = analyze(&Perl, "usr/lib/perl5/perllocal.pod", log.as_bytes());
        assert_eq!(
            (names(&found), found.gaps.len()),
            (vec!["DBD-Pg 3.2".into(), "URI 5.1".into()], 0)
        );
        let cut = log.replacen("C<VERSION: 3.1>", "", 1);
        let found = analyze(&Perl, "usr/lib/perl5/perllocal.pod", cut.as_bytes());
        assert_eq!((found.packages.len(), found.gaps.len()), (2, 1));
    }
}
