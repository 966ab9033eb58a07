//! Names in Java archives that age: the program's own table of them, or a newer one from a file.
//!
//! Artifacts that are published without Maven's own files inside are known by file name, version and
//! classes: they are built by Ant, Gradle or sbt, so neither `pom.properties` nor `pom.xml` names their
//! group. Makers are names under which many groups are, none of which is called so alone.
//!
//! *Shape* of the file: lines of words between spaces, `#` begins one for people. `format 1`; `of
//! 2026-11-29`, its day; `maker org.apache`; else a row: the file's name without version and ending, the
//! group, the artifact (`=` where it is the file's name), the directory of its classes, and the version
//! since which the row is true, where projects moved. A row holds only where classes lie there. A name
//! that ends in `*` covers every name that starts so; a group `-` says that none is known. It replaces
//! the whole table.
//!
//! Source of the program's own: the artifacts' entries on Maven Central, and their content.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use jiff::civil::Date;

use super::artifact::Artifact;
use crate::analyzers::table_file::{self, FedFile, TableError};
use crate::versions::ParsedVersion as _;
use crate::versions::maven::MavenVersion;

/// What such a table is of, in errors.
const KIND: &str = "names of Java archives";
/// The revision of the file's form.
const FORMAT: &str = "1";
/// Most rows: ten times those that are known. All are looked at for a name.
const MAX_ROWS: usize = 5_000;
/// Most makers.
const MAX_MAKERS: usize = 1_000;
/// Longest word, in bytes.
const MAX_WORD: usize = 200;
/// Shortest beginning of a name that covers others, in bytes.
const MIN_START: usize = 3;

/// What archives, artifacts and makers are called.
#[derive(Debug)]
pub struct JarNames {
    of: Date,
    rows: Vec<Arc<WellKnown>>,
    /// The rows by the directories of their classes.
    by_classes: HashMap<Box<str>, Arc<WellKnown>>,
    makers: HashSet<Box<str>>,
    /// None for the program's own.
    file: Option<FedFile>,
}

/// An artifact that is known by its file's name, its version and its classes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WellKnown {
    /// The file's name without version and ending.
    file: Box<str>,
    group: Box<str>,
    /// The artifact; `=` where its name is the file's.
    artifact: Box<str>,
    /// The directory of the classes.
    classes: Box<str>,
    /// The version since which it is published so.
    since: Option<Box<str>>,
}

impl JarNames {
    /// Its name among knowledge files.
    pub const FILE: &str = "jar-names.txt";

