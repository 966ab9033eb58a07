//! What a Java archive is, from everything that it says about itself. Pure; `jar.rs` reads it.
//!
//! Stated by a file or the manifest that agrees with the archive's own name, by its place in a
//! repository, or known by name, version and classes: a component. Agreed on by several marks: one
//! that is called inferred. Only guessed, or nothing at all: a gap with what is known in it.

use std::collections::BTreeSet;
use std::sync::Arc;

use sluicegate_model::package::Package;

use super::artifact::{Artifact, without_group};
use super::directories::Directories;
use super::file_name::{self, FileName};
use super::inferred::Hints;
use super::jar_names::{JarNames, WellKnown};
use super::manifest::Manifest;
use super::marks::{Mark, Marks};
use super::roots;
use super::stated::Stated;

/// Where the classes of a Java runtime lie. No application may have its own in most of them.
const RUNTIME_CLASSES: [&str; 13] = [
    "java/",
    "javax/",
    "jdk/",
    "sun/",
    "com/sun/",
    "com/oracle/",
    "netscape/javascript/",
    "oracle/jrockit/",
    "org/ietf/jgss/",
    "org/jcp/",
    "org/omg/",
    "org/w3c/dom/",
    "org/xml/sax/",
];

/// Most parts of a group that may stand before an archive's own name; real ones have up to seven.
const MAX_PARTS: usize = 16;

/// What is to be recorded about an archive.
pub(super) struct Conclusion {
    pub(super) artifacts: Vec<Artifact>,
    /// What the archive is itself, where its marks agree on it and none states it.
    pub(super) inferred: Option<Artifact>,
    /// What the archive is itself, as far as its name says, where no group is known.
    pub(super) groupless: Option<Package>,
    /// The files that should state an artifact and do not.
    pub(super) unreadable: Vec<String>,
    /// Why the archive itself is not identified, for a person.
    pub(super) unidentified: Option<String>,
    /// Whether nothing states what the archive is itself.
    pub(super) is_unstated: bool,
    /// What the archive is itself by its name, its place, tables or marks; among the others as well.
    pub(super) called: Option<Artifact>,
}

/// What an archive says about itself.
pub(super) struct Contents {
    names: Arc<JarNames>,
    path: String,
    file: FileName,
    stated: Stated,
    marks: Marks,
    manifest: Manifest,
    directories: Directories,
    classes: bool,
    /// Whether it has files that programs serve or run without classes.
    scripts: bool,
    other_than_runtime: bool,
    /// Artifacts that are known by the directories of their classes.
    parts: BTreeSet<Arc<WellKnown>>,
}

impl Contents {
    /// Begins with the names to go by, and where the archive lies: in the archive that it is in, and in the
    /// image.
    pub(super) fn new(names: &Arc<JarNames>, path: &str, whole: &str) -> Self {
        Self {
            names: Arc::clone(names),
            path: path.to_owned(),
            file: file_name::split(own_name(whole)),
            stated: Stated::default(),
            marks: Marks::default(),
            manifest: Manifest::default(),
            directories: Directories::default(),
            classes: false,
            scripts: false,
            other_than_runtime: false,
            parts: BTreeSet::new(),
        }
    }

    /// Takes a `pom.properties`.
    pub(super) fn properties(&mut self, name: &str, content: &[u8]) {
        self.stated.properties(name, content);
    }

    /// Takes a `pom.xml`.
    pub(super) fn pom(&mut self, name: &str, content: &[u8]) {
        self.stated.pom(name, content);
    }

    /// Takes the manifest.
    pub(super) fn manifest(&mut self, content: &[u8]) {
        self.manifest = Manifest::read(content);
    }

    /// Takes the mark of an artifact that its content states.
    pub(super) fn mark(&mut self, mark: Mark<'_>, content: &[u8]) {
        self.marks.content(mark, content);
    }

    /// Takes a directory for native images.
    pub(super) fn native_image(&mut self, group: &str, name: &str) {
        self.marks.native_image(group, name);
    }

    /// Takes a file that programs serve or run without classes.
    pub(super) fn script(&mut self) {
        self.scripts = true;
    }

    /// Takes the name of a class.
    pub(super) fn class(&mut self, name: &str) {
        self.classes = true;
        // Classes for newer runtimes lie one level deeper. Source: JAR File Specification.
        let name = name
            .strip_prefix("META-INF/versions/")
            .and_then(|rest| rest.split_once('/'))
            .map_or(name, |(_, name)| name);
        self.directories.add(name);
        let of_runtime = RUNTIME_CLASSES.iter().any(|dir| name.starts_with(dir));
        self.other_than_runtime |= !of_runtime && name != "module-info.class";
    }

