//! Documents as they were written, so that who allowed something can be shown once the file is gone.

use sluicegate_model::Digest;
use sluicegate_model::strict_yaml::Node;

/// The kinds of documents, as they are called in files and digests.
pub(crate) const POLICY: &str = "policy";
pub(crate) const BINDING: &str = "binding";
pub(crate) const EXCEPTION: &str = "exception";
pub(crate) const DELEGATION: &str = "delegation";
pub(crate) const VEX: &str = "vex";
pub(crate) const KEY: &str = "key";

/// A document of a policy set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyDocument {
    /// `policy`, `binding`, `exception`, `delegation`, `vex` or `key`.
    pub kind: String,
    /// Its name; entries of a `.trivyignore.yaml` may share one. Of a VEX document and of
    /// a key it is the path by which a policy names its file.
    pub name: String,
    /// The file it was read from.
    pub file: String,
    /// Its part of the file, comments included.
    pub text: String,
    /// What it says, however it is laid out: what digests are made of. Of a VEX document and
    /// of a key it is the digest of the text.
    pub canonical: String,
}

/// Gives the digest of documents, in an order of their own, so that the names of files and their
/// order do not matter.
pub fn digest_of_documents(documents: &[PolicyDocument]) -> Digest {
    let texts = documents
        .iter()
        .map(|document| (&*document.kind, &*document.name, &*document.canonical));
    digest_of(texts.collect())
}

pub(crate) fn digest_of(mut texts: Vec<(&str, &str, &str)>) -> Digest {
    texts.sort_unstable();
    let joined = serde_json::to_vec(&texts).expect("texts always serialize");
    Digest::of(&joined)
}

/// Cuts a file into the parts that begin where these nodes stand, each up to the next one.
///
/// *Shape*: one text for each node, without the marks between documents. What stands before the
/// first node belongs to it: comments at the top of a file say what it is for.
pub(crate) fn parts<'a>(text: &'a str, nodes: impl Iterator<Item = &'a Node>) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let starts = nodes.map(|node| usize::try_from(node.line).unwrap_or(usize::MAX));
    let mut bounds: Vec<usize> = starts.map(|line| line.saturating_sub(1)).collect();
    if let Some(first) = bounds.first_mut() {
        *first = 0;
    }
    bounds.push(lines.len());
    let part = |bounds: &[usize]| {
        let (Some(from), Some(to)) = (bounds.first(), bounds.last()) else {
            return String::new();
        };
        let lines = lines.get(*from..*to).unwrap_or_default();
        let kept = lines.iter().filter(|line| line.trim_end() != "---");
        let kept: Vec<&str> = kept.copied().collect();
        kept.join("\n").trim().to_owned()
    };
    bounds.windows(2).map(part).collect()
}