    /// Gives the program's own.
    pub fn compiled() -> &'static Arc<Self> {
        static OWN: LazyLock<Arc<JarNames>> = LazyLock::new(|| {
            let own = parse(include_bytes!("jar-names.txt"));
            Arc::new(own.expect("the program's own table is read by a test"))
        });
        &OWN
    }

    /// Reads one from a file.
    pub fn read(path: &Path) -> Result<Self, TableError> {
        table_file::read(path, KIND, fed)
    }

    /// Reads one from the bytes of a file.
    pub fn of_bytes(path: &Path, bytes: Vec<u8>) -> Result<Self, TableError> {
        table_file::of_bytes(path, KIND, bytes, fed)
    }

    /// Tells of which day it is.
    pub fn of(&self) -> Date {
        self.of
    }

    /// Counts the rows and the makers.
    pub fn names(&self) -> usize {
        self.rows.len() + self.makers.len()
    }

    /// Gives its file; none for the program's own.
    pub fn file(&self) -> Option<&FedFile> {
        self.file.as_ref()
    }

    /// Finds the row of a class that lies in a well-known directory; the deepest one answers.
    pub(super) fn by_class(&self, name: &str) -> Option<&Arc<WellKnown>> {
        let mut directories = name.rmatch_indices('/').map(|(at, _)| name.get(..=at));
        directories.find_map(|directory| self.by_classes.get(directory?))
    }

    /// Finds the row of a file's name and version; an exact name comes before one that ends in `*`, and
    /// of those the longest.
    pub(super) fn by_file(&self, name: &str, version: &str) -> Option<&WellKnown> {
        let version = MavenVersion::parse(version).ok()?;
        let rank = |known: &&WellKnown| (!known.file.ends_with('*'), known.file.len());
        let closest = self.covering(name).max_by_key(rank)?;
        let mut in_force: Option<(Option<MavenVersion>, &WellKnown)> = None;
        for known in self.covering(name).filter(|it| it.file == closest.file) {
            let since = known.since.as_deref();
            let since = since.and_then(|since| MavenVersion::parse(since).ok());
            let is_later = in_force.as_ref().is_none_or(|(other, _)| since > *other);
            if is_later && since.as_ref().is_none_or(|since| version >= *since) {
                in_force = Some((since, known));
            }
        }
        let (_, known) = in_force?;
        known.is_of_a_group().then_some(known)
    }

    /// Lists where the classes of a file of this name may lie.
    pub(super) fn classes(&self, name: &str) -> impl Iterator<Item = &str> {
        self.covering(name).map(WellKnown::classes)
    }

    /// Tells whether an artifact with the classes of a row is among those named.
    pub(super) fn is_among<'a>(
        &self,
        known: &WellKnown,
        mut names: impl Iterator<Item = &'a str>,
    ) -> bool {
        let rows = self.rows.iter();
        let alike: Vec<_> = rows.filter(|row| row.classes == known.classes).collect();
        names.any(|name| {
            let mut alike = alike.iter();
            alike.any(|row| row.covers(name) || name == &*row.artifact)
        })
    }

    /// Tells whether many groups are under a maker's name, and none is called so alone.
    pub(super) fn is_maker(&self, name: &str) -> bool {
        self.makers.contains(name)
    }

    fn covering(&self, name: &str) -> impl Iterator<Item = &WellKnown> {
        let rows = self.rows.iter().map(|row| &**row);
        rows.filter(move |row| row.covers(name))
    }
}

impl WellKnown {
    /// Gives the artifact that a file of this name and version is.
    pub(super) fn artifact(&self, file: &str, version: &str) -> Artifact {
        Artifact::new(&self.group, self.name(file), version)
    }

    /// Tells whether a group is the one of this row.
    pub(super) fn is_of(&self, group: &str) -> bool {
        &*self.group == group
    }

    /// Gives the directory of the classes.
    pub(super) fn classes(&self) -> &str {
        &self.classes
    }

    fn name<'a>(&'a self, file: &'a str) -> &'a str {
        if &*self.artifact == "=" {
            file
        } else {
            &self.artifact
        }
    }

    fn covers(&self, name: &str) -> bool {
        match self.file.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == &*self.file,
        }
    }

    fn is_of_a_group(&self) -> bool {
        &*self.group != "-"
    }
}

impl fmt::Display for WellKnown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.group, self.name(&self.file))
    }
}

fn fed(bytes: Vec<u8>) -> Result<JarNames, String> {
    let names = parse(&bytes)?;
    Ok(JarNames {
        file: Some(FedFile::of(bytes)),
        ..names
    })
}

/// What was read of a file so far.
#[derive(Default)]
struct Parsing {
    format: Option<String>,
    of: Option<Date>,
    makers: HashSet<Box<str>>,
    rows: Vec<Arc<WellKnown>>,
    /// What the rows are told apart by.
    known: BTreeSet<(Box<str>, Option<Box<str>>)>,
}

fn parse(bytes: &[u8]) -> Result<JarNames, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let mut parsing = Parsing::default();
    for (at, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            let words: Vec<&str> = line.split_whitespace().collect();
            let taken = parsing.take(&words);
            taken.map_err(|why| format!("line {at} {why}"))?;
        }
    }
    let Parsing {
        format,
        of,
        makers,
        rows,
        known: _,
    } = parsing;
    let format = format.unwrap_or_default();
    if format != FORMAT {
        return Err(format!("its format is {format:?}, wanted {FORMAT}"));
    }
    let of = of.ok_or("it does not say of which day it is")?;
    if rows.is_empty() {
        return Err("it has no row".to_owned());
    }
    let of_a_group = rows.iter().filter(|row| row.is_of_a_group());
    let by_classes = of_a_group.map(|row| (row.classes.clone(), Arc::clone(row)));
    Ok(JarNames {
        of,
        by_classes: by_classes.collect(),
        makers,
        rows,
        file: None,
    })
}

