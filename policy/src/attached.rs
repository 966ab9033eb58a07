//! Files that documents name: which ones they are, and what was found there.
//!
//! Nothing is read here. Whoever reads the files of a set asks [`named_files`] which others belong to
//! it, and hands them in beside those.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sluicegate_model::Digest;
use sluicegate_model::strict_yaml::{self, Node, Value};

use crate::binding::SourceFile;
use crate::document::{KEY, PolicyDocument};

/// Without one of these words a file names no others.
const MARKS: [&str; 5] = ["vex", "trustVex", "signedBy", "attestedBy", "attachedVex"];
/// Longest path, in bytes.
const MAX_PATH_BYTES: usize = 1_024;

/// Everything that a set is made of.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// The policy files.
    pub files: &'a [SourceFile],
    /// The files that those name.
    pub attached: &'a [AttachedFile],
    /// When it is read: what a delegated directory allows has to end soon enough.
    pub now: Timestamp,
}

/// A file that a policy file names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedFile {
    /// The policy file, by its name.
    pub by: String,
    /// The path, relative to the folder that the policy file is in: it only leads down from there.
    pub path: String,
}

/// What was found under a path that a policy file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachedFile {
    /// The policy file and the path.
    pub named: NamedFile,
    /// The file, or those of a folder; else why there is none.
    pub found: Result<Vec<AttachedText>, String>,
}

/// The text of a file that a policy file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachedText {
    /// The path as policies name it: the same wherever the whole lies.
    pub path: String,
    /// The file, as shown in errors, and its text.
    pub file: SourceFile,
}

/// A file of a public key that a policy names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyFile {
    pub text: AttachedText,
    /// The digest of its text.
    pub digest: Digest,
}

impl KeyFile {
    /// Gives it as it was written.
    pub(crate) fn document(&self) -> PolicyDocument {
        PolicyDocument {
            kind: KEY.to_owned(),
            name: self.text.path.clone(),
            file: self.text.file.name.clone(),
            text: self.text.file.text.clone(),
            canonical: self.digest.to_string(),
        }
    }
}

/// Lists the files that policy files name, each once for each file that names it. What is no policy
/// and no path is left out: whoever reads the set says so.
pub fn named_files(files: &[SourceFile]) -> Vec<NamedFile> {
    let mut named = BTreeSet::new();
    // Most files name none, and need not be parsed for it.
    let may_name = |file: &&SourceFile| MARKS.iter().any(|mark| file.text.contains(mark));
    for file in files.iter().filter(may_name) {
        for document in strict_yaml::parse(&file.text).unwrap_or_default() {
            let paths = paths_of(&document).into_iter();
            named.extend(paths.map(|path| NamedFile {
                by: file.name.clone(),
                path,
            }));
        }
    }
    named.into_iter().collect()
}

/// Lists the paths in a document: every place where one may stand.
fn paths_of(document: &Node) -> Vec<String> {
    let kind = entry(document, "kind").and_then(|kind| kind.text().ok());
    let Some(spec) = entry(document, "spec") else {
        return Vec::new();
    };
    let mut texts: Vec<&str> = Vec::new();
    match kind {
        Some("Policy") => in_policy(spec, &mut texts),
        // Who signed the image of a case.
        Some("PolicyTest") => in_case(spec, &mut texts),
        _ => {}
    }
    let texts = texts.into_iter();
    texts.filter_map(|text| downward(text).ok()).collect()
}

fn in_policy<'a>(spec: &'a Node, texts: &mut Vec<&'a str>) {
    let vex = entry(spec, "vex").and_then(|vex| vex.list().ok());
    let vex = vex.unwrap_or_default().iter();
    texts.extend(vex.filter_map(|it| it.text().ok()));
    paths_in(entry(spec, "trustVex"), texts);
    let rules = entry(spec, "rules").and_then(|rules| rules.list().ok());
    for rule in rules.unwrap_or_default() {
        keys_of(entry(rule, "image"), texts);
    }
}

fn in_case<'a>(spec: &'a Node, texts: &mut Vec<&'a str>) {
    keys_of(Some(spec), texts);
    let vex = entry(spec, "attachedVex").and_then(|vex| vex.list().ok());
    for document in vex.unwrap_or_default() {
        paths_in(entry(document, "key"), texts);
        texts.extend(entry(document, "file").and_then(|file| file.text().ok()));
    }
}

