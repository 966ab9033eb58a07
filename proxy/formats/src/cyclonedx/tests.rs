//! What a CycloneDX document says of a verdict.

use std::io::Cursor;

use serde_json::{Value, json};
use sluicegate_model::coverage::{Coverage, Gap, GapKind};
use sluicegate_model::finding::FindingKind;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::samples;
use sluicegate_model::verdict::Verdict;
use sluicegate_model::vex::VexStatus;

use super::{Images, write};

fn bom(verdict: &Verdict) -> Value {
    let mut out = Vec::new();
    write(verdict, &samples::inventory(), &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

fn property<'a>(of: &'a Value, name: &str) -> Vec<&'a str> {
    let properties = of["properties"].as_array().unwrap();
    let named = properties.iter().filter(|one| one["name"] == name);
    named.map(|one| one["value"].as_str().unwrap()).collect()
}

#[test]
fn the_subject_is_the_image_by_digest() {
    let bom = bom(&samples::verdict());
    let image = &bom["metadata"]["component"];
    assert_eq!(image["type"], "container");
    assert_eq!(image["name"], "docker.io/library/app");
    assert!(
        image["purl"]
            .as_str()
            .unwrap()
            .starts_with("pkg:oci/app@sha256")
    );
    assert_eq!(bom["metadata"]["timestamp"], "2026-11-20T10:00:01Z");
}

#[test]
fn a_secret_is_told_beside_the_vulnerabilities_and_not_among_them() {
    let mut verdict = samples::verdict();
    let before = bom(&verdict)["vulnerabilities"].as_array().unwrap().len();
    let mut secret = verdict.findings[0].clone();
    secret.kind = FindingKind::Secret;
    secret.id = "SECRET-GITHUB-TOKEN".into();
    secret.package.path = "app/.env".into();
    secret.detail = Some("GitHub token (line 2), hash 12ab".into());
    verdict.findings.push(secret);
    let bom = bom(&verdict);
    assert_eq!(bom["vulnerabilities"].as_array().unwrap().len(), before);
    let told = property(&bom["metadata"], "sluicegate:secret");
    let wanted = "SECRET-GITHUB-TOKEN critical app/.env: GitHub token (line 2), hash 12ab";
    assert_eq!(told, [wanted]);
}

#[test]
fn every_package_is_listed_once_with_where_it_was_found() {
    let bom = bom(&samples::verdict());
    let components = bom["components"].as_array().unwrap();
    assert_eq!(components.len(), 6);
    assert_eq!(components[0]["type"], "operating-system");
    let jar = &components[3];
    assert_eq!(
        (&jar["group"], &jar["name"]),
        (&json!("org.example"), &json!("app"))
    );
    assert_eq!(
        jar["evidence"]["occurrences"],
        json!([{"location": "app/lib/app-1.0.jar"}])
    );
    assert_eq!(
        property(&components[1], "sluicegate:source"),
        ["openssl@3.0.9-1"]
    );
    assert_eq!(property(&components[4], "sluicegate:evidence"), ["claimed"]);
    assert_eq!(components[5]["scope"], "excluded");
    let mut references: Vec<&Value> = components.iter().map(|one| &one["bom-ref"]).collect();
    references.sort_by_key(ToString::to_string);
    references.dedup();
    assert_eq!(references.len(), 6);
}

#[test]
fn one_vulnerability_affects_all_packages_of_which_it_says_the_same() {
    let bom = bom(&samples::verdict());
    let found = bom["vulnerabilities"].as_array().unwrap();
    assert_eq!(found.len(), 3);
    let openssl = &found[1];
    let affected: Vec<&Value> = openssl["affects"].as_array().unwrap().iter().collect();
    assert_eq!(affected[0]["ref"], "component-0");
    assert_eq!(affected[1]["ref"], "component-1");
    assert_eq!(affected[0]["versions"][0]["version"], "3.0.9-1");
    assert_eq!(openssl["recommendation"], "Update to 3.0.9-2 or later.");
    let why = openssl["analysis"]["detail"].as_str().unwrap();
    assert!(why.contains("until-june"), "{why}");
    assert_eq!(found[0]["ratings"][0]["score"], 10.0);
    assert_eq!(found[2]["analysis"]["state"], "in_triage");
    assert_eq!(found[2]["cwes"], json!([506]));
}

#[test]
fn what_an_author_says_is_an_analysis_in_the_words_of_the_format() {
    let mut verdict = samples::verdict();
    verdict.findings[1].vex = vec![samples::vex_statement()];
    let of = |verdict: &Verdict| bom(verdict)["vulnerabilities"][1]["analysis"].clone();
    let said = of(&verdict);
    assert_eq!(said["state"], "not_affected");
    assert_eq!(said["justification"], "code_not_reachable");
    let why = said["detail"].as_str().unwrap();
    assert!(
        why.contains("Example PSIRT") && why.contains("for policy default"),
        "{why}"
    );
    // Of two packages with the same weakness one alone was spoken of.
    assert_eq!(
        bom(&verdict)["vulnerabilities"].as_array().unwrap().len(),
        4
    );
    verdict.findings[1].vex[0].status = VexStatus::Fixed;
    verdict.findings[1].vex[0].justification = None;
    let said = of(&verdict);
    assert_eq!(
        (&said["state"], &said["justification"]),
        (&json!("resolved"), &Value::Null)
    );
}

