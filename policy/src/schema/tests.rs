//! The schema and the reader know the same keys, and take the same documents.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value, json};
use sluicegate_model::shape::checked;
use sluicegate_model::strict_yaml;

use super::*;
use crate::{AttachedFile, AttachedText, NamedFile, PolicySet, SourceFile, Sources};

/// A file that policies of these tests name, and what it holds.
const VEX: &str = "vex/app.json";
const DOCUMENT: &str = r#"{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://vex.test/1",
    "author": "team", "timestamp": "2026-11-01T00:00:00Z", "version": 1, "statements": [{
    "vulnerability": {"name": "CVE-1"}, "products": [{"@id": "pkg:npm/a@1"}], "status": "fixed"}]}"#;

/// A public key.
const KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqAxw57/2f1T2qzbCTR6Q3m8ktMYT\n\
    KQVmHSkpMys21FxVGDfrph3CGAx+UOeefm6vjUlNsCVbaro2kdtQCJ1jbw==\n\
    -----END PUBLIC KEY-----";

/// What the reader says of a text.
fn read(text: &str) -> Result<(), String> {
    let name = "p.yaml".to_owned();
    let file = SourceFile {
        name,
        text: text.to_owned(),
    };
    let attached = AttachedFile {
        named: NamedFile {
            by: file.name.clone(),
            path: VEX.to_owned(),
        },
        found: Ok(vec![AttachedText {
            path: VEX.to_owned(),
            file: SourceFile {
                name: VEX.to_owned(),
                text: DOCUMENT.to_owned(),
            },
        }]),
    };
    let read = PolicySet::load(&Sources {
        files: &[file],
        attached: &[attached],
        now: "2026-12-01T00:00:00Z".parse().unwrap(),
    });
    read.map(|_| ()).map_err(|errors| errors.to_string())
}

fn document(kind: &str, metadata: &Value, spec: &Value) -> Value {
    json!({"apiVersion": "sluicegate/v1", "kind": kind, "metadata": metadata, "spec": spec})
}

/// Puts a map of a table into a document that has one.
fn whole(table: &str, map: &Value) -> Value {
    let named = json!({"name": "p"});
    let of_policy = |key: &str| document("Policy", &named, &json!({key: map}));
    let of_rule = |key: &str| {
        let rule = json!({"id": "r", "action": "refuse", key: map});
        whole("policy", &json!({"rules": [rule]}))
    };
    match table {
        "metadata" => document("Policy", map, &json!({})),
        "policy" => document("Policy", &named, map),
        "binding" => document("Binding", &named, map),
        "exception" => document("Exception", &named, map),
        "case" => document("PolicyTest", &named, map),
        "delegation" => document("Delegation", &named, map),
        "onInconclusive" | "feeds" | "artifacts" => of_policy(table),
        "rule" => whole("policy", &json!({"rules": [map]})),
        "conditions" => of_rule("when"),
        "image" => of_rule("image"),
        "attestedBy" => whole("image", &json!({"attestedBy": map})),
        "package" => whole("conditions", &json!({"package": map})),
        "attachedVex" => whole(
            "case",
            &json!({"report": "r.json", "attachedVex": [map],
            "expect": {"decision": "allow"}}),
        ),
        "expect" => whole("case", &json!({"report": "r.json", "expect": map})),
        other => panic!("say where a map of {other} stands"),
    }
}

/// The least that is right in a table.
fn least(table: &str) -> Value {
    match table {
        "metadata" => json!({"name": "p"}),
        "rule" => json!({"id": "r", "when": {"kev": true}, "action": "refuse"}),
        "package" => json!({"purl": "pkg:maven/a/b", "vers": "vers:maven/>=2.0|<2.15"}),
        "image" => json!({"repositories": ["docker.io/**"]}),
        "conditions" => json!({"kev": true}),
        "binding" => json!({"policy": "default", "repositories": ["docker.io/**"]}),
        "exception" => json!({"id": "CVE-1", "statement": "fine", "expiresAt": "2027-01-31"}),
        "case" => json!({"report": "r.json", "expect": {"decision": "allow"}}),
        "expect" => json!({"decision": "allow"}),
        "attachedVex" => json!({"file": VEX, "key": KEY}),
        "attestedBy" => json!({"type": "spdx", "keys": KEY}),
        "delegation" => json!({"directory": "teams/a", "repositories": ["docker.io/a/**"],
            "maxExceptionLife": "90d"}),
        _ => json!({}),
    }
}

