//! What one archive's entries say of Java artifacts.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluicegate_model::coverage::GapKind;
use sluicegate_model::package::{Evidence, Package, PackageType};

use super::artifact::package;
use super::identity::{Conclusion, Contents};
use super::jar_names::JarNames;
use super::manifest::MAX_IDENTITY_BYTES;
use super::marks::Mark;
use super::roots::{self, Root};
use crate::analyzers::entries::{Member, Reading, Source};
use crate::facts::{FoundPackage, Record};

/// Most class paths within one archive that are told apart.
const MAX_ROOTS: usize = 10_000;

/// What an archive says of Java artifacts: of itself, and of others that lie in it unpacked.
pub(in crate::analyzers) struct JarHolding {
    names: Arc<JarNames>,
    own: Contents,
    /// The class paths below the archive's own, by their directories.
    below: BTreeMap<String, Contents>,
}

impl JarHolding {
    /// Begins with the names to go by, and where the archive lies: in the archive that it is in, and in the
    /// image.
    pub(in crate::analyzers) fn new(names: &Arc<JarNames>, path: &str, whole: &str) -> Self {
        Self {
            names: Arc::clone(names),
            own: Contents::new(names, path, whole),
            below: BTreeMap::new(),
        }
    }

    /// Takes what an entry says; tells whether it is Java's.
    pub(in crate::analyzers) fn take(
        &mut self,
        reading: &mut Reading<'_>,
        member: &mut dyn Member,
        inside: &str,
    ) -> bool {
        let name = member.name().to_owned();
        let Some((role, Root { directory, name })) = role(&name) else {
            return false;
        };
        match role {
            Role::Class => {
                self.class(member.name(), directory, name, inside);
                return true;
            }
            Role::Script => {
                self.contents(directory).script();
                return false;
            }
            Role::Mark(Mark::NativeImage { group, name }) => {
                self.contents(directory).native_image(group, name);
                return false;
            }
            Role::Properties | Role::PomXml | Role::Manifest | Role::Mark(_) => {}
        }
        let Some(content) = reading.content(member, inside, MAX_IDENTITY_BYTES) else {
            return true;
        };
        let contents = self.contents(directory);
        match role {
            Role::Properties => contents.properties(name, &content),
            Role::PomXml => contents.pom(name, &content),
            Role::Mark(mark) => contents.mark(mark, &content),
            Role::Manifest | Role::Class | Role::Script => contents.manifest(&content),
        }
        true
    }

    /// Takes a class of this name, which is `name` in the class path of `directory`.
    fn class(&mut self, whole: &str, directory: &str, name: &str, inside: &str) {
        if !roots::is_archive(directory) {
            let own = name_in_archive(whole);
            self.own
                .class(if directory.is_empty() { own } else { name });
            if inside.is_empty() {
                self.own.part(own);
            }
        }
        if let Some(below) = self.below(directory) {
            below.class(name);
            below.part(name);
        }
    }

