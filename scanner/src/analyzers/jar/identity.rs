//! What a Java archive is, from everything that it says about itself. Pure; `jar.rs` reads it.
//!
//! Stated by Maven's own files, by its place in a repository, or known by name and classes: a
//! component. Guessed from the manifest: a component and a gap. Nothing at all: a gap.

use std::collections::{BTreeMap, BTreeSet};

use super::artifact::Artifact;
use super::file_name::{self, FileName};
use super::manifest::Manifest;
use super::pom::{self, Pom};
use super::well_known::{self, Known};

/// Longest coordinate that is believed, in bytes; Maven Central's longest has about a hundred.
const MAX_COORDINATE_BYTES: usize = 512;

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

/// What is to be recorded about an archive.
pub(super) struct Conclusion {
    pub(super) artifacts: Vec<Artifact>,
    /// The files that should state an artifact and do not.
    pub(super) unreadable: Vec<String>,
    /// Why the archive itself is not identified, for a person.
    pub(super) unidentified: Option<String>,
}

/// What an archive says about itself.
pub(super) struct Contents {
    path: String,
    file: FileName,
    known: Option<Known>,
    /// What Maven put in, by directory: `pom.properties` and `pom.xml` stand for one artifact.
    stated: BTreeMap<String, Stated>,
    manifest: Manifest,
    classes: bool,
    known_classes: bool,
    other_than_runtime: bool,
    /// Artifacts that are known by the directories of their classes.
    parts: BTreeSet<Known>,
}

#[derive(Default)]
struct Stated {
    properties: Vec<Option<Artifact>>,
    poms: Vec<Pom>,
}

impl Contents {
    /// Begins with where the archive lies.
    pub(super) fn new(path: &str) -> Self {
        let file = file_name::split(path.rsplit('/').next().unwrap_or_default());
        Self {
            path: path.to_owned(),
            known: well_known::by_file(&file.artifact),
            file,
            stated: BTreeMap::new(),
            manifest: Manifest::default(),
            classes: false,
            known_classes: false,
            other_than_runtime: false,
            parts: BTreeSet::new(),
        }
    }

    /// Takes a `pom.properties`.
    pub(super) fn properties(&mut self, name: &str, content: &[u8]) {
        let artifact = pom::properties(content);
        self.stated(name).properties.push(artifact);
    }

    /// Takes a `pom.xml`.
    pub(super) fn pom(&mut self, name: &str, content: &[u8]) {
        let pom = pom::xml(content);
        self.stated(name).poms.push(pom);
    }

    /// Takes the manifest.
    pub(super) fn manifest(&mut self, content: &[u8]) {
        self.manifest = Manifest::read(content);
    }

    /// Takes the name of a class.
    pub(super) fn class(&mut self, name: &str) {
        self.classes = true;
        // Classes for newer runtimes lie one level deeper. Source: JAR File Specification.
        let name = name
            .strip_prefix("META-INF/versions/")
            .and_then(|rest| rest.split_once('/'))
            .map_or(name, |(_, name)| name);
        self.known_classes |= self
            .known
            .is_some_and(|known| name.starts_with(known.classes));
        let of_runtime = RUNTIME_CLASSES.iter().any(|dir| name.starts_with(dir));
        self.other_than_runtime |= !of_runtime && name != "module-info.class";
    }

    /// Takes the name of a class that lies below an archive's own.
    pub(super) fn part(&mut self, name: &str) {
        let below = || {
            let (_, rest) = name.split_once('/')?;
            well_known::by_class(rest)
        };
        self.parts.extend(well_known::by_class(name).or_else(below));
    }

    /// Gives the artifacts that its classes are known to be of.
    pub(super) fn known_parts(&self) -> Vec<Known> {
        self.parts.iter().copied().collect()
    }

    /// Decides what a directory of classes is that is no archive: what is stated in it.
    pub(super) fn stated_only(mut self) -> Conclusion {
        self.classes = false;
        self.conclude()
    }

    /// Decides what the archive is.
    pub(super) fn conclude(self) -> Conclusion {
        let mut conclusion = Conclusion {
            artifacts: Vec::new(),
            unreadable: Vec::new(),
            unidentified: None,
        };
        let alone = self.stated.len() == 1;
        for (directory, stated) in &self.stated {
            let found = self.artifacts_of(directory, stated, alone);
            if found.is_empty() {
                conclusion.unreadable.push(directory.clone());
            }
            conclusion.artifacts.extend(found);
        }
        if self.classes && !self.names_itself(&conclusion.artifacts) {
            self.seek_own(&mut conclusion);
        }
        conclusion
    }

