//! Exceptions as people ask for them: who answers for what, until when, and in which file.
//!
//! Read anew from the files of a set; what decides is read by `load`.

use std::sync::Arc;

use jiff::Timestamp;
use sluicegate_model::strict_yaml::{self, Node, Value};

use crate::binding::SourceFile;
use crate::delegation::Delegation;
use crate::exception::Exception;
use crate::read::{Document, DocumentReader, delegations_of};
use crate::trivyignore;

/// One exception.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedException {
    /// Its name.
    pub name: String,
    /// The finding's id.
    pub id: String,
    /// The packages that it is about; none = every one.
    pub purls: Vec<String>,
    /// The repositories that it holds in; none = every one.
    pub images: Vec<String>,
    /// The places in an image that it is about; none = every one.
    pub paths: Vec<String>,
    /// Why.
    pub statement: Option<String>,
    /// What the document says of people and tickets: `owner`, `author`, `ticket`, `description`.
    pub about: Vec<(String, String)>,
    /// The file that it stands in.
    pub file: String,
    /// When it ends; none = never.
    pub expires_at: Option<Timestamp>,
}

impl ListedException {
    /// Gives what the document says of people or tickets under a name.
    pub fn about(&self, name: &str) -> Option<&str> {
        let mut about = self.about.iter();
        let found = about.find(|(key, _)| key == name);
        found.map(|(_, text)| text.as_str())
    }
}

/// Lists the exceptions of files, the ones that end first at the beginning. What cannot be read is
/// left out: a set that is in force has none of that.
pub fn exceptions(files: &[SourceFile]) -> Vec<ListedException> {
    let delegations = delegations_of(files);
    let mut listed = Vec::new();
    for file in files {
        let mut holding = delegations.iter();
        let within = holding.find(|it| it.holds(&file.name));
        let found = of_file(file).into_iter();
        listed.extend(found.map(|exception| within_reach(exception, within)));
    }
    listed.sort_by(|one, other| {
        let end = |it: &ListedException| it.expires_at.unwrap_or(Timestamp::MAX);
        (end(one), &one.name).cmp(&(end(other), &other.name))
    });
    listed
}

/// Names the images that an exception is on without naming any: those that its directory is handed.
fn within_reach(
    exception: ListedException,
    delegation: Option<&Arc<Delegation>>,
) -> ListedException {
    let Some(delegation) = delegation.filter(|_| exception.images.is_empty()) else {
        return exception;
    };
    let images = delegation.images();
    ListedException {
        images: images.iter().map(ToString::to_string).collect(),
        ..exception
    }
}

fn of_file(file: &SourceFile) -> Vec<ListedException> {
    let mut reader = DocumentReader::default();
    let mut listed = Vec::new();
    if trivyignore::is_plain(&file.name) {
        let ignored = reader.plain_trivyignore(&file.name, &file.text);
        return ignored
            .iter()
            .map(|it| of_exception(it, file, Vec::new()))
            .collect();
    }
    for node in strict_yaml::parse(&file.text).unwrap_or_default() {
        if trivyignore::is_named(&file.name) {
            let ignored = reader.trivyignore(&file.name, &node);
            listed.extend(ignored.iter().map(|it| of_exception(it, file, Vec::new())));
        } else if let Some((_, Document::Exception(exception))) = reader.document(&node) {
            listed.push(of_exception(&exception, file, metadata(&node)));
        }
    }
    listed
}

fn of_exception(
    exception: &Exception,
    file: &SourceFile,
    about: Vec<(String, String)>,
) -> ListedException {
    let written = written(&exception.text);
    let field = |name: &str| {
        written
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, it)| it)
    };
    let texts = |name: &str| {
        let items = field(name).and_then(serde_json::Value::as_array);
        let items = items.map(Vec::as_slice).unwrap_or_default().iter();
        items
            .filter_map(|item| Some(item.as_str()?.to_owned()))
            .collect()
    };
    ListedException {
        name: exception.name.clone(),
        id: exception.id.clone(),
        purls: texts("purls"),
        images: texts("images"),
        paths: texts("paths"),
        statement: field("statement").and_then(|it| Some(it.as_str()?.to_owned())),
        about,
        file: file.name.clone(),
        expires_at: exception.expires_at,
    }
}

/// Gives what was written of an exception, as pairs: the `spec` of a document, or an entry of a
/// file that has nothing else.
fn written(text: &str) -> Vec<(String, serde_json::Value)> {
    let pairs: Vec<(String, serde_json::Value)> = serde_json::from_str(text).unwrap_or_default();
    let spec = pairs.iter().find(|(key, _)| key == "spec");
    match spec {
        Some((_, spec)) => serde_json::from_value(spec.clone()).unwrap_or_default(),
        None => pairs,
    }
}

/// Gives what a document says about itself besides its name.
fn metadata(document: &Node) -> Vec<(String, String)> {
    let Some(metadata) = entry(document, "metadata") else {
        return Vec::new();
    };
    let Value::Map(entries) = &metadata.value else {
        return Vec::new();
    };
    let texts = entries.iter().filter_map(|(key, value)| {
        let text = match &value.value {
            Value::Text(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            _ => return None,
        };
        Some((key.text().ok()?.to_owned(), text))
    });
    texts.filter(|(key, _)| key != "name").collect()
}

fn entry<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    let Value::Map(entries) = &node.value else {
        return None;
    };
    let found = entries.iter().find(|(key, _)| key.text() == Ok(name));
    found.map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
apiVersion: sluicegate/v1
kind: Exception
metadata: {name: later, owner: platform, author: a.lopez, ticket: 1412}
spec:
  id: CVE-2
  purls: [\"pkg:deb/debian/libxml2\"]
  images: [\"docker.io/library/*\"]
  statement: parser not used
  expiresAt: 2027-01-31
---
apiVersion: sluicegate/v1
kind: Policy
metadata: {name: p}
spec: {}
---
apiVersion: sluicegate/v1
kind: Exception
metadata: {name: sooner}
spec: {id: CVE-1, statement: x, expiresAt: 2026-12-31}
";

    #[test]
    fn exceptions_are_listed_with_who_answers_the_first_to_end_first() {
        let file = |name: &str, text: &str| SourceFile {
            name: name.to_owned(),
            text: text.to_owned(),
        };
        let ignored = "vulnerabilities:\n- {id: CVE-3, paths: [usr/lib/x], statement: y}\n";
        let plain = file(".trivyignore", "CVE-4 exp:2026-12-01 # soon\n");
        let files = [
            file(".trivyignore.yaml", ignored),
            file("p.yaml", FILE),
            plain,
        ];
        let mut listed = exceptions(&files);
        let first = listed.remove(0);
        assert_eq!((first.id.as_str(), first.statement), ("CVE-4", None));
        let names: Vec<&str> = listed.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["sooner", "later", ".trivyignore.yaml#CVE-3"]);
        let later = &listed[1];
        assert_eq!(
            (later.about("author"), later.about("ticket")),
            (Some("a.lopez"), Some("1412"))
        );
        assert_eq!(later.purls, ["pkg:deb/debian/libxml2"]);
        assert_eq!(later.images, ["docker.io/library/*"]);
        assert_eq!(later.statement.as_deref(), Some("parser not used"));
        assert_eq!(
            later.expires_at.map(|end| end.to_string()).as_deref(),
            Some("2027-02-01T00:00:00Z")
        );
        assert_eq!(later.file, "p.yaml");
        assert_eq!(
            (listed[2].expires_at, listed[2].paths.as_slice()),
            (None, &["usr/lib/x".to_owned()][..])
        );
    }
}
