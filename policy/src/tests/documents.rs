//! Documents as they were written, and the digests that they are kept under.

use super::*;
use crate::{PolicyDocument, digest_of_documents};

const FILE: &str = "# Who may do what.\napiVersion: sluicegate/v1\nkind: Policy\n\
    metadata: {name: p}\nspec: {}\n---\n# Until the vendor mends it.\n\
    apiVersion: sluicegate/v1\nkind: Exception\nmetadata: {name: x, author: a.lopez}\n\
    spec: {id: CVE-1, images: [up.test/app], statement: fine, expiresAt: 2027-01-31}\n---\n\
    {apiVersion: sluicegate/v1, kind: Binding, metadata: {name: b}, spec: {policy: p, repositories: ['up.test/**']}}\n";

fn texts(documents: &[PolicyDocument]) -> Vec<(String, String, String)> {
    let text = |d: &'_ PolicyDocument| (d.kind.clone(), d.name.clone(), d.text.clone());
    let mut all: Vec<_> = documents.iter().map(text).collect();
    all.sort_unstable();
    all
}

#[test]
fn each_document_is_its_own_part_of_its_file() {
    let set = set(FILE);
    let documents = set.documents();
    let all = texts(&documents);
    assert_eq!(all.len(), 3);
    assert!(all[0].2.starts_with("{apiVersion") && all[0].2.contains("name: b"));
    assert!(all[1].2.contains("author: a.lopez") && !all[1].2.contains("kind: Policy"));
    assert!(all[2].2.starts_with("# Who may do what.") && !all[2].2.contains("a.lopez"));
    assert!(documents.iter().all(|document| document.file == "p.yaml"));
}

#[test]
fn the_digest_of_documents_is_that_of_what_decides() {
    let trivy = SourceFile {
        name: ".trivyignore.yaml".into(),
        text: "vulnerabilities:\n  - id: CVE-1\n  - {id: CVE-1, paths: [\"a/**\"]}\n".into(),
    };
    let file = |text: &str| SourceFile {
        name: "p.yaml".into(),
        text: text.into(),
    };
    for set in [
        PolicySet::built_in(),
        set(FILE),
        PolicySet::parse(&[file(FILE), trivy]).unwrap(),
        // Bound elsewhere, so that the built-in one decides.
        set(&FILE.replace("'up.test/**'", "'b.test/**'")),
    ] {
        assert_eq!(digest_of_documents(&set.documents()), set.digest());
        for name in ["up.test/app", "up.test/other", "a.test/x"] {
            let scope = scope(name);
            let documents = set.documents_for(&scope);
            assert_eq!(
                digest_of_documents(&documents),
                set.digest_for(&scope),
                "{name}"
            );
            assert!(!documents.is_empty());
        }
    }
}

#[test]
fn comments_and_layout_are_kept_and_decide_nothing_but_who_signs_does() {
    let laid_out = FILE.replace("# Until the vendor mends it.\n", "\n\n# Soon.\n");
    assert_eq!(set(&laid_out).digest(), set(FILE).digest());
    let other = FILE.replace("a.lopez", "b.kim");
    assert_ne!(set(&other).digest(), set(FILE).digest());
}