/// Adds the files of keys that a block of conditions names, and those of the blocks in it.
fn keys_of<'a>(block: Option<&'a Node>, texts: &mut Vec<&'a str>) {
    let Some(block) = block else {
        return;
    };
    let attested = entry(block, "attestedBy").map_or(&[][..], keys_in);
    let attested = attested.iter().filter_map(|it| entry(it, "keys"));
    for keys in entry(block, "signedBy").into_iter().chain(attested) {
        paths_in(Some(keys), texts);
    }
    keys_of(entry(block, "unless"), texts);
}

/// Adds those of some keys that are files.
fn paths_in<'a>(keys: Option<&'a Node>, texts: &mut Vec<&'a str>) {
    let keys = keys.map_or(&[][..], keys_in).iter();
    let written = keys.filter_map(|key| key.text().ok());
    texts.extend(written.filter(|key| is_path(key)));
}

/// Gives the keys that are written where one or several may stand.
pub(crate) fn keys_in(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        _ => std::slice::from_ref(node),
    }
}

/// Tells whether what is written for a key is the path of a file, and no key itself.
pub(crate) fn is_path(text: &str) -> bool {
    !text.contains("-----") && !text.contains('\n')
}

fn entry<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    let Value::Map(entries) = &node.value else {
        return None;
    };
    let found = entries.iter().find(|(key, _)| key.text() == Ok(name));
    found.map(|(_, value)| value)
}

/// Says that a text is no path that leads down: the fault of whoever wrote it.
#[derive(Debug, thiserror::Error)]
#[error(
    "wanted a path below the folder of this file, such as vex/app.openvex.json: it does not begin with \
     \"/\" and holds no \"..\""
)]
pub(crate) struct NotDownward;

/// Gives a path in its plain form: relative, and with no way up.
pub(crate) fn downward(text: &str) -> Result<String, NotDownward> {
    let is_odd = |c: char| c.is_control() || c == '\\';
    if text.starts_with('/') || text.len() > MAX_PATH_BYTES || text.contains(is_odd) {
        return Err(NotDownward);
    }
    let steps = text.split('/').filter(|step| !matches!(*step, "" | "."));
    let steps: Vec<&str> = steps.collect();
    if steps.is_empty() || steps.contains(&"..") {
        return Err(NotDownward);
    }
    Ok(steps.join("/"))
}

/// Gives what lies under a path, or why nothing does.
pub(crate) fn found<'a>(
    file: &NamedFile,
    attached: &'a [AttachedFile],
) -> Result<&'a [AttachedText], String> {
    let mut attached = attached.iter();
    let found = attached.find(|it| it.named == *file);
    match found.map(|it| &it.found) {
        Some(Ok(texts)) => Ok(texts),
        Some(Err(why)) => Err(format!("{:?}: {why}", file.path)),
        None => Err(format!("{:?} is not there", file.path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_down_and_nowhere_else() {
        for (text, wanted) in [
            ("vex/app.json", Some("vex/app.json")),
            ("./vex//app.json", Some("vex/app.json")),
            ("vex/", Some("vex")),
            ("..data.json", Some("..data.json")),
            ("", None),
            (".", None),
            ("/etc/passwd", None),
            ("../x.json", None),
            ("vex/../../x.json", None),
            ("a\\b", None),
            ("a\0b", None),
        ] {
            assert_eq!(downward(text).ok().as_deref(), wanted, "{text:?}");
        }
    }

    #[test]
    fn files_are_named_by_policies_alone_and_once_each() {
        let file = |name: &str, text: &str| SourceFile {
            name: name.into(),
            text: text.into(),
        };
        let policy = "kind: Policy\nspec: {vex: [b.json, ./b.json, ../c.json, 1, a.json]}\n---\nkind: \
                      Policy\nspec: {vex: [b.json]}\n---\nkind: Binding\nspec: {vex: [d.json]}\n";
        let named = named_files(&[
            file("p.yaml", policy),
            file("broken.yaml", "kind: ["),
            file(".trivyignore", "CVE-1\n"),
        ]);
        let paths: Vec<&str> = named.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(paths, ["a.json", "b.json"]);
        assert!(named.iter().all(|it| it.by == "p.yaml"));
    }
}