/// Texts of which more is wanted than that they are texts.
fn texts(key: &str) -> Option<&'static str> {
    Some(match key {
        "repositories" | "images" => "docker.io/**",
        "image" => "docker.io/team/app:1.4",
        "policy" => "default",
        "vex" | "file" => VEX,
        "signedBy" | "key" | "keys" | "trustVex" => KEY,
        "type" => "spdx",
        "directory" => "teams/a",
        "clients" | "client" => "key:a",
        "expiresAt" | "now" | "created" | "firstSeen" | "createdBefore" => "2027-01-31",
        "digest" => concat!(
            "sha256:",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        ),
        "licence" => "MIT",
        "vers" => "vers:maven/>=2.0|<2.15",
        "purl" | "purls" => "pkg:maven/a/b",
        _ => return None,
    })
}

/// What may stand behind a key.
fn samples(key: &str, shape: Shape) -> Vec<Value> {
    let inner = |item: &Shape| samples(key, *item);
    let lists = |item: &Shape| {
        inner(item)
            .into_iter()
            .map(|value| json!([value]))
            .collect()
    };
    match shape {
        Shape::Text | Shape::Beginning(_) if texts(key).is_some() => vec![json!(texts(key))],
        Shape::Text => vec![json!("x")],
        Shape::Scalar => vec![json!("x"), json!(7)],
        Shape::Beginning(beginning) => vec![json!(format!("{beginning}npm/x"))],
        Shape::Words(words) => words().into_iter().map(Value::from).collect(),
        Shape::Switch => vec![json!(true), json!(false)],
        Shape::UpTo(most) => vec![json!(0), json!(most), json!(most / 2.0)],
        Shape::Age => ["30s", "90m", "24h", "7d", "2w"].map(Value::from).to_vec(),
        Shape::List(item) => [vec![json!([])], lists(item)].concat(),
        Shape::Filled(item) => lists(item),
        Shape::OneOrMore(item) | Shape::OneOrMany(item) => [inner(item), lists(item)].concat(),
        Shape::Either(shapes) => shapes.iter().flat_map(inner).collect(),
        Shape::MapOf(value) | Shape::FilledMapOf(value) => inner(value)
            .into_iter()
            .map(|value| json!({"a": value}))
            .collect(),
        Shape::Of(table) | Shape::FilledOf(table) => vec![least(table)],
    }
}

#[test]
fn every_table_has_the_keys_that_its_reader_knows() {
    for table in tables() {
        let text = whole(table.name, &json!({"no such key": 1})).to_string();
        let said = read(&text).unwrap_err();
        let (_, known) = said
            .split_once("unknown key \"no such key\", wanted one of ")
            .unwrap();
        let known: BTreeSet<&str> = known.lines().next().unwrap().split(", ").collect();
        let own: BTreeSet<&str> = table.keys.iter().map(|key| key.name).collect();
        assert_eq!(
            own, known,
            "{}: add the key to its table, one line",
            table.name
        );
    }
}