    /// Takes the name of a class that lies below an archive's own.
    pub(super) fn part(&mut self, name: &str) {
        let below = || {
            let (_, rest) = name.split_once('/')?;
            self.names.by_class(rest)
        };
        let known = self.names.by_class(name).or_else(below);
        if let Some(known) = known.filter(|known| !self.parts.contains(*known)) {
            self.parts.insert(Arc::clone(known));
        }
    }

    /// Gives the artifacts that its classes are known to be of.
    pub(super) fn known_parts(&self) -> Vec<Arc<WellKnown>> {
        self.parts.iter().cloned().collect()
    }

    /// Gives the version by its file's name, or as the manifest states it.
    pub(super) fn version(&self) -> Option<&str> {
        let version = self.file.version.as_deref();
        version.or(self.manifest.version())
    }

    /// Decides what a directory of classes is that is no archive: what is stated in it.
    pub(super) fn stated_only(mut self) -> Conclusion {
        (self.classes, self.scripts) = (false, false);
        self.conclude()
    }

    /// Decides what the archive is.
    pub(super) fn conclude(mut self) -> Conclusion {
        self.read_as_bundle();
        let (artifacts, unreadable) = self.stated.artifacts(&self.file, self.version());
        let mut conclusion = Conclusion {
            artifacts,
            inferred: None,
            groupless: None,
            unreadable,
            unidentified: None,
            is_unstated: false,
            called: None,
        };
        if self.classes {
            let stated: BTreeSet<_> = conclusion.artifacts.iter().collect();
            let modules = self.marks.modules();
            let new = modules.filter(|module| !stated.contains(module));
            let new: Vec<_> = new.cloned().collect();
            conclusion.artifacts.extend(new);
        }
        let is_code = self.classes || (self.scripts && roots::is_archive(&self.path));
        if is_code && !self.is_any_of(&conclusion.artifacts) && !self.is_of_runtime() {
            self.seek_own(&mut conclusion);
        }
        conclusion
    }

    /// Takes `name_version` for the file's name where the manifest says that it is a bundle's.
    fn read_as_bundle(&mut self) {
        let (name, version) = (&self.manifest.bundle_name, &self.manifest.bundle_version);
        if let (Some(name), Some(version)) = (name, version)
            && let Some(file) = self.file.as_bundle(name, version)
        {
            self.file = file;
        }
    }

    fn is_of_runtime(&self) -> bool {
        let is_module = self.path.rsplit('.').next() == Some("jmod");
        let may_be = self.manifest.is_java_runtime() || is_module;
        may_be && !self.other_than_runtime
    }

    /// Tells whether one of the artifacts is the archive itself: the file is called by it, or was
    /// named anew by whoever put it there and the manifest says so.
    fn is_any_of(&self, artifacts: &[Artifact]) -> bool {
        let is_alone = artifacts.len() == 1;
        artifacts.iter().any(|artifact| {
            self.file.is_of(artifact) || self.is_under_another_name(artifact, is_alone)
        })
    }

    /// Tells whether a file without a version in its name is an artifact that the manifest names,
    /// starts in the packages of, or has the version of.
    fn is_under_another_name(&self, artifact: &Artifact, is_alone: bool) -> bool {
        if self.file.version.is_some() || self.file.is_of_sister(artifact) {
            return false;
        }
        let tail = artifact.name.strip_prefix(self.file.artifact.as_str());
        let is_begun = tail.is_some_and(|tail| tail.starts_with('-'));
        let is_of_version = self.manifest.version() == Some(artifact.version.as_str());
        self.manifest.is_of(artifact)
            || self.manifest.starts_in(&artifact.group)
            || (is_of_version && (is_begun || is_alone))
    }

    fn seek_own(&self, conclusion: &mut Conclusion) {
        conclusion.is_unstated = true;
        let proven = file_name::repository(&self.path)
            .or_else(|| self.whole_in_manifest())
            .or_else(|| self.for_native_images())
            .or_else(|| self.well_known())
            .or_else(|| self.built_by_sbt());
        if let Some(artifact) = proven.filter(Artifact::is_believable) {
            conclusion.called = Some(artifact.clone());
            conclusion.artifacts.push(artifact);
            return;
        }
        let group = self.group_of_namesake(&conclusion.artifacts);
        let group = group.or_else(|| self.hints().agreed(&self.file.artifact));
        let inferred = self.of_group(group);
        if inferred.is_some() {
            conclusion.called.clone_from(&inferred);
            conclusion.inferred = inferred;
            return;
        }
        let guess = self.of_group(self.hints().guessed(&self.file.artifact));
        conclusion.unidentified = Some(self.describe(guess.as_ref()));
        let version = self.version();
        conclusion.groupless = version.and_then(|it| without_group(&self.file.artifact, it));
    }

