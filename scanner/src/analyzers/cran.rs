//! Installed R packages: the `DESCRIPTION` of a library's package.
//!
//! Sources have a `DESCRIPTION` too; only installing adds the field `Built`.
//!
//! Source: R, "Writing R Extensions", section 1.1.1 and "R Internals", section 1.

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::{Package, PackageType};

use super::stanza::{stanzas, text};
use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, WantedFile, Wants};
use crate::facts::Observations;
use crate::limits::MIB;

pub(super) struct Cran;

impl Analyzer for Cran {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "language/cran",
            revision: 1,
        }
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![Wants::Named("DESCRIPTION")]
    }

    /// Real ones have some KiB.
    fn max_file_bytes(&self) -> u64 {
        4 * MIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        let Some(stanza) = stanzas(file.content).next() else {
            return Ok(());
        };
        if field(&stanza, b"Built").is_none() {
            return Ok(());
        }
        let (Some(name), Some(version)) = (field(&stanza, b"Package"), field(&stanza, b"Version"))
        else {
            return Err(AnalyzeError::of("it has no name and version"));
        };
        found.add(Package::of_language(PackageType::Cran, name, version));
        if field(&stanza, b"biocViews").is_some() {
            let detail = format!("{name} is of Bioconductor, of which no advisories are read");
            found
                .gaps
                .push(Gap::partial(GapKind::NoFeed, detail).at(file.path));
        }
        Ok(())
    }
}

/// Gives the first line of a field that is there and not empty.
fn field<'a>(stanza: &[&'a [u8]], key: &[u8]) -> Option<&'a str> {
    let value = stanza
        .iter()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(b":"))?;
    text(value).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::tests::analyze;

    const SOURCE: &str = "Package: Rcpp\nTitle: Seamless\n  Version: 9\nVersion: 1.0.10\n";
    const BUILT: &str = "Built: R 4.2.2; x86_64-pc-linux-gnu; 2023-01-23; unix\n";

    #[test]
    fn only_what_was_built_is_installed() {
        let built = format!("{SOURCE}{BUILT}");
        let bioconductor = format!("{built}biocViews: Infrastructure\n");
        for (text, packages, gaps) in [
            (SOURCE, 0, 0),
            (&built, 1, 0),
            (&bioconductor, 1, 1),
            ("Package: a\nBuilt: R 4\n", 0, 1),
            ("Package:\nVersion: 1\nBuilt: R 4\n", 0, 1),
            ("This is a README.\n", 0, 0),
            ("", 0, 0),
        ] {
            let found = analyze(&Cran, "usr/lib/R/library/Rcpp/DESCRIPTION", text.as_bytes());
            assert_eq!(
                (found.packages.len(), found.gaps.len()),
                (packages, gaps),
                "{text}"
            );
        }
        let found = analyze(&Cran, "library/Rcpp/DESCRIPTION", built.as_bytes());
        let wanted = Package::of_language(PackageType::Cran, "Rcpp", "1.0.10");
        assert_eq!(found.packages[0].package, wanted);
    }
}