#[test]
fn every_key_takes_what_the_schema_says() {
    let schema = schema();
    for table in tables() {
        for key in table.keys {
            for value in samples(key.name, key.shape) {
                let mut map = least(table.name);
                if let Wants::OneOf(others) = table.wants
                    && others.contains(&key.name)
                {
                    let kept = |(name, _): &(String, Value)| !others.contains(&name.as_str());
                    let map_of = map.as_object().unwrap().clone();
                    map = map_of
                        .into_iter()
                        .filter(kept)
                        .collect::<Map<_, _>>()
                        .into();
                }
                map[key.name] = value;
                if key.name == "fallbackMaxAge" {
                    map["fallback"] = json!("lastAllowedDigest");
                }
                let document = whole(table.name, &map);
                assert_eq!(read(&document.to_string()), Ok(()), "{document}");
                let mistakes = checked::mistakes(&schema, &document);
                assert_eq!(mistakes, [""; 0], "{document}");
            }
        }
    }
}

#[test]
fn what_is_wrong_by_itself_is_wrong_to_both() {
    let schema = schema();
    let rule = |more: &Value| {
        let mut rule = least("rule");
        for (key, value) in more.as_object().unwrap() {
            rule[key] = value.clone();
        }
        whole("rule", &rule)
    };
    for document in [
        whole("policy", &json!({"mode": "strict"})),
        whole("policy", &json!({"rules": {}})),
        whole("policy", &json!({"onInconclusive": {"partly": "allow"}})),
        whole("feeds", &json!({"maxAge": "soon"})),
        whole("rule", &json!({"id": "r", "action": "refuse"})),
        whole("rule", &json!({"id": "r", "when": {}})),
        rule(&json!({"unless": {}})),
        rule(&json!({"image": {}})),
        rule(&json!({"when": {"fixable": "yes"}})),
        rule(&json!({"when": {"epssAtLeast": 1.5}})),
        rule(&json!({"when": {"ids": []}})),
        rule(&json!({"when": {"kind": "weakness"}})),
        rule(&json!({"when": {"package": "maven/a/b"}})),
        rule(&json!({"image": {"gap": "no-such-gap"}})),
        rule(&json!({"image": {"labels": {}}})),
        whole("exception", &json!({"id": "CVE-1", "statement": "fine"})),
        whole("binding", &json!({"policy": "default", "repositories": []})),
        whole("case", &json!({"expect": {"decision": "allow"}})),
        whole("metadata", &json!({"owner": "x"})),
        document("Rule", &json!({"name": "p"}), &json!({})),
        json!({"apiVersion": "sluicegate/v2", "kind": "Policy", "metadata": {"name": "p"}, "spec": {}}),
        json!({"kind": "Policy", "metadata": {"name": "p"}, "spec": {}}),
    ] {
        assert!(read(&document.to_string()).is_err(), "read: {document}");
        assert!(
            !checked::mistakes(&schema, &document).is_empty(),
            "by the schema: {document}"
        );
    }
}

/// Gives the parts of the pages that are YAML.
fn examples() -> Vec<String> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let pages = std::fs::read_dir(docs)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let pages = pages.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    let mut examples = vec![crate::built_in_text().to_owned()];
    for page in pages {
        let text = std::fs::read_to_string(page).unwrap();
        let blocks = text.split("```yaml").skip(1);
        let blocks = blocks.filter_map(|block| block.split_once('\n')?.1.split_once("```"));
        examples.extend(blocks.map(|(block, _)| block.to_owned()));
    }
    examples
}

#[test]
fn every_example_of_the_pages_is_right_by_the_schema() {
    let schema = schema();
    let mut count = 0;
    let ours = |text: &String| text.contains(API_VERSION) || text.contains("action:");
    for example in examples().into_iter().filter(ours) {
        for node in strict_yaml::parse(&example).unwrap() {
            let document = match checked::seen(&node) {
                // Rules, as a part of a policy.
                Value::Array(rules) if example.contains("action:") => {
                    whole("policy", &json!({"rules": rules}))
                }
                Value::Object(map) if map.get("apiVersion") == Some(&json!(API_VERSION)) => {
                    map.into()
                }
                // Of the configuration, or of Kubernetes.
                _ => continue,
            };
            count += 1;
            let mistakes = checked::mistakes(&schema, &document);
            assert_eq!(mistakes, [""; 0], "{example}");
        }
    }
    assert!(count > 7, "only {count} examples were found");
}