    fn stated(&mut self, name: &str) -> &mut Stated {
        let directory = name.rsplit_once('/').map_or("", |(directory, _)| directory);
        self.stated.entry(directory.to_owned()).or_default()
    }

    /// Gives what the files in one directory state; `alone` says that they are the only ones.
    fn artifacts_of(&self, directory: &str, stated: &Stated, alone: bool) -> Vec<Artifact> {
        let properties = stated.properties.iter().flatten().cloned();
        let mut found: Vec<_> = properties.filter(is_believable).collect();
        if found.is_empty() {
            let poms = stated.poms.iter();
            let resolved = poms.filter_map(|pom| self.resolve(directory, pom, alone));
            found.extend(resolved.filter(is_believable));
        }
        found
    }

    /// Fills in what a `pom.xml` leaves open from its path, the file's name and the manifest.
    fn resolve(&self, directory: &str, pom: &Pom, alone: bool) -> Option<Artifact> {
        let path = format!("{directory}/pom.xml");
        let in_path = pom::coordinates_in_path(&path);
        let group = pom.group.clone();
        let name = pom.artifact.clone();
        let name = name.or_else(|| in_path.map(|(_, name)| name.to_owned()))?;
        let own = alone || name == self.file.artifact;
        let own_version = || {
            let version = self.file.version.as_deref();
            version.or(self.manifest.version()).map(str::to_owned)
        };
        let version = pom.version.clone();
        Some(Artifact {
            group: group.or_else(|| in_path.map(|(group, _)| group.to_owned()))?,
            version: version.or_else(|| own.then(own_version).flatten())?,
            name,
        })
    }

    /// Tells whether one of the artifacts has the archive's own name, classifiers aside.
    fn names_itself(&self, artifacts: &[Artifact]) -> bool {
        let version = self.file.version.as_deref().unwrap_or_default();
        let own = plain(&format!("{}{version}", self.file.artifact));
        artifacts
            .iter()
            .map(|artifact| plain(&artifact.name))
            .any(|name| !name.is_empty() && own.starts_with(&name))
    }

    /// Tells whether one of the artifacts may be the archive itself, under another name.
    ///
    /// A file without a version in its name was named by whoever put it there. One with a version
    /// must agree with something in it.
    fn may_be_one_of(&self, artifacts: &[Artifact]) -> bool {
        let Some(version) = &self.file.version else {
            return !artifacts.is_empty();
        };
        artifacts
            .iter()
            .any(|artifact| version.starts_with(&artifact.version))
    }

    fn seek_own(&self, conclusion: &mut Conclusion) {
        let is_module = self.path.rsplit('.').next() == Some("jmod");
        let may_be_runtime = self.manifest.is_java_runtime() || is_module;
        if may_be_runtime && !self.other_than_runtime {
            return;
        }
        let proven = file_name::repository(&self.path)
            .or_else(|| self.well_known())
            .or_else(|| self.built_by_sbt());
        if let Some(artifact) = proven.filter(is_believable) {
            conclusion.artifacts.push(artifact);
        } else if !self.may_be_one_of(&conclusion.artifacts) {
            let guess = self.guess().filter(is_believable);
            conclusion.unidentified = Some(self.describe(guess.as_ref()));
            conclusion.artifacts.extend(guess);
        }
    }

    /// Gives the version by its file's name, or as the manifest states it.
    pub(super) fn version(&self) -> Option<&str> {
        let version = self.file.version.as_deref();
        version.or(self.manifest.version())
    }

    fn well_known(&self) -> Option<Artifact> {
        let known = self.known.filter(|_| self.known_classes)?;
        let version = self.version()?;
        Some(Artifact {
            group: known.group(version).to_owned(),
            name: known.artifact(&self.file.artifact).to_owned(),
            version: version.to_owned(),
        })
    }

    /// Only sbt puts Scala's version into the name, and it always states the group as the vendor.
    fn built_by_sbt(&self) -> Option<Artifact> {
        let (_, scala) = self.file.artifact.rsplit_once('_')?;
        let is_scala = scala == "3" || scala.starts_with("2.1");
        self.guess().filter(|_| is_scala)
    }

    fn guess(&self) -> Option<Artifact> {
        let name = &self.file.artifact;
        Some(Artifact {
            group: self.manifest.group(name)?,
            name: name.clone(),
            version: self.version()?.to_owned(),
        })
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

/// Leaves out what file names spell in more than one way.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|c| c.to_ascii_lowercase()).collect()
}

fn is_believable(artifact: &Artifact) -> bool {
    [&artifact.group, &artifact.name, &artifact.version]
        .into_iter()
        .all(|part| {
            let long = part.len() > MAX_COORDINATE_BYTES;
            !part.is_empty() && !long && !part.contains(char::is_whitespace)
        })
}
