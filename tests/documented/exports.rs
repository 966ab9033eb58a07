//! Exports: each has exactly what the lists have, in an order that stays.

use std::collections::BTreeSet;

use serde_json::Value;
use sluicegate_tests::schemas;

use crate::run::Place;

/// What a service tells of everything, and how it exports it.
struct Exported {
    place: Place,
    /// The items of the list, in the order of its export.
    verdicts: Vec<Value>,
}

impl Exported {
    async fn of_a_service() -> Self {
        let place = Place::furnish().await;
        let path = "/api/v1/verdicts?include=findings&order=first-judged";
        let listed = place.proxy.api(path).await.json();
        let verdicts = listed["items"].as_array().expect("a list").clone();
        assert!(verdicts.len() > 1, "{listed}");
        let newest = place.proxy.api("/api/v1/verdicts?include=findings").await;
        let mut newest = newest.json()["items"].as_array().expect("a list").clone();
        let mut sorted = verdicts.clone();
        for list in [&mut newest, &mut sorted] {
            list.sort_by_key(|it| (it["repository"].to_string(), it["digest"].to_string()));
        }
        assert_eq!(newest, sorted, "the same in both orders");
        Self { place, verdicts }
    }

    async fn text(&self, arguments: &[&str]) -> String {
        let command = [&["verdicts", "export"], arguments].concat();
        let outcome = self.place.proxy.command(&command).await;
        outcome.expect_ok(&command.join(" ")).stdout
    }

    async fn lines(&self, of: &str) -> Vec<Value> {
        let text = self.text(&["--of", of]).await;
        let lines = text.lines().map(serde_json::from_str);
        lines.collect::<Result<_, _>>().expect("JSON lines")
    }

    async fn document(&self, format: &str) -> Value {
        let text = self.text(&["--format", format]).await;
        assert_eq!(
            text,
            self.text(&["--format", format]).await,
            "the same each time"
        );
        serde_json::from_str(&text).expect("a document")
    }

    /// Gives the findings of all images, each with its image's repository.
    fn findings(&self) -> Vec<(&Value, &Value)> {
        let of = |verdict: &'_ Value| verdict["findings"].as_array().expect("a list").len();
        assert!(self.verdicts.iter().map(of).sum::<usize>() > 0);
        let verdicts = self.verdicts.iter();
        verdicts
            .flat_map(|verdict| {
                let findings = verdict["findings"].as_array().expect("a list");
                findings
                    .iter()
                    .map(|finding| (&verdict["repository"], finding))
            })
            .collect()
    }
}

fn list(of: &Value) -> &[Value] {
    of.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_of_an_export_are_what_the_lists_have() {
    let exported = Exported::of_a_service().await;
    assert_eq!(exported.lines("verdicts").await, exported.verdicts);

    let mut findings = exported.lines("findings").await;
    let wanted = exported.findings();
    assert_eq!(findings.len(), wanted.len());
    for (line, (repository, finding)) in findings.iter_mut().zip(wanted) {
        let line = line.as_object_mut().expect("an object");
        let image = line.remove("image").expect("its image");
        assert_eq!(&image["repository"], repository);
        let rules = line.remove("rules").expect("its rules");
        assert_eq!(
            image["decision"] == "refuse",
            rules.to_string().contains("refuse")
        );
        assert_eq!(&Value::Object(line.clone()), finding);
    }
    let csv = exported
        .text(&["--of", "findings", "--format", "csv"])
        .await;
    assert_eq!(csv.lines().count(), findings.len() + 1);
    let bare = ["--of", "findings", "--format", "csv", "--no-header"];
    assert_eq!(exported.text(&bare).await.lines().count(), findings.len());

    let packages = exported.lines("packages").await;
    let names: BTreeSet<&str> = packages
        .iter()
        .filter_map(|it| it["name"].as_str())
        .collect();
    assert!(
        names.contains("libbad") && names.contains("libgood"),
        "{names:?}"
    );
    for name in names {
        let path = format!("/api/v1/packages?name={name}");
        let listed = exported.place.proxy.api(&path).await.json();
        let of_it = |it: &&Value| it["name"] == name;
        let (told, lines) = (list(&listed["items"]).iter(), packages.iter());
        let place = |it: &Value, image: &Value| {
            let said = [&it["version"], &it["purl"], &it["path"], &image["digest"]];
            said.map(ToString::to_string)
        };
        let mut told: Vec<_> = told.filter(of_it).map(|it| place(it, it)).collect();
        let mut lines: Vec<_> = lines
            .filter(of_it)
            .map(|it| place(it, &it["image"]))
            .collect();
        told.sort();
        lines.sort();
        assert_eq!(told, lines, "{name}");
    }
    let one = ["--of", "packages", "--repository", "up.test/shop/refused"];
    let one = exported.text(&one).await;
    assert!(one.contains("libbad") && !one.contains("libgood"), "{one}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_of_all_images_have_what_the_lists_have_and_others_accept_them() {
    let exported = Exported::of_a_service().await;
    let (images, found) = (exported.verdicts.len(), exported.findings().len());

    let sarif = exported.document("sarif").await;
    let runs = list(&sarif["runs"]);
    let results: usize = runs.iter().map(|run| list(&run["results"]).len()).sum();
    assert_eq!((runs.len(), results), (images, found));
    let ids: BTreeSet<String> = runs
        .iter()
        .map(|run| run["automationDetails"]["id"].to_string())
        .collect();
    assert_eq!(ids.len(), images, "{ids:?}");

    let defectdojo = exported.document("defectdojo").await;
    assert_eq!(list(&defectdojo["findings"]).len(), found);

    let bom = exported.document("cyclonedx").await;
    let packages = exported.lines("packages").await.len();
    let mut references = BTreeSet::new();
    let (mut held, mut all) = (0, 0);
    for image in list(&bom["components"]) {
        assert_eq!(image["type"], "container");
        let parts = list(&image["components"]);
        held += parts
            .iter()
            .filter(|it| it["type"] != "operating-system")
            .count();
        for part in parts.iter().chain([image]) {
            all += 1;
            references.insert(part["bom-ref"].as_str().expect("a name").to_owned());
        }
    }
    assert_eq!((list(&bom["components"]).len(), held), (images, packages));
    assert_eq!(references.len(), all, "two parts share a name");
    let vulnerabilities = list(&bom["vulnerabilities"]);
    let affected = vulnerabilities.iter().flat_map(|it| list(&it["affects"]));
    let affected: Vec<&str> = affected.filter_map(|it| it["ref"].as_str()).collect();
    assert_eq!(affected.len(), found);
    assert!(
        affected.iter().all(|it| references.contains(*it)),
        "{affected:?}"
    );
    for vulnerability in vulnerabilities {
        let source = vulnerability["source"]["name"].as_str().unwrap_or_default();
        assert!(
            ["NVD", "GITHUB", "OSV"].contains(&source),
            "{vulnerability}"
        );
    }
    let documents = [("cyclonedx", &bom), ("sarif", &sarif)];
    let documents = documents.map(|(kind, document)| (kind, document.to_string()));
    let documents = documents
        .each_ref()
        .map(|(kind, text)| (*kind, text.as_bytes()));
    schemas::validate(&documents)
        .await
        .expect_ok("validators of others");
}
