//! The two files that Maven puts into a JAR: `pom.properties` and `pom.xml`. Pure.
//!
//! Source: Maven Archiver, "pom.properties"; Maven, "POM Reference".

use quick_xml::Reader;
use quick_xml::events::Event;

use super::artifact::Artifact;

/// Deepest element that is looked at: `project/parent/version`.
const DEPTH: usize = 3;
/// Most properties of a `pom.xml` that are kept; real ones have a few dozen.
const MAX_PROPERTIES: usize = 1_000;
/// How many times a value may refer to another.
const MAX_REFERENCES: usize = 4;

/// Reads `pom.properties`; none unless it gives all three coordinates.
pub(super) fn properties(content: &[u8]) -> Option<Artifact> {
    let text = String::from_utf8_lossy(content);
    let value = |key: &str| {
        text.lines()
            .filter_map(|line| line.trim().split_once(['=', ':']))
            .find(|(name, _)| name.trim() == key)
            .map(|(_, value)| value.trim().to_owned())
            .filter(|value| is_plain(value))
    };
    Some(Artifact {
        group: value("groupId")?,
        name: value("artifactId")?,
        version: value("version")?,
    })
}

/// Gives the directory names of `META-INF/maven/GROUP/ARTIFACT/…`.
pub(super) fn coordinates_in_path(path: &str) -> Option<(&str, &str)> {
    let mut parts = path.split('/').skip(2);
    let (group, artifact) = (parts.next()?, parts.next()?);
    let whole = parts.next().is_some() && parts.next().is_none();
    (whole && !group.is_empty() && !artifact.is_empty()).then_some((group, artifact))
}

/// What a `pom.xml` states; each may be missing or refer to what is outside of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pom {
    pub(super) group: Option<String>,
    pub(super) artifact: Option<String>,
    pub(super) version: Option<String>,
}

/// Reads a `pom.xml`, up to the first mistake in it. Groups and versions fall back to the parent's.
pub(super) fn xml(content: &[u8]) -> Pom {
    let values = values(content);
    let get = |keys: &[&str]| {
        keys.iter()
            .find_map(|key| values.iter().find(|(name, _)| name == key))
            .and_then(|(_, value)| resolve(value, &values))
    };
    Pom {
        group: get(&["project/groupId", "project/parent/groupId"]),
        artifact: get(&["project/artifactId"]),
        version: get(&["project/version", "project/parent/version"]),
    }
}

/// Collects the texts of the elements that bear on the coordinates, by their paths.
fn values(content: &[u8]) -> Vec<(String, String)> {
    // Names of authors in other encodings must not hide what follows them.
    let content = String::from_utf8_lossy(content);
    let mut reader = Reader::from_str(&content);
    let mut values = Vec::new();
    let (mut path, mut depth) = (Vec::new(), 0_usize);
    let mut text = String::new();
    loop {
        match reader.read_event() {
            Ok(Event::Start(element)) => {
                depth = depth.saturating_add(1);
                if depth <= DEPTH {
                    let name = element.local_name();
                    path.push(name.as_ref().to_owned());
                }
                text.clear();
            }
            Ok(Event::Text(part)) if depth <= DEPTH => {
                text.push_str(&part);
            }
            Ok(Event::CData(part)) if depth <= DEPTH => {
                text.push_str(&part);
            }
            Ok(Event::End(_)) => {
                if depth == path.len() && values.len() < MAX_PROPERTIES {
                    let name = path.join("/");
                    if is_wanted(&name) && !text.trim().is_empty() {
                        values.push((name, text.trim().to_owned()));
                    }
                }
                if depth <= DEPTH {
                    path.pop();
                }
                depth = depth.saturating_sub(1);
                text.clear();
            }
            Ok(Event::Eof) | Err(_) => return values,
            Ok(_) => {}
        }
    }
}

fn is_wanted(path: &str) -> bool {
    matches!(
        path,
        "project/groupId"
            | "project/artifactId"
            | "project/version"
            | "project/parent/groupId"
            | "project/parent/version"
    ) || path.starts_with("project/properties/")
}

/// Puts in what `${…}` refers to; none where that is not in the file.
fn resolve(value: &str, values: &[(String, String)]) -> Option<String> {
    let mut value = value.to_owned();
    for _ in 0..MAX_REFERENCES {
        let Some((before, rest)) = value.split_once("${") else {
            break;
        };
        let (key, after) = rest.split_once('}')?;
        let path = match key.strip_prefix("project.").or(key.strip_prefix("pom.")) {
            Some(own) => format!("project/{}", own.replace('.', "/")),
            None => format!("project/properties/{key}"),
        };
        let (_, found) = values.iter().find(|(name, _)| *name == path)?;
        value = format!("{before}{found}{after}");
        // A reference to itself, or a chain of doubling ones, names no version.
        if value.len() > 4_096 {
            return None;
        }
    }
    is_plain(&value).then_some(value)
}

fn is_plain(value: &str) -> bool {
    !value.is_empty() && !value.contains("${")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str) -> (Option<String>, Option<String>, Option<String>) {
        let pom = xml(content.as_bytes());
        (pom.group, pom.artifact, pom.version)
    }

    fn wanted(
        group: &str,
        artifact: &str,
        version: &str,
    ) -> (Option<String>, Option<String>, Option<String>) {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        (some(group), some(artifact), some(version))
    }

    #[test]
    fn coordinates_fall_back_to_the_parent_and_resolve_properties() {
        let parent = "<parent><groupId>org.p</groupId><artifactId>p</artifactId>\
                      <version>7</version></parent>";
        for (body, expected) in [
            (
                "<groupId>g</groupId><artifactId>a</artifactId><version>1</version>",
                wanted("g", "a", "1"),
            ),
            (
                &format!("{parent}<artifactId> a\n</artifactId>"),
                wanted("org.p", "a", "7"),
            ),
            (
                &format!("{parent}<version>${{project.parent.version}}.1</version>"),
                wanted("org.p", "", "7.1"),
            ),
            (
                "<version>${revision}</version><properties><revision>3</revision></properties>",
                wanted("", "", "3"),
            ),
            (
                "<version>${x}</version><properties><x>${x}${x}</x></properties>",
                wanted("", "", ""),
            ),
            (
                "<dependencies><dependency><groupId>no</groupId><version>9</version></dependency>\
                 </dependencies><version><![CDATA[1]]></version>",
                wanted("", "", "1"),
            ),
            ("<version>1", wanted("", "", "")),
            ("<version>1</wrong></version>", wanted("", "", "")),
        ] {
            let content = format!("<?xml version='1.0'?><project xmlns='x'>{body}</project>");
            assert_eq!(read(&content), expected, "{body}");
        }
    }

    #[test]
    fn depth_and_entities_cost_nothing() {
        let deep = format!("<project>{}", "<a>".repeat(200_000));
        assert_eq!(read(&deep), wanted("", "", ""));
        let entities = "<!DOCTYPE p [<!ENTITY a 'xx'><!ENTITY b '&a;&a;'>]>\
                        <project><version>&b;</version></project>";
        assert_eq!(read(entities), wanted("", "", ""));
    }

    #[test]
    fn a_path_names_group_and_artifact() {
        let found = coordinates_in_path("META-INF/maven/org.x/a/pom.xml");
        assert_eq!(found, Some(("org.x", "a")));
        for path in ["META-INF/maven/pom.xml", "META-INF/maven/a/b/c/pom.xml", ""] {
            assert_eq!(coordinates_in_path(path), None, "{path}");
        }
    }
}
