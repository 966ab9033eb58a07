//! Keys in files beside the policies: part of the set, or mistakes with their places.

use super::signed::quoted;
use super::vex::{attached, attached_to_p, load};
use super::*;
use crate::{AttachedFile, LoadErrors, NamedFile, Sources, named_files};

fn pem(quoted: &str) -> String {
    quoted.trim_matches('"').replace("\\n", "\n")
}

fn one() -> String {
    pem(quoted!(one))
}

fn other() -> String {
    pem(quoted!(other))
}

fn asking(image: &str) -> String {
    policy(&format!(
        "  rules: [{{id: r, image: {image}, action: refuse}}]"
    ))
}

#[test]
fn a_key_in_a_file_is_the_key_and_its_text_is_kept_with_the_set() {
    let text = asking("{unless: {signedBy: [keys/a.pub, ./keys//b.pub]}}");
    let files = [("keys/a.pub", one()), ("keys/b.pub", other())];
    let loaded = load(&text, &files).unwrap();
    let written = asking(&format!(
        "{{unless: {{signedBy: [{}, {}]}}}}",
        quoted!(one),
        quoted!(other)
    ));
    let here = scope(IMAGE);
    let keys = |set: &PolicySet| set.wanted_signatures(&here).unwrap().keys();
    assert_eq!(keys(&loaded), keys(&set(&written)));

    let documents = loaded.documents_for(&here);
    let kept: Vec<_> = documents.iter().filter(|it| it.kind == "key").collect();
    let names: Vec<&str> = kept.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["keys/a.pub", "keys/b.pub"]);
    assert_eq!(
        (kept[0].text.clone(), kept[0].file.as_str()),
        (one(), "at/keys/a.pub")
    );
    for (documents, digest) in [
        (documents.as_slice(), loaded.digest_for(&here)),
        (&loaded.documents(), loaded.digest()),
    ] {
        assert_eq!(crate::digest_of_documents(documents), digest);
    }
}

#[test]
fn another_key_in_the_file_is_another_set_where_the_policy_is_bound() {
    let bound = "---\napiVersion: sluicegate/v1\nkind: Binding\nmetadata: {name: b}\n\
                 spec: {policy: p, repositories: ['docker.io/**']}\n";
    let text = format!("{}{bound}", asking("{signedBy: a.pub}"));
    let set = |key: String| load(&text, &[("a.pub", key)]).unwrap();
    let (first, second) = (set(one()), set(other()));
    let (here, elsewhere) = (scope(IMAGE), scope("quay.io/a/b"));
    assert_ne!(first.digest(), second.digest());
    assert_ne!(first.digest_for(&here), second.digest_for(&here));
    assert_eq!(first.digest_for(&elsewhere), second.digest_for(&elsewhere));
}

#[test]
fn a_file_that_several_name_is_kept_once() {
    let second = asking("{attestedBy: {type: spdx, keys: a.pub}}").replace("name: p", "name: q");
    let text = format!("{}---\n{second}", asking("{signedBy: a.pub}"));
    let documents = load(&text, &[("a.pub", one())]).unwrap().documents();
    let kept = documents.iter().filter(|it| it.kind == "key").count();
    assert_eq!(kept, 1);
}

fn told(image: &str, files: &[AttachedFile]) -> String {
    let loaded: Result<PolicySet, LoadErrors> = PolicySet::load(&Sources {
        files: &[SourceFile {
            name: "p.yaml".into(),
            text: asking(image),
        }],
        attached: files,
        now: now(),
    });
    loaded.unwrap_err().to_string()
}

#[test]
fn what_is_no_key_is_told_where_its_file_is_named() {
    let rule = "{signedBy: keys/a.pub}";
    let place = "p.yaml:5:37: \"keys/a.pub\"";
    let file = |text: &str| attached_to_p("keys/a.pub", text);
    let long = format!("{}{}", "\n".repeat(3), "x".repeat(9_000));
    for (text, wanted) in [
        ("", "wanted a public key that begins with"),
        ("{}", "wanted a public key that begins with"),
        (&long, "wanted a public key of at most 8192 bytes"),
        (&one().replace("PUBLIC", "PRIVATE"), "this is a private key"),
        (&one().replace("MFkw", "MFkx"), "the public key is damaged"),
        (
            &format!("{}{}", one(), other()),
            "the public key is damaged",
        ),
    ] {
        let told = told(rule, &[file(text)]);
        assert!(told.starts_with(&format!("{place}: {wanted}")), "{told}");
    }
    assert_eq!(told(rule, &[]), format!("{place} is not there"));
    let unread = AttachedFile {
        found: Err("permission denied".into()),
        ..file("")
    };
    assert_eq!(told(rule, &[unread]), format!("{place}: permission denied"));
    for names in [&[][..], &["keys/a.pub/b.json"], &["x", "y"]] {
        let texts = names.iter().map(|name| attached_to_p(name, &one()));
        let folder = AttachedFile {
            named: file("").named,
            found: Ok(texts.flat_map(|it| it.found.unwrap()).collect()),
        };
        let wanted = format!("{place} is a folder; wanted the file of one public key");
        assert_eq!(told(rule, &[folder]), wanted);
    }
    // Another policy file's is not its own.
    let elsewhere = attached("q.yaml", "keys/a.pub", &one());
    assert_eq!(told(rule, &[elsewhere]), format!("{place} is not there"));
}

#[test]
fn files_of_keys_are_named_wherever_a_key_may_stand() {
    let text = format!(
        "kind: Policy\nspec:\n  rules:\n  - image: {{signedBy: [a.pub, {}, ../x, 7], unless: {{attestedBy: \
         {{type: spdx, keys: b.pub}}, unless: {{signedBy: c.pub}}}}}}\n  - {{when: {{signedBy: x}}}}\n---\n\
         kind: PolicyTest\nspec: {{signedBy: d.pub, attestedBy: [{{keys: e.pub}}, {{keys: [f.pub]}}], \
         attachedVex: [{{file: g.json, key: h.pub}}]}}\n---\n\
         kind: Binding\nspec: {{signedBy: y}}\n",
        quoted!(one)
    );
    let file = SourceFile {
        name: "p.yaml".into(),
        text,
    };
    let named = named_files(&[file]);
    let wanted = [
        "a.pub", "b.pub", "c.pub", "d.pub", "e.pub", "f.pub", "g.json", "h.pub",
    ]
    .map(|path| NamedFile {
        by: "p.yaml".into(),
        path: path.into(),
    });
    assert_eq!(named, wanted);
}
