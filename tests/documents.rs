//! The documents keep step with the code: links, named files, settings and samples.
//!
//! It reads pages as text and hands their samples to the parsers that users' files go through.

use std::fs;
use std::path::{Path, PathBuf};

use sluicegate_policy::{
    AttachedFile, AttachedText, NamedFile, PolicySet, SourceFile, Sources, named_files,
};

/// The pages that users and contributors read.
const PAGES: [&str; 28] = [
    "README.md",
    "SECURITY.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/ARCHITECTURE.md",
    "docs/BENCHMARKS.md",
    "docs/accounts.md",
    "docs/decisions/README.md",
    "docs/decisions/crates.md",
    "docs/decisions/hold-and-stream.md",
    "docs/decisions/hops.md",
    "docs/decisions/no-oci-client-on-the-data-path.md",
    "docs/decisions/no-unsafe.md",
    "docs/decisions/own-rpm-reader.md",
    "docs/decisions/sled.md",
    "docs/for-auditors.md",
    "docs/for-pipelines.md",
    "docs/for-platform-teams.md",
    "docs/for-runtimes.md",
    "docs/limits.md",
    "docs/modules.md",
    "docs/plugins.md",
    "docs/policy-cookbook.md",
    "docs/scanners.md",
    "docs/secrets.md",
    "docs/troubleshooting.md",
    "docs/what-is-read.md",
    "tests/README.md",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests lies in the workspace")
        .into()
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Gives what stands between each pair of marks.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Vec<&'a str> {
    let after_each = text.split(open).skip(1);
    after_each
        .filter_map(|rest| rest.split_once(close))
        .map(|(inside, _)| inside)
        .collect()
}

/// Gives the gaps' kinds as verdicts write them.
fn gap_kinds() -> Vec<String> {
    let source = read("scanner/model/src/coverage.rs");
    let (_, kinds) = source.split_once("enum GapKind {").expect("the kinds");
    let (kinds, _) = kinds.split_once("\n}").expect("the end of the kinds");
    let variants = kinds.lines().map(str::trim);
    let variants = variants.filter(|line| !line.is_empty() && !line.starts_with("///"));
    let kebab = |variant: &str| {
        let mut kebab = String::new();
        for c in variant.trim_end_matches(',').chars() {
            if c.is_uppercase() && !kebab.is_empty() {
                kebab.push('-');
            }
            kebab.extend(c.to_lowercase());
        }
        kebab
    };
    variants.map(kebab).collect()
}

#[test]
fn every_kind_of_gap_is_described_for_people() {
    let kinds = gap_kinds();
    assert!(kinds.contains(&"no-feed".to_owned()), "{kinds:?}");
    let page = "docs/troubleshooting.md";
    let text = read(page);
    let missing: Vec<_> = kinds
        .iter()
        .filter(|kind| !text.contains(&format!("`{kind}`")))
        .collect();
    assert!(missing.is_empty(), "{page} lacks {missing:?}");
}

#[test]
fn every_link_of_the_pages_leads_somewhere() {
    let mut dead = Vec::new();
    for page in PAGES {
        let text = read(page);
        let folder = Path::new(page).parent().expect("a page lies in a folder");
        for link in between(&text, "](", ")") {
            let file = link.split('#').next().unwrap_or_default();
            let is_ours = !file.is_empty() && !file.contains("://");
            if is_ours && !root().join(folder).join(file).exists() {
                dead.push(format!("{page}: {link}"));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:?}");
}

#[test]
fn every_source_file_that_the_limits_name_exists() {
    let text = read("docs/limits.md");
    let named: Vec<&str> = between(&text, "| `", "` |")
        .into_iter()
        .filter(|name| name.contains("/src/"))
        .collect();
    assert!(named.len() > 20, "few files are named: {named:?}");
    for name in named.iter().flat_map(|name| name.split("`, `")) {
        let is_path = name.contains('/');
        assert!(!is_path || root().join(name).exists(), "{name}");
    }
}

#[test]
fn every_setting_is_described_and_in_the_example() {
    let table = read("config/src/settings.rs");
    // What people write stands outermost in a row, with the type of a flag.
    let outermost = table.lines().filter_map(|line| line.strip_prefix("    "));
    let given = outermost.filter_map(|line| line.split_once(": "));
    let is_flag = |(key, given): &(&str, &str)| {
        let types = ["Option<String>", "Vec<String>", "bool"];
        let is_key = key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        is_key && types.iter().any(|of_flag| given.starts_with(of_flag))
    };
    let settings: Vec<&str> = given.filter(is_flag).map(|(key, _)| key).collect();
    assert!(settings.len() > 20, "few settings were found: {settings:?}");
    let (page, example) = (
        read("docs/for-platform-teams.md"),
        read("config/sluicegate.example.yaml"),
    );
    for setting in settings {
        assert!(
            page.contains(&format!("| `{setting}` |")),
            "{setting} is not described"
        );
        // The file's key for registries holds more than the flag.
        let key = setting.replace("upstream", "upstreams");
        let key = key.replace("default_upstreams", "default_upstream");
        // What needs a file or a receiver is shown as a comment.
        let shown = ["", "# "].map(|mark| format!("\n{mark}{key}:"));
        assert!(
            shown.iter().any(|line| example.contains(line)),
            "{setting} is not in the example"
        );
    }
}

/// Puts the documents of a page in the place of a file that a sample names, or the key that it shows.
fn shown_under(named: NamedFile, documents: &[&str], key: &str) -> AttachedFile {
    let path = named.path.clone();
    let is_key = Path::new(&path).extension().is_some_and(|it| it == "pub");
    let documents = if is_key { &[key] } else { documents };
    let text = |text: &&str| AttachedText {
        path: path.clone(),
        file: SourceFile {
            name: path.clone(),
            text: (*text).to_owned(),
        },
    };
    AttachedFile {
        found: Ok(documents.iter().map(text).collect()),
        named,
    }
}

#[test]
fn every_sample_of_a_policy_is_valid() {
    let page = read("docs/for-platform-teams.md");
    let documents: Vec<&str> = between(&page, "```json\n", "```")
        .into_iter()
        .filter(|sample| sample.contains("openvex.dev"))
        .collect();
    assert_eq!(documents.len(), 1, "one document is shown");
    let (begin, end) = ("-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----");
    let key = between(&page, begin, end).swap_remove(0);
    let key = format!("{begin}{key}{end}");
    let mut samples: Vec<&str> = between(&page, "```yaml\n", "```")
        .into_iter()
        .filter(|sample| sample.contains("apiVersion: sluicegate/v1"))
        .collect();
    assert!(samples.len() >= 3, "few samples were found");
    let deployment = read("deploy/kubernetes.yaml");
    let mounted = between(&deployment, "  baseline.yaml: |\n", "\n---");
    samples.extend(&mounted);
    assert_eq!(mounted.len(), 1, "the deployment mounts one policy");
    for (at, sample) in samples.iter().enumerate() {
        // A binding's policy is in another sample: each is read beside those before it.
        let files: Vec<SourceFile> = samples[..=at]
            .iter()
            .enumerate()
            .map(|(number, text)| SourceFile {
                name: format!("sample {number}"),
                text: (*text).to_owned(),
            })
            .collect();
        let attached: Vec<AttachedFile> = named_files(&files)
            .into_iter()
            .map(|named| shown_under(named, &documents, &key))
            .collect();
        let read = PolicySet::load(&Sources {
            files: &files,
            attached: &attached,
            now: jiff::Timestamp::UNIX_EPOCH,
        });
        assert!(read.is_ok(), "{sample}\n{:?}", read.err());
    }
}
