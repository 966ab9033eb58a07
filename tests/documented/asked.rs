//! What the program says to questions: right ones, of a running and of a stopped service alike, and
//! mistyped ones, which never look like "nothing".

use std::path::Path;

use serde_json::Value;
use sluicegate_tests::process::{Outcome, run_with};
use sluicegate_tests::proxy::{program, sluicegate};

use crate::run::{LIMIT, Place};

/// Runs a command with a variable of the environment.
async fn with(variable: (&str, &str), arguments: &[&str]) -> Outcome {
    let program = program().display().to_string();
    let variable = [(variable.0, std::ffi::OsStr::new(variable.1))];
    run_with(&program, arguments, &variable, LIMIT).await
}

fn entries(directory: &Path) -> usize {
    std::fs::read_dir(directory)
        .expect("list a directory")
        .count()
}

#[tokio::test]
async fn the_program_alone_prints_help_and_serves_nothing() {
    let alone = sluicegate(&[]).await.expect_ok("sluicegate");
    for word in ["Usage: sluicegate", "serve", "inspect-image", "Examples:"] {
        assert!(alone.stdout.contains(word), "{word}: {alone:?}");
    }
    assert!(!alone.text().contains("listening"), "{alone:?}");
}

#[tokio::test]
async fn a_directory_that_is_no_store_is_an_error_and_stays_as_it_is() {
    let empty = tempfile::tempdir().expect("make a directory");
    let absent = empty.path().join("absent").display().to_string();
    let here = empty.path().display().to_string();
    for command in [
        &["verdicts", "list"][..],
        &["verdicts", "export"],
        &[
            "verdicts",
            "show",
            "sha256:a8140c926dc6464a354d4b4560e882f69147e00b3bd506d5ecd84531bfbec892",
        ],
        &["packages", "openssl"],
        &["events", "list"],
        &["decisions", "list"],
        &["decisions", "verify"],
        &["feeds", "status"],
    ] {
        for data in [here.as_str(), absent.as_str()] {
            let failed = sluicegate(&[command, &["--data", data]].concat()).await;
            assert_eq!(failed.status, 3, "{command:?} {failed:?}");
            assert!(failed.stderr.contains(data), "{command:?} {failed:?}");
            assert_eq!(failed.stdout, "", "{command:?}");
        }
    }
    assert_eq!(entries(empty.path()), 0, "something was made");
}

