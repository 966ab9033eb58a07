//! The conformance suite of OCI's distribution-spec in its read-only form.
//!
//! It asks for content that is there already and tells, check by check, whether the answers are
//! what the specification says.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use crate::clients::PULL_LIMIT;
use crate::process::run_with;
use crate::programs;

/// What is there to be asked for, in one repository.
#[derive(Clone, Debug, Default)]
pub struct Content {
    /// Tags.
    pub tags: Vec<String>,
    /// Digests of manifests.
    pub manifests: Vec<String>,
    /// Digests of blobs.
    pub blobs: Vec<String>,
    /// Digests whose referrers are asked for.
    pub subjects: Vec<String>,
}

/// What the suite said of each check: `Pass`, `FAIL` with its reasons, `Skip`, `Disabled`.
///
/// *Shape*: by the full name of the check and, as many have the same name, which of them it is.
pub type Checks = BTreeMap<(String, usize), String>;

/// Runs the suite against `repository` on `address`, a host and port without TLS.
pub async fn run(address: &str, repository: &str, content: &Content) -> Checks {
    let results = tempfile::tempdir().expect("make a directory");
    let folder = results.path().display().to_string();
    let lists = [
        content.tags.join(" "),
        content.manifests.join(" "),
        content.blobs.join(" "),
        content.subjects.join(" "),
    ];
    let settings = [
        ("OCI_REGISTRY", address),
        ("OCI_TLS", "disabled"),
        ("OCI_REPO1", repository),
        ("OCI_RESULTS_DIR", &folder),
        ("OCI_VERSION", "1.1"),
        ("OCI_API_PUSH", "false"),
        ("OCI_API_BLOBS_DELETE", "false"),
        ("OCI_API_MANIFESTS_DELETE", "false"),
        ("OCI_API_TAGS_DELETE", "false"),
        ("OCI_RO_DATA_TAGS", &lists[0]),
        ("OCI_RO_DATA_MANIFESTS", &lists[1]),
        ("OCI_RO_DATA_BLOBS", &lists[2]),
        ("OCI_RO_DATA_REFERRERS", &lists[3]),
    ];
    let environment = settings.map(|(name, value)| (name, OsStr::new(value)));
    let program = programs::required("conformance").display().to_string();
    let outcome = run_with(&program, &[], &environment, PULL_LIMIT).await;
    let checks = read(&outcome.stdout);
    assert!(!checks.is_empty(), "{}", outcome.text());
    checks
}

/// Reads the tree of results: `NAME: STATUS`, indented by depth, reasons as ` - ` beneath a check.
///
/// *Shape*: checks only, so a line with deeper results beneath it is left out.
fn read(report: &str) -> Checks {
    let lines = report
        .lines()
        .skip(1)
        .take_while(|line| *line != "Configuration:");
    let mut checks: Vec<(usize, String, String)> = Vec::new();
    for line in lines {
        let text = line.trim_start();
        let depth = line.len() - text.len();
        if let Some((_, _, status)) = checks.last_mut()
            && text.starts_with("- ")
        {
            *status = format!("{status} {text}");
        } else if let Some((name, status)) = text.rsplit_once(": ") {
            if checks.last().is_some_and(|(above, ..)| *above < depth) {
                checks.pop();
            }
            checks.push((depth, name.to_owned(), status.to_owned()));
        }
    }
    let mut named = Checks::new();
    for (_, name, status) in checks {
        let which = (0..).find(|which| !named.contains_key(&(name.clone(), *which)));
        named.insert((name, which.unwrap_or_default()), status);
    }
    named
}