impl Parsing {
    fn take(&mut self, words: &[&str]) -> Result<(), String> {
        if words.iter().any(|word| !is_word(word)) {
            return Err(format!(
                "has a word of more than {MAX_WORD} bytes, or one that is not printable ASCII"
            ));
        }
        match words {
            ["format", format] => self.format = Some((*format).to_owned()),
            ["of", day] => self.of = Some(day.parse().map_err(|_| "names no day")?),
            ["maker", maker] if self.makers.len() < MAX_MAKERS => {
                self.makers.insert((*maker).into());
            }
            ["maker", _] => return Err(format!("is one of more than {MAX_MAKERS} makers")),
            [file, group, artifact, classes, since @ ..] if since.len() < 2 => {
                self.row(WellKnown {
                    file: (*file).into(),
                    group: (*group).into(),
                    artifact: (*artifact).into(),
                    classes: (*classes).into(),
                    since: since.first().map(|since| (*since).into()),
                })?;
            }
            _ => return Err("has neither two words that are known nor four or five".to_owned()),
        }
        Ok(())
    }

    fn row(&mut self, row: WellKnown) -> Result<(), String> {
        if self.rows.len() >= MAX_ROWS {
            return Err(format!("is one of more than {MAX_ROWS} rows"));
        }
        let start = row.file.strip_suffix('*');
        let is_short = start.is_some_and(|start| start.len() < MIN_START);
        if is_short || start.unwrap_or(&row.file).contains('*') {
            return Err(format!(
                "names no file: '*' ends a name after {MIN_START} bytes or more"
            ));
        }
        if row.classes.len() < 2 || !row.classes.ends_with('/') {
            return Err("names no directory of classes, which ends in a slash".to_owned());
        }
        let since = row.since.as_deref().map(MavenVersion::parse);
        if since.is_some_and(|since| since.is_err()) {
            return Err("names no version since which it is true".to_owned());
        }
        if !self.known.insert((row.file.clone(), row.since.clone())) {
            return Err("is there twice".to_owned());
        }
        self.rows.push(Arc::new(row));
        Ok(())
    }
}