#[tokio::test]
async fn a_word_that_is_none_is_told_the_right_one() {
    for (command, word) in [
        (&["verdicts", "list", "--decision", "refused"][..], "refuse"),
        (
            &["verdicts", "show", "team/app"],
            "verdicts list --repository",
        ),
        (&["events", "list", "--direction", "worst"], "worse"),
        (&["verdicts", "list", "--service", "ftp://x"], "HOST:PORT"),
        (&["inspect-image", "--fail-on", "high", "nginx"], "--policy"),
        (&["scan", "nginx"], "inspect-image"),
        (&["serve", "--listen", "5000"], "0.0.0.0:5000"),
        (&["exceptions", "list", "--ending", "soon"], "7d"),
        (&["warm"], "REPOSITORY"),
        (
            &[
                "verdicts", "export", "--format", "sarif", "--of", "findings",
            ],
            "jsonl and csv",
        ),
    ] {
        let failed = sluicegate(command).await;
        assert_eq!(failed.status, 2, "{command:?} {failed:?}");
        assert!(failed.stderr.contains(word), "{command:?} {failed:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_and_a_stopped_service_answer_the_same() {
    let mut place = Place::furnish().await;
    let (api, data) = (place.proxy.api_address().to_owned(), place.proxy.data());
    let (api, data) = (api.as_str(), data.display().to_string());
    let (data, digest) = (data.as_str(), place.refused.clone());
    let digest = digest.as_str();
    let commands: [&[&str]; 12] = [
        &["verdicts", "list", "--format", "jsonl", "--since", "7d"],
        &[
            "verdicts",
            "list",
            "--repository",
            "up.test/shop/refused",
            "--format",
            "json",
        ],
        &["verdicts", "list", "--package", "libbad", "--format", "csv"],
        &["verdicts", "list", "--decision", "refuse", "--no-header"],
        &["verdicts", "export"],
        &["verdicts", "show", digest],
        &["packages", "LibBad", "--format", "json"],
        // What was refused in the last minute is told when the service stops.
        &[
            "events",
            "list",
            "--type",
            "verdict.changed",
            "--format",
            "json",
        ],
        &["verdicts", "export", "--of", "findings", "--format", "csv"],
        &["verdicts", "export", "--of", "packages"],
        &["verdicts", "export", "--format", "cyclonedx"],
        &["verdicts", "export", "--format", "sarif"],
    ];
    let mut answers = Vec::new();
    for command in commands {
        let asked = with(("SLUICEGATE_SERVICE", api), command).await;
        answers.push(asked.expect_ok(&command.join(" ")).stdout);
        let in_use = sluicegate(&[command, &["--data", data]].concat()).await;
        assert_eq!(in_use.status, 3, "{command:?} {in_use:?}");
        assert!(
            in_use.stderr.contains("a service runs here; use --service"),
            "{in_use:?}"
        );
    }
    let listed: Value = serde_json::from_str(&answers[1]).expect("a page");
    assert_eq!(listed["items"][0]["digest"], digest, "{listed}");
    assert!(
        answers[2].contains(digest) && answers[3].contains("refuse"),
        "{answers:?}"
    );
    assert_eq!(answers[4].lines().count(), 2, "{}", answers[4]);

    for filter in [
        ["--vulnerability", "CVE-1999-0001"],
        ["--until", "2020-01-01"],
    ] {
        let command = [&["verdicts", "list", "--service", api][..], &filter[..]].concat();
        let nothing = sluicegate(&command).await.expect_ok("an empty list");
        assert!(nothing.stderr.contains("no verdicts match"), "{nothing:?}");
        assert_eq!(nothing.stdout, "", "{nothing:?}");
        let quiet = sluicegate(&[&command[..], &["--quiet"]].concat()).await;
        assert_eq!(quiet.expect_ok("a quiet list").stderr, "");
    }
    let registry = place.proxy.address().to_owned();
    let other = sluicegate(&["status", "--service", &registry]).await;
    assert!(
        other.status == 3 && other.stderr.contains("is a registry"),
        "{other:?}"
    );
    for command in [&["health"][..], &["health", "--ready"], &["status"]] {
        let asked = sluicegate(&[command, &["--service", api]].concat()).await;
        asked.expect_ok("a service that is well");
    }

    place.proxy.terminate();
    for (command, answer) in commands.iter().zip(&answers) {
        let stopped = sluicegate(&[*command, &["--data", data]].concat()).await;
        let stopped = stopped.expect_ok(&command.join(" ")).stdout;
        assert_eq!(stopped, *answer, "{command:?}");
    }
    let gone = sluicegate(&["health", "--service", api]).await;
    assert!(
        gone.status == 3 && gone.stderr.contains("refused"),
        "{gone:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_what_runs_is_judged_and_told_by_policy() {
    let place = Place::furnish().await;
    let api = place.proxy.api_address();
    let program = program().display().to_string();
    let list = "# the cluster\\ndocker.io/library/nginx\\nshop/refused:1\\nshop/refused:1\\n\\nnowhere.example/x:1\\n";
    let script = format!("printf '{list}' | {program} warm - --service {api}");
    let warmed = run_with("sh", &["-c", &script], &[], LIMIT).await;
    assert_eq!(warmed.status, 3, "{warmed:?}");
    for words in [
        "would refuse 1 of 2 images",
        "library/nginx:latest",
        "shop/refused:1",
    ] {
        assert!(warmed.stdout.contains(words), "{words}: {warmed:?}");
    }
    assert!(warmed.stdout.contains("nowhere.example"), "{warmed:?}");
    let refused = sluicegate(&[
        "warm",
        "shop/refused:1",
        "library/alpine:3.2*",
        "--service",
        api,
    ])
    .await;
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(refused.stdout.contains("alpine:3.20") && refused.stdout.contains("alpine:3.22"));
}

#[tokio::test]
async fn a_configuration_is_checked_without_serving() {
    let directory = tempfile::tempdir().expect("make a directory");
    let file = directory.path().join("sluicegate.yaml");
    let check = async |text: &str| {
        std::fs::write(&file, text).expect("write a file");
        let data = directory.path().join("data").display().to_string();
        let config = file.display().to_string();
        sluicegate(&["config", "check", "--config", &config, "--data", &data]).await
    };
    let fine = check("listen: localhost:5000\nfeed: [none]\n")
        .await
        .expect_ok("config check");
    assert!(fine.stdout.contains("127.0.0.1:5000"), "{fine:?}");
    for (text, word) in [
        ("listem: localhost:5000\n", "1:1"),
        ("listen: 5000\n", "0.0.0.0:5000"),
        ("policy: [/nowhere/policies]\n", "/nowhere/policies"),
        ("feed: [/nowhere/feed]\n", "/nowhere/feed"),
        (
            "tls: {cert_file: /nowhere/c, key_file: /nowhere/k}\n",
            "/nowhere/",
        ),
        (
            "upstreams: {a.example: {url: \"https://a.example\", ca_file: /nowhere/ca}}\ndefault_upstream: a.example\n",
            "/nowhere/ca",
        ),
    ] {
        let wrong = check(text).await;
        assert_eq!(wrong.status, 2, "{text}: {wrong:?}");
        assert!(wrong.stderr.contains(word), "{text}: {wrong:?}");
    }
    assert_eq!(entries(directory.path()), 1, "something was made");
}
