//! Archives that name themselves: what policy says of a well-known name is not theirs to use.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sluicegate_tests::feeds::{self, Advisory};
use sluicegate_tests::image::Image;
use sluicegate_tests::process::Outcome;
use sluicegate_tests::proxy::sluicegate;

use crate::stage;

/// The name that the exception is for.
const WELL_KNOWN: &str = "docker.io/library/php:8";
/// Refuses the finding, excuses it in php, and allows everything under a team's name.
const POLICY: &str = "\
apiVersion: sluicegate/v1
kind: Policy
metadata: {name: strict}
spec:
  onInconclusive: allow
  rules: [{id: bad, when: {severityAtLeast: critical}, action: refuse}]
---
apiVersion: sluicegate/v1
kind: Policy
metadata: {name: lax}
spec: {mode: audit}
---
apiVersion: sluicegate/v1
kind: Binding
metadata: {name: all}
spec: {policy: strict, repositories: [\"docker.io/**\", \"local/**\", \"localhost/**\"]}
---
apiVersion: sluicegate/v1
kind: Binding
metadata: {name: team}
spec: {policy: lax, repositories: [\"quay.io/team/*\"]}
---
apiVersion: sluicegate/v1
kind: Exception
metadata: {name: php, author: a, ticket: T-1}
spec:
  id: CVE-2026-1111
  purls: [\"pkg:pypi/badlib\"]
  images: [\"docker.io/library/php\"]
  statement: not reachable
  expiresAt: 2099-01-01
";

struct Desk {
    home: tempfile::TempDir,
    image: Image,
}

impl Desk {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("make a directory");
        let advisory = Advisory::new("GHSA-aaaa-aaaa-aaaa", "PyPI", "badlib", "2.0");
        let advisory = advisory.alias("CVE-2026-1111").critical();
        feeds::write(&home.path().join("feed"), &[], &[advisory]);
        fs::write(home.path().join("policy.yaml"), POLICY).expect("write a policy");
        let image = stage::vulnerable(70_001);
        Self { home, image }
    }

    fn path(&self, name: &str) -> String {
        self.home.path().join(name).display().to_string()
    }

    /// Writes the image as a layout whose index has these annotations on it.
    fn layout(&self, name: &str, annotations: &Value) -> String {
        let folder = self.home.path().join(name);
        self.image.write_layout(&folder, annotations);
        folder.display().to_string()
    }

    async fn inspect(&self, format: &str, more: &[&str]) -> Outcome {
        let (data, feed) = (self.path("data"), self.path("feed"));
        let policy = self.path("policy.yaml");
        let mut arguments = vec!["inspect-image", "--data", &data, "--feed", &feed];
        arguments.extend(["--policy", &policy, "--format", format]);
        arguments.extend(more);
        sluicegate(&arguments).await
    }
}

/// Packs a directory as a tar archive.
fn packed(folder: &str) -> String {
    let file = format!("{folder}.tar");
    let mut tar = tar::Builder::new(fs::File::create(&file).expect("make an archive"));
    tar.append_dir_all("", Path::new(folder)).expect("pack");
    tar.finish().expect("pack");
    file
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_archive_borrows_the_exceptions_of_a_well_known_name() {
    let desk = Desk::new();
    let reference = "org.opencontainers.image.ref.name";
    let whole = "io.containerd.image.name";
    for (name, annotations) in [
        ("fake", json!({reference: WELL_KNOWN})),
        ("engine", json!({whole: WELL_KNOWN, reference: "8"})),
        ("team", json!({whole: "quay.io/team/app:1"})),
        ("short", json!({reference: "php:8"})),
    ] {
        let folder = desk.layout(name, &annotations);
        let archive = packed(&folder);
        for image in [format!("oci:{folder}"), format!("oci-archive:{archive}")] {
            let outcome = desk.inspect("json", &[&image]).await;
            assert_eq!(outcome.status, 1, "{image}: {}", outcome.text());
            let verdict: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
            assert_eq!(verdict["repository"], format!("local/{name}"), "{image}");
            assert_eq!(verdict["findings"][0]["exception"], Value::Null);
            let claim = verdict["claimed_name"].as_str().expect("a claim");
            let claimed = annotations
                .get(whole)
                .or_else(|| annotations.get(reference));
            assert_eq!(Some(claim), claimed.and_then(Value::as_str), "{image}");
        }
    }
    // The person who asks may name it.
    let named = format!("oci:{}", desk.path("fake"));
    for name in ["php:8", "quay.io/team/app"] {
        let outcome = desk.inspect("json", &["--as", name, &named]).await;
        assert_eq!(outcome.status, 0, "{name}: {}", outcome.text());
    }
    let other = desk
        .inspect("json", &["--as", "library/node:20", &named])
        .await;
    assert_eq!(other.status, 1, "{}", other.text());
    let wrong = desk.inspect("json", &["--as", "no name", &named]).await;
    assert_eq!(wrong.status, 2, "{}", wrong.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_format_shows_a_claim_as_a_claim() {
    let desk = Desk::new();
    let evil = format!("{WELL_KNOWN}\u{1b}[2J\u{9b}31m\u{202e}\n");
    let folder = desk.layout("fake", &json!({"org.opencontainers.image.ref.name": evil}));
    let image = format!("oci:{folder}");
    for format in ["table", "json", "sarif", "cyclonedx", "spdx"] {
        let outcome = desk.inspect(format, &[&image]).await;
        assert_eq!(outcome.status, 1, "{format}: {}", outcome.text());
        let text = &outcome.stdout;
        assert!(text.contains(WELL_KNOWN), "{format}: {text}");
        assert!(
            text.contains("local/fake") || text.contains("local%2Ffake"),
            "{format}: {text}"
        );
        let acts = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!text.contains(acts), "{format}: {text:?}");
        if format == "table" {
            assert!(
                text.contains("claims to be docker.io/library/php:8"),
                "{text}"
            );
        }
    }
    // Errors speak of it as well.
    let missing = desk.inspect("json", &[&format!("{image}:9")]).await;
    assert_eq!(missing.status, 3, "{}", missing.text());
    let acts = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    assert!(!missing.stderr.contains(acts), "{:?}", missing.stderr);
}
