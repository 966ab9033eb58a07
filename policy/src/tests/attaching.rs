//! Files that policies name: part of the set, or mistakes with their places.

use serde_json::{Value, json};

use super::vex::{attached_to_p, believing, load, openvex, said};
use super::*;
use crate::{LoadErrors, Sources};

#[test]
fn documents_are_part_of_the_set_by_their_texts() {
    let one = openvex("a", &json!([said("fixed", &json!({}))]));
    let other = openvex("b", &json!([said("fixed", &json!({}))]));
    let bound = "---\napiVersion: sluicegate/v1\nkind: Binding\nmetadata: {name: b}\n\
                 spec: {policy: p, repositories: ['docker.io/**']}\n";
    let text = format!("{}{bound}", believing(&["vex/a.json"]));
    let set = |vex: &str| load(&text, &[("vex/a.json", vex.to_owned())]).unwrap();
    let (first, second) = (set(&one), set(&other));
    let (here, elsewhere) = (scope(IMAGE), scope("quay.io/a/b"));
    assert_ne!(first.digest(), second.digest());
    assert_ne!(first.digest_for(&here), second.digest_for(&here));
    assert_eq!(first.digest_for(&elsewhere), second.digest_for(&elsewhere));
    for scope in [&here, &elsewhere] {
        let documents = first.documents_for(scope);
        assert_eq!(
            crate::digest_of_documents(&documents),
            first.digest_for(scope)
        );
    }
    let kept = first.documents_for(&here);
    let vex = kept.iter().find(|it| it.kind == "vex").unwrap();
    assert_eq!(
        (vex.name.as_str(), vex.file.as_str()),
        ("vex/a.json", "at/vex/a.json")
    );
    assert_eq!(
        (&vex.text, &vex.canonical),
        (&one, &Digest::of(one.as_bytes()).to_string())
    );
    assert_eq!(
        crate::digest_of_documents(&first.documents()),
        first.digest()
    );
}

fn told(result: Result<PolicySet, LoadErrors>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn a_file_that_is_not_there_is_told_at_its_path() {
    let text = believing(&["vex/a.json"]);
    assert_eq!(
        told(load(&text, &[])),
        "p.yaml:5:9: \"vex/a.json\" is not there"
    );
    let mut file = attached_to_p("vex/a.json", "");
    file.found = Err("no such file".to_owned());
    let files = [SourceFile {
        name: "p.yaml".into(),
        text,
    }];
    let sources = Sources {
        files: &files,
        attached: &[file],
        now: now(),
    };
    assert_eq!(
        told(PolicySet::load(&sources)),
        "p.yaml:5:9: \"vex/a.json\": no such file"
    );
    for (path, wanted) in [
        (
            "../a.json",
            "5:9: wanted a path below the folder of this file",
        ),
        ("/etc/a.json", "5:9: wanted a path below"),
        ("7", "5:9: wanted text, got 7"),
        ("a.json, ./a.json", "5:17: it is named twice"),
    ] {
        let told = told(load(&believing(&[path]), &[]));
        assert!(told.contains(wanted), "{path}: {told}");
    }
}

#[test]
fn mistakes_in_a_document_have_their_places() {
    let good = openvex("a", &json!([said("fixed", &json!({}))]));
    let pretty = |text: &str| {
        let value: Value = serde_json::from_str(text).unwrap();
        serde_json::to_string_pretty(&value).unwrap()
    };
    for (from, to, wanted) in [
        ("\"fixed\"", "\"fine\"", "wanted one of not_affected, fixed"),
        (
            "\"status\": \"fixed\"",
            "\"status\": \"fixed\", \"when\": 1",
            "unknown key \"when\"",
        ),
        ("\"@id\": \"pkg:", "\"id\": \"pkg:", "unknown key \"id\""),
        ("\"author\": \"a\"", "\"author\": \" \"", "wanted text"),
        ("\"author\": \"a\",", "", "\"author\" is missing"),
        ("2026-05-01T00:00:00Z", "yesterday", "wanted an instant"),
        ("v0.2.0", "v9", "wanted OpenVEX up to version 0.2.0"),
        ("\"@context\"", "\"context\"", "wanted OpenVEX, which has"),
        ("\"CVE-1\"", "1", "wanted text, got 1"),
    ] {
        let text = pretty(&good);
        let damaged = text.replace(from, to);
        assert_ne!(text, damaged, "{from}");
        let told = told(load(&believing(&["a.json"]), &[("a.json", damaged)]));
        assert!(
            told.starts_with("at/a.json:") && told.contains(wanted),
            "{told}"
        );
        assert_eq!(told.lines().count(), 1, "{told}");
    }
    for text in ["", "[]", "{", "a: 1"] {
        let told = told(load(
            &believing(&["a.json"]),
            &[("a.json", text.to_owned())],
        ));
        assert!(told.starts_with("at/a.json:1:"), "{told}");
    }
    let empty = openvex("a", &json!([said("fixed", &json!({"products": []}))]));
    let told = told(load(&believing(&["a.json"]), &[("a.json", empty)]));
    assert!(told.contains("wanted at least one product"), "{told}");
}

#[test]
fn what_changes_nothing_is_told() {
    let mut bare = said("not_affected", &json!({}));
    bare.as_object_mut().unwrap().remove("justification");
    let statements = json!([
        bare,
        said("fixed", &json!({"timestamp": "2027-01-01T00:00:00Z"})),
        said("fixed", &json!({"products": ["urn:x"]})),
        said("fixed", &json!({})),
    ]);
    let files = [("a.json", openvex("a", &statements))];
    let set = load(&believing(&["a.json"]), &files).unwrap();
    let mut warnings = set.lint(now());
    warnings.retain(|line| line.starts_with("vex"));
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    for part in [
        "without a justification",
        "in the future",
        "can be recognized",
    ] {
        let count = warnings.iter().filter(|line| line.contains(part));
        assert_eq!(count.count(), 1, "{part}: {warnings:?}");
    }
    assert!(warnings[0].starts_with("vex \"a.json\" of policy \"p\": 1 of 4 statements"));
}
