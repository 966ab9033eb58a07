//! Who allowed something: kept as long as the log, whatever becomes of the files.

use std::os::unix::fs::PermissionsExt as _;

use sluicegate_model::Scope;
use sluicegate_model::clock::Clock;
use sluicegate_policy::{PolicySet, SourceFile, digest_of_documents};

use super::*;
use crate::durable::Disk;

const POLICY: &str = "apiVersion: sluicegate/v1\nkind: Policy\nmetadata: {name: p}\nspec: {}\n";
const EXCEPTION: &str = "# Agreed on Monday.\napiVersion: sluicegate/v1\nkind: Exception\n\
    metadata: {name: unreachable, author: a.lopez, ticket: SEC-1412}\n\
    spec: {id: CVE-2026-1, images: [up.test/app], statement: parser not used, expiresAt: 2027-01-31}\n";

fn set(texts: &[&str]) -> PolicySet {
    let file = |(at, text): (usize, &&str)| SourceFile {
        name: format!("{at}.yaml"),
        text: (*text).to_owned(),
    };
    let files: Vec<SourceFile> = texts.iter().enumerate().map(file).collect();
    PolicySet::parse(&files).unwrap()
}

fn record(directory: &Path) -> (PolicyRecord, DecisionLog) {
    let (log, _) = DecisionLog::open(directory).unwrap();
    let texts = PolicyTexts::open(directory).unwrap();
    let clock = Clock::from_fn(|| at(0));
    (PolicyRecord::new(log.clone(), texts, clock), log)
}

#[test]
fn texts_outlive_the_files_and_the_process() {
    let directory = tempfile::tempdir().unwrap();
    let with = set(&[POLICY, EXCEPTION]);
    let scope = Scope::for_all("up.test/app".parse().unwrap());
    let digest = with.digest_for(&scope);
    let (record, log) = record(directory.path());
    record.keep_for(&with, &scope).unwrap();
    drop((record, log));

    let kept = PolicyTexts::find(directory.path(), &digest)
        .unwrap()
        .unwrap();
    let exception = kept
        .documents
        .iter()
        .find(|d| d.name == "unreachable")
        .unwrap();
    assert_eq!(
        (&*exception.kind, &*exception.file),
        ("exception", "1.yaml")
    );
    for part in [
        "# Agreed on Monday.",
        "a.lopez",
        "SEC-1412",
        "parser not used",
    ] {
        assert!(exception.text.contains(part), "{}", exception.text);
    }
    assert_eq!(digest_of_documents(&kept.documents), digest);
    let mode = directory.path().join("policies.jsonl").metadata().unwrap();
    assert_eq!(mode.permissions().mode() & 0o7777, 0o600);
    let unknown = PolicyTexts::find(directory.path(), &Digest::of(b"x")).unwrap();
    assert_eq!(unknown, None);
}

#[test]
fn another_repository_is_decided_by_other_documents() {
    let directory = tempfile::tempdir().unwrap();
    let with = set(&[POLICY, EXCEPTION]);
    let (record, _log) = record(directory.path());
    let scope = |name: &str| Scope::for_all(name.parse().unwrap());
    for name in ["up.test/app", "up.test/other"] {
        record.keep_for(&with, &scope(name)).unwrap();
    }
    let elsewhere = with.digest_for(&scope("up.test/other"));
    let kept = PolicyTexts::find(directory.path(), &elsewhere)
        .unwrap()
        .unwrap();
    let names: Vec<_> = kept.documents.iter().map(|d| &*d.name).collect();
    assert_eq!(names, ["p"]);
    let text = fs::read_to_string(directory.path().join("policies.jsonl")).unwrap();
    assert_eq!(
        text.matches("kind: Policy").count(),
        1,
        "each document once"
    );
}

#[test]
fn a_change_of_the_set_is_a_line_and_the_first_set_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let (without, with) = (set(&[POLICY]), set(&[POLICY, EXCEPTION]));
    let (record, log) = record(directory.path());
    for set in [&without, &without, &with, &with] {
        record.enter(set).unwrap();
    }
    drop((record, log));
    assert_eq!(told(directory.path()), [(LineKind::Policy, 0)]);
    // The same set after a restart is no change, another one is.
    let (record, log) = self::record(directory.path());
    record.enter(&with).unwrap();
    assert_eq!(lines(directory.path()).len(), 1);
    record.enter(&without).unwrap();
    drop((record, log));
    let lines = lines(directory.path());
    let digests: Vec<_> = lines
        .iter()
        .map(|line| line.policies.clone().unwrap())
        .collect();
    assert_eq!(digests, [with.digest(), without.digest()]);
    assert_eq!(lines[0].policy.as_deref(), Some("p"));
    assert_eq!((&lines[0].client, lines[0].decision), (&None, None));
    let kept = PolicyTexts::find(directory.path(), &with.digest())
        .unwrap()
        .unwrap();
    assert_eq!(kept.documents.len(), 2);
    assert!(verify(directory.path()).unwrap().is_sound());
}

#[test]
fn who_signs_for_an_exception_is_part_of_what_decides() {
    let other = EXCEPTION.replace("a.lopez", "b.kim");
    let (before, after) = (set(&[POLICY, EXCEPTION]), set(&[POLICY, &other]));
    assert_ne!(before.digest(), after.digest());
}

#[test]
fn a_torn_end_and_a_failed_sync_lose_nothing_that_was_kept() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (set(&[POLICY]), set(&[POLICY, EXCEPTION]));
    let disk = Disk::default();
    let keep = |texts: &PolicyTexts, set: &PolicySet| texts.keep(&set.digest(), || set.documents());
    let texts = PolicyTexts::open_on(directory.path(), &disk).unwrap();
    keep(&texts, &one).unwrap();
    disk.let_fail(true);
    assert!(keep(&texts, &two).is_err());
    assert!(keep(&texts, &one).is_ok(), "it is there");
    disk.let_fail(false);
    keep(&texts, &two).unwrap();
    drop(texts);

    let path = directory.path().join("policies.jsonl");
    let whole = fs::read(&path).unwrap();
    for cut in [1, 40, 200] {
        fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        let texts = PolicyTexts::open(directory.path()).unwrap();
        keep(&texts, &two).unwrap();
        for set in [&one, &two] {
            let found = PolicyTexts::find(directory.path(), &set.digest()).unwrap();
            assert!(found.is_some(), "cut {cut}");
        }
    }
}

#[test]
fn what_its_digest_does_not_prove_is_not_given() {
    let directory = tempfile::tempdir().unwrap();
    let with = set(&[POLICY, EXCEPTION]);
    let texts = PolicyTexts::open(directory.path()).unwrap();
    texts.keep(&with.digest(), || with.documents()).unwrap();
    drop(texts);
    let path = directory.path().join("policies.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("a.lopez", "nobody!")).unwrap();
    let found = PolicyTexts::find(directory.path(), &with.digest()).unwrap();
    assert_eq!(found, None);
    let texts = PolicyTexts::open(directory.path()).unwrap();
    texts.keep(&with.digest(), || with.documents()).unwrap();
    let found = PolicyTexts::find(directory.path(), &with.digest()).unwrap();
    assert_eq!(found.unwrap().documents.len(), 2, "kept again");
}