fn is_word(word: &str) -> bool {
    word.len() <= MAX_WORD && word.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "format 1\nof 2027-01-02\nmaker org.acme\nacme-x org.acme = org/acme/\n";

    #[test]
    fn the_programs_own_has_every_row_and_says_its_day() {
        let text = include_str!("jar-names.txt");
        let lines = text.lines().filter(|line| !line.starts_with('#')).count();
        let own = JarNames::compiled();
        assert_eq!(own.names() + 2, lines);
        assert!(own.names() > 500 && own.file().is_none());
        assert!(own.is_maker("org.apache") && !own.is_maker("org.apache.tomcat"));
        assert!(own.of() >= jiff::civil::date(2026, 11, 29));
    }

    #[test]
    fn a_file_replaces_the_table_and_says_who_it_is() {
        let names = fed(SMALL.as_bytes().to_vec()).unwrap();
        let found = names.by_file("acme-x", "1.0").map(ToString::to_string);
        assert_eq!(found.as_deref(), Some("org.acme:acme-x"));
        assert!(names.by_file("log4j", "1.2.17").is_none());
        assert!(names.is_maker("org.acme") && !names.is_maker("org.apache"));
        assert_eq!(
            (names.of().to_string(), names.names()),
            ("2027-01-02".into(), 2)
        );
        let file = names.file().unwrap();
        assert_eq!((file.bytes(), file.digest().len()), (SMALL.as_bytes(), 64));
    }

    #[test]
    fn what_is_no_table_is_refused_with_its_line() {
        let with = |line: &str| format!("{SMALL}{line}\n");
        let many = |line: &dyn Fn(usize) -> String, count: usize| {
            let lines: Vec<String> = (0..count).map(line).collect();
            with(&lines.join("\n"))
        };
        for (text, wanted) in [
            (String::new(), "format"),
            ("format 2\nof 2027-01-02\na g = c/\n".to_owned(), "format"),
            ("format 1\na g = c/\n".to_owned(), "day"),
            ("format 1\nof 2027-01-02\n".to_owned(), "row"),
            (with("of yesterday"), "line 5 names no day"),
            (with("<html>"), "line 5"),
            (with("a b c d e f"), "line 5"),
            (with("* org.acme = org/"), "names no file"),
            (with("a* org.acme = org/"), "names no file"),
            (with("acme*x org.acme = org/"), "names no file"),
            (with("a org.acme = org"), "directory"),
            (with("a org.acme = /"), "directory"),
            (with("a org.acme = org/ ${since}"), "version"),
            (with("acme-x org.other = org/"), "twice"),
            (with("\u{e4}cme org.acme = org/"), "ASCII"),
            (with(&format!("{} g = c/", "a".repeat(201))), "200"),
            (many(&|it| format!("a{it} g = c/"), MAX_ROWS), "rows"),
            (many(&|it| format!("maker m{it}"), MAX_MAKERS), "makers"),
        ] {
            let refused = parse(text.as_bytes()).unwrap_err();
            assert!(refused.contains(wanted), "{wanted}: {refused}");
        }
        assert!(parse(b"\xff").is_err());
    }

    #[test]
    fn the_closest_row_that_is_true_of_the_version_answers() {
        for (file, version, wanted) in [
            ("log4j", "1.2.17", Some("log4j:log4j")),
            (
                "log4j-core",
                "2.14.1",
                Some("org.apache.logging.log4j:log4j-core"),
            ),
            (
                "catalina",
                "9.0.1",
                Some("org.apache.tomcat:tomcat-catalina"),
            ),
            ("catalina", "6.0.18", Some("org.apache.tomcat:catalina")),
            ("catalina", "5.5.23", Some("tomcat:catalina")),
            ("servlet-api", "2.5", Some("javax.servlet:servlet-api")),
            ("servlet-api", "3.1.0", None),
            (
                "servlet-api",
                "8.5.0",
                Some("org.apache.tomcat:tomcat-servlet-api"),
            ),
            ("groovy", "3.0.9", Some("org.codehaus.groovy:groovy")),
            ("groovy", "4.0.1", Some("org.apache.groovy:groovy")),
            ("dom4j", "1.6.1", Some("dom4j:dom4j")),
            ("dom4j", "2.1.1", Some("org.dom4j:dom4j")),
            ("rxjava", "1.3.8", Some("io.reactivex:rxjava")),
            ("rxjava", "2.2.21", Some("io.reactivex.rxjava2:rxjava")),
            ("rxjava", "3.1.5", Some("io.reactivex.rxjava3:rxjava")),
            ("postgresql", "9.1-901.jdbc4", Some("postgresql:postgresql")),
            ("postgresql", "9.4.1212", Some("org.postgresql:postgresql")),
            ("bcprov-jdk14", "138", Some("bouncycastle:bcprov-jdk14")),
            (
                "bcprov-jdk15on",
                "1.70",
                Some("org.bouncycastle:bcprov-jdk15on"),
            ),
            (
                "opentelemetry-api",
                "1.20.0",
                Some("io.opentelemetry:opentelemetry-api"),
            ),
            (
                "opentelemetry-instrumentation-api",
                "1.20.0",
                Some("io.opentelemetry.instrumentation:opentelemetry-instrumentation-api"),
            ),
            ("opentelemetry-aws-xray", "1.20.0", None),
            (
                "spring-security-saml2-core",
                "1.0.10.RELEASE",
                Some("org.springframework.security.extensions:spring-security-saml2-core"),
            ),
            ("spring-security-oauth2", "2.3.3.RELEASE", None),
            ("log4j", "", None),
        ] {
            let found = JarNames::compiled().by_file(file, version);
            let found = found.map(|known| known.artifact(file, version));
            let found = found.map(|artifact| format!("{}:{}", artifact.group, artifact.name));
            assert_eq!(found.as_deref(), wanted, "{file} {version}");
        }
    }
}
