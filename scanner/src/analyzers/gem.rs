//! Installed Ruby gems: the `*.gemspec` that RubyGems writes below `specifications`, and those of
//! Bundler's Git checkouts, which have no other record.
//!
//! A gemspec is Ruby code and is never run: name and version count where they are literals, as
//! RubyGems writes them. The stub line and the file's name are two more witnesses; where they
//! disagree, every package named is reported and the file is a gap.
//!
//! Source: RubyGems, "Specification Reference", `Gem::StubSpecification`, `Gem::Specification#to_ruby`.

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::{Package, PackageType};

use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, WantedFile, Wants};
use crate::facts::{Observations, Record};
use crate::limits::MIB;

mod literal;

/// The platform of gems that run on every one.
const ANY_PLATFORM: &str = "ruby";

pub(super) struct Gem;

impl Analyzer for Gem {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "language/gem",
            revision: 4,
        }
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![Wants::Ending(".gemspec")]
    }

    /// The largest carry the list of their files and stay below 1 MiB.
    fn max_file_bytes(&self) -> u64 {
        8 * MIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        if let Some(directory) = checkout(file.path) {
            from_checkout(file, directory, found);
            return Ok(());
        }
        if !is_installed(file.path) {
            if let Some(identity) = literal::identity(file.content).complete() {
                found.add_candidate(Record::Gem, package(&identity));
            }
            return Ok(());
        }
        let code = literal::identity(file.content);
        let stub = literal::stub(file.content);
        let Some(stated) = code.complete().or_else(|| stub.clone()) else {
            return Err(AnalyzeError::of(
                "it has no name and version that can be read without running it",
            ));
        };
        found.add(package(&stated));
        let other = stub.filter(|stub| !stub.is_same(&stated));
        if let Some(other) = &other {
            found.add(package(other));
            return Err(disagreement(&stated, "its stub line", &other.full_name()));
        }
        if !is_named_for(file.name(), &stated) {
            return Err(disagreement(&stated, "its file", file.name()));
        }
        Ok(())
    }
}

fn package(identity: &literal::GemIdentity) -> Package {
    let platform = Some(identity.platform.clone());
    Package {
        architecture: platform.filter(|platform| platform != ANY_PLATFORM && !platform.is_empty()),
        ..Package::of_language(PackageType::Gem, &*identity.name, &*identity.version)
    }
    .licensed(Some(&identity.licence))
}

fn disagreement(stated: &literal::GemIdentity, witness: &str, says: &str) -> AnalyzeError {
    let name = stated.full_name();
    AnalyzeError::of(format!("it names {name:?}, {witness} {says:?}"))
}

/// Tells whether a path is `…/specifications/x.gemspec` or `…/specifications/default/x.gemspec`.
pub(super) fn is_installed(path: &str) -> bool {
    path.rsplit('/')
        .skip(1)
        .any(|directory| directory == "specifications")
}

/// Tells whether the file is called `name-version.gemspec` or `name-version-platform.gemspec`.
fn is_named_for(file_name: &str, identity: &literal::GemIdentity) -> bool {
    let rest = file_name.strip_prefix(identity.full_name().as_str());
    rest.is_some_and(|rest| rest == ".gemspec" || rest.starts_with('-'))
}

/// Gives the directory of `…/bundler/gems/directory/x.gemspec`.
fn checkout(path: &str) -> Option<&str> {
    let mut parts = path.rsplit('/').skip(1);
    let directory = parts.next()?;
    (parts.next() == Some("gems") && parts.next() == Some("bundler")).then_some(directory)
}

/// Reads a gemspec that its author wrote: often its version is a constant of the gem's code.
fn from_checkout(file: WantedFile<'_>, directory: &str, found: &mut Observations) {
    if let Some(identity) = literal::identity(file.content).complete() {
        return found.add(package(&identity));
    }
    let detail =
        format!("the gem in the Git checkout {directory:?} has no literal name and version");
    found
        .gaps
        .push(Gap::partial(GapKind::VersionUnknown, detail).at(file.path));
}

#[cfg(test)]
mod tests;