    /// Gives the group of the artifact inside that is called as the file is, of another version: what
    /// was released of a snapshot, for one.
    fn group_of_namesake(&self, artifacts: &[Artifact]) -> Option<String> {
        let mut namesakes = artifacts.iter().filter(|it| it.name == self.file.artifact);
        let group = namesakes.next()?.group.clone();
        namesakes.all(|it| it.group == group).then_some(group)
    }

    /// Gives what the manifest states whole, where the file is called so or without a version.
    fn whole_in_manifest(&self) -> Option<Artifact> {
        let artifact = self.manifest.coordinates()?;
        let is_renamed = self.file.version.is_none() && !self.file.is_of_sister(&artifact);
        (is_renamed || self.file.is_of(&artifact)).then_some(artifact)
    }

    /// Gives the artifact of GraalVM's directories that the file is called by.
    fn for_native_images(&self) -> Option<Artifact> {
        let (group, name) = self.marks.group_of(&self.file)?;
        Some(Artifact::new(group, name, self.version()?))
    }

    /// Gives the artifact that is known by the file's name, before which the group may stand.
    fn well_known(&self) -> Option<Artifact> {
        let whole = self.file.artifact.as_str();
        let dots = whole.match_indices('.').map(|(at, _)| at).take(MAX_PARTS);
        let with_group = dots.filter_map(|at| Some((whole.get(..at)?, whole.get(at + 1..)?)));
        let mut names = std::iter::once(("", whole)).chain(with_group);
        names.find_map(|(group, name)| {
            let version = self.version().or_else(|| self.version_of_classes(name))?;
            let known = self.names.by_file(name, version)?;
            let is_here = self.directories.has(known.classes());
            let is_groups = group.is_empty() || known.is_of(group);
            (is_here && is_groups).then(|| known.artifact(name, version))
        })
    }

    /// Gives the version that a named section states of the classes of a known artifact. Of those of
    /// a specification, it is the specification's.
    fn version_of_classes(&self, name: &str) -> Option<&str> {
        let classes = self.names.classes(name);
        let own = classes.filter(|directory| !directory.starts_with("javax/"));
        let mut here = own.filter(|directory| self.directories.has(directory));
        here.find_map(|directory| self.manifest.version_in(directory))
    }

    /// Only sbt puts Scala's version into the name, and it always states the group as the vendor.
    fn built_by_sbt(&self) -> Option<Artifact> {
        let (_, scala) = self.file.artifact.rsplit_once('_')?;
        let is_scala = scala == "3" || scala.starts_with("2.1");
        let group = self.manifest.vendor().filter(|_| is_scala)?;
        self.of_group(Some(group.to_owned()))
    }

    fn hints(&self) -> Hints<'_> {
        Hints {
            names: &self.names,
            manifest: &self.manifest,
            directories: &self.directories,
            marks: &self.marks,
        }
    }

    /// Gives the artifact of a group by the file's name.
    fn of_group(&self, group: Option<String>) -> Option<Artifact> {
        let artifact = Artifact::new(&group?, &self.file.artifact, self.version()?);
        artifact.is_believable().then_some(artifact)
    }

    fn describe(&self, guess: Option<&Artifact>) -> String {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        let version = self.version().unwrap_or("of an unknown version");
        let may_be = guess.map_or_else(
            || {
                let title = self.manifest.name().unwrap_or(&self.file.artifact);
                let title: String = title.chars().take(120).collect();
                format!("{title} {version}")
            },
            |guess| format!("{}:{}:{}", guess.group, guess.name, guess.version),
        );
        format!(
            "the archive {name:?} does not prove which Maven artifact it is; it may be {may_be:?}"
        )
    }
}

/// Gives the name of the file that an archive is called by: those in an Android library are the
/// library's own. Source: Android, "Anatomy of an AAR file".
fn own_name(path: &str) -> &str {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    let is_own = matches!(name, "classes.jar" | "lint.jar" | "api.jar");
    let outer = directory.rsplit('/').next().unwrap_or_default();
    if is_own && outer.to_ascii_lowercase().ends_with(".aar") {
        outer
    } else {
        name
    }
}