#[test]
fn the_list_is_called_complete_only_where_everything_was_looked_at() {
    let mut verdict = samples::verdict();
    let aggregate = |verdict: &Verdict| bom(verdict)["compositions"][0]["aggregate"].clone();
    assert_eq!(aggregate(&verdict), "incomplete");
    verdict.coverage = Coverage::from_gaps(vec![Gap::partial(GapKind::Budget, "time")]);
    assert_eq!(aggregate(&verdict), "incomplete");
    assert_eq!(
        property(&bom(&verdict)["metadata"], "sluicegate:not-looked-at"),
        ["budget: time"]
    );
    verdict.coverage = Coverage::from_gaps(Vec::new());
    assert_eq!(aggregate(&verdict), "complete");
}

#[test]
fn a_declared_licence_is_an_expression_or_a_name() {
    for (declared, wanted) in [
        (
            Some("GPLv2+ and (MIT or ISC)"),
            json!([{"expression": "GPL-2.0-or-later AND (MIT OR ISC)", "acknowledgement": "declared"}]),
        ),
        (
            Some("BSD"),
            json!([{"license": {"name": "BSD", "acknowledgement": "declared"}}]),
        ),
        (None, Value::Null),
    ] {
        let mut inventory = samples::inventory();
        inventory.components[0].package.licence = declared.map(Into::into);
        let mut out = Vec::new();
        write(&samples::verdict(), &inventory, &mut out).unwrap();
        let document: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(
            document["components"][1]["licenses"], wanted,
            "{declared:?}"
        );
    }
}

#[test]
fn a_licence_is_no_vulnerability() {
    let vulnerabilities = |verdict: &Verdict| bom(verdict)["vulnerabilities"].take();
    let with = vulnerabilities(&samples::verdict_with_a_licence());
    assert_eq!(with, vulnerabilities(&samples::verdict()));
}

fn images(all: &[(Verdict, Option<Inventory>)]) -> Value {
    let (mut out, aside) = (
        Vec::new(),
        [Cursor::new(Vec::new()), Cursor::new(Vec::new())],
    );
    let mut images = Images::begin(&mut out, aside).unwrap();
    for (verdict, inventory) in all {
        images.add(verdict, inventory.as_ref()).unwrap();
    }
    images.finish().unwrap();
    serde_json::from_slice(&out).unwrap()
}

fn references(list: &Value, names: &mut Vec<String>) {
    for part in list.as_array().into_iter().flatten() {
        names.push(part["bom-ref"].as_str().unwrap().to_owned());
        references(&part["components"], names);
    }
}

#[test]
fn a_document_of_many_images_says_of_each_what_its_own_says() {
    let mut told = samples::verdict();
    told.domain = "key:ci".parse().unwrap();
    let mut gone = samples::verdict_with_everything();
    gone.repository = "docker.io/library/gone".parse().unwrap();
    let all = [
        (samples::verdict(), Some(samples::inventory())),
        (gone, None),
        (told, Some(samples::inventory())),
    ];
    let together = images(&all);
    let mut names = Vec::new();
    references(&together["components"], &mut names);
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(
        (names.len(), count),
        (15, 15),
        "6 parts of two images, and three images"
    );
    let vulnerabilities = together["vulnerabilities"].as_array().unwrap();
    let affected = vulnerabilities
        .iter()
        .flat_map(|it| it["affects"].as_array().unwrap());
    for affected in affected {
        let name = affected["ref"].as_str().unwrap().to_owned();
        assert!(names.binary_search(&name).is_ok(), "{name} is nowhere");
    }
    let alone = bom(&samples::verdict());
    let first = &together["components"][0];
    assert_eq!(first["purl"], alone["metadata"]["component"]["purl"]);
    assert_eq!(first["properties"], alone["metadata"]["properties"]);
    let count = alone["vulnerabilities"].as_array().unwrap().len();
    for (one, other) in alone["vulnerabilities"]
        .as_array()
        .unwrap()
        .iter()
        .zip(vulnerabilities)
    {
        assert_eq!(
            (&one["id"], &one["analysis"]),
            (&other["id"], &other["analysis"])
        );
    }
    assert!(vulnerabilities.len() > 2 * count);
    let whole = |at: usize| &together["compositions"][at]["aggregate"];
    assert_eq!(
        (whole(0), whole(1)),
        (&json!("incomplete"), &json!("unknown"))
    );
    assert_eq!(
        property(&together["components"][2], "sluicegate:reported-by"),
        ["key:ci"]
    );
}

#[test]
fn a_document_of_many_images_is_named_by_what_it_says() {
    let one = [(samples::verdict(), Some(samples::inventory()))];
    let none = images(&[]);
    assert_eq!(none["components"], json!([]));
    assert_eq!(images(&one), images(&one));
    assert_ne!(images(&one)["serialNumber"], none["serialNumber"]);
    assert_eq!(
        images(&one)["metadata"]["timestamp"],
        "2026-11-20T10:00:01Z"
    );
}

/// What Dependency-Track goes by: ids with sources that it knows, and parts that it finds.
#[test]
fn what_is_said_of_a_weakness_is_found_by_id_source_and_part() {
    let bom = bom(&samples::verdict_with_everything());
    let mut names = vec![
        bom["metadata"]["component"]["bom-ref"]
            .as_str()
            .unwrap()
            .to_owned(),
    ];
    references(&bom["components"], &mut names);
    for vulnerability in bom["vulnerabilities"].as_array().unwrap() {
        let id = vulnerability["id"].as_str().unwrap();
        if id.starts_with("CVE-") && !vulnerability["advisories"].as_array().unwrap().is_empty() {
            assert_eq!(vulnerability["source"]["name"], "NVD", "{id}");
        }
        for affected in vulnerability["affects"].as_array().unwrap() {
            assert!(
                names.iter().any(|name| affected["ref"] == **name),
                "{affected}"
            );
        }
    }
}