    /// Records the artifacts; `before` packages were found before those of this archive, whose bytes
    /// are `whole` where it may be one that was published.
    pub(in crate::analyzers) fn conclude(
        self,
        reading: &mut Reading<'_>,
        inside: &str,
        (before, whole): (usize, Option<Source<'_>>),
    ) {
        let mut unnamed = Vec::new();
        let mut of_parts = Vec::new();
        for (directory, contents) in self.below {
            if roots::is_archive(&directory) {
                of_parts.push((directory, contents.conclude()));
            } else {
                unnamed.extend(contents.known_parts());
                of_parts.push((directory, contents.stated_only()));
            }
        }
        for (directory, conclusion) in of_parts {
            record(reading, &Reading::join(inside, &directory), conclusion);
        }
        let version = self.own.version().unwrap_or_default().to_owned();
        let parts = self.own.known_parts();
        let own = self.own.conclude();
        if own.unidentified.is_some() && inside.is_empty() {
            for part in parts {
                reading.candidate(
                    Record::Java(part.classes().to_owned()),
                    Package::of_language(PackageType::Maven, "", &version),
                );
            }
        }
        if let Some(whole) = whole.filter(|_| own.is_unstated) {
            let called = own.called.clone().map(package);
            let doubt = own.unidentified.clone();
            reading.archive(whole, inside, called.or(own.groupless.clone()), doubt);
        }
        record(reading, inside, own);
        unnamed.retain(|known| {
            let packages = reading.packages().get(before..).unwrap_or_default();
            !self.names.is_among(known, artifact_names(packages))
        });
        unnamed.dedup();
        for known in unnamed {
            let detail = format!(
                "the archive holds classes of {known} below its own and does not say of which \
                 version"
            );
            reading.gap(GapKind::JarUnidentified, inside, detail);
        }
    }

    /// Gives what is known of the class path of a directory.
    fn contents(&mut self, directory: &str) -> &mut Contents {
        if self.is_own(directory) {
            &mut self.own
        } else {
            let begin = || Contents::new(&self.names, directory, directory);
            self.below.entry(directory.to_owned()).or_insert_with(begin)
        }
    }

    /// Tells whether a directory is the archive's own class path, as all are once there are too many.
    fn is_own(&self, directory: &str) -> bool {
        let is_full = self.below.len() >= MAX_ROOTS && !self.below.contains_key(directory);
        directory.is_empty() || is_full
    }

    /// Gives the class path of a directory; none for the archive's own.
    fn below(&mut self, directory: &str) -> Option<&mut Contents> {
        (!self.is_own(directory)).then(|| self.contents(directory))
    }
}

fn artifact_names(packages: &[FoundPackage]) -> impl Iterator<Item = &str> {
    let java = packages
        .iter()
        .filter(|found| found.package.package_type == PackageType::Maven);
    java.filter_map(|found| found.package.name.split_once(':'))
        .map(|(_, artifact)| artifact)
}

fn record(reading: &mut Reading<'_>, inside: &str, conclusion: Conclusion) {
    let Conclusion {
        artifacts,
        inferred,
        groupless,
        unreadable,
        unidentified,
        is_unstated: _,
        called: _,
    } = conclusion;
    for artifact in artifacts {
        reading.add(package(artifact), inside, Evidence::Installed);
    }
    let inferred = inferred.map(package).into_iter().chain(groupless);
    for package in inferred {
        reading.add(package, inside, Evidence::Inferred);
    }
    for name in unreadable {
        reading.unreadable(inside, &name, "it names no group, artifact and version");
    }
    if let Some(detail) = unidentified {
        reading.gap(GapKind::JarUnidentified, inside, detail);
    }
}

/// What an entry is to its class path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role<'n> {
    Properties,
    PomXml,
    Manifest,
    Class,
    /// Served or run without classes.
    Script,
    Mark(Mark<'n>),
}

/// Tells what an entry is to its class path, and which that is.
fn role(name: &str) -> Option<(Role<'_>, Root<'_>)> {
    let ends = |ending: &str| {
        let start = name.len().checked_sub(ending.len());
        let tail = start.and_then(|start| name.as_bytes().get(start..));
        tail.is_some_and(|tail| tail.eq_ignore_ascii_case(ending.as_bytes()))
    };
    if ends(".class") {
        return Some((Role::Class, roots::of_class(name)));
    }
    if is_script(name) {
        let directory = "";
        return Some((Role::Script, Root { directory, name }));
    }
    let role = if ends("/pom.properties") {
        Role::Properties
    } else if ends("/pom.xml") {
        Role::PomXml
    } else if ends("meta-inf/manifest.mf") {
        Role::Manifest
    } else if ends(".version") || ends(".properties") || name.contains("META-INF/native-image/") {
        let root = roots::of_record(name)?;
        return Some((Role::Mark(Mark::of(root.name)?), root));
    } else {
        return None;
    };
    let root = roots::of_record(name)?;
    let is_maven = role == Role::Manifest || roots::is_of_maven(root.name);
    is_maven.then_some((role, root))
}

/// Tells whether a server serves such a file from an archive, or a runtime runs it.
fn is_script(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    matches!(
        ending,
        Some("js" | "mjs" | "css" | "html" | "jsp" | "wasm" | "clj" | "cljc" | "rb" | "groovy")
    )
}

/// Gives a class's name without what tools put before all of an archive's classes.
///
/// Source: OpenJDK, `jmod`; Maven, "Standard Directory Layout".
fn name_in_archive(name: &str) -> &str {
    name.strip_prefix("classes/").unwrap_or(name)
}
