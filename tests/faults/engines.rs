//! Another engine over the same data directory: nothing is mixed up, and what is left behind is told.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use sluicegate_tests::process::{Outcome, run_with};
use sluicegate_tests::proxy::{ProxyBuilder, program};

use crate::stage::{Stage, clean_image, flawed_image};

/// What shows every verdict.
const LIST: &[&str] = &["verdicts", "list"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_engine_judges_again_says_so_and_is_the_one_that_offline_queries_read() {
    let home = tempfile::tempdir().expect("make a directory");
    let data = home.path().join("data").display().to_string();
    let (clean, flawed) = (clean_image(1, 10_000), flawed_image(2, 10_000));
    let mut stage = Stage::with(|builder| builder.data(&data)).await;
    for (store, is_told) in [("sled", false), ("redb", true), ("redb", false)] {
        let builder = ProxyBuilder::new(&stage.upstream.url())
            .data(&data)
            .flag("--store", store);
        assert!(stage.proxy.terminate().success());
        stage = Stage::around(stage.upstream, builder).await;
        stage.upstream.add("lib/app", "1", &clean);
        stage.upstream.add("lib/flawed", "1", &flawed);
        let told = stage.proxy.log();
        let told = told.matches("are of another engine").count();
        assert_eq!(told, usize::from(is_told), "{store}");
        let status = stage.proxy.api("/api/v1/status").await.json();
        assert_eq!(status["store"], store);
        stage.pulls("lib/app", "1", &clean).await;
        assert_eq!(stage.manifest("lib/flawed", "1").await.status, 403);
    }
    assert!(stage.proxy.terminate().success());
    for store in ["sled", "redb"] {
        for question in [LIST, &["packages", "flawed"]] {
            let listed = ask(question, &data, store).await;
            assert_eq!(listed.status, 0, "{store}: {}", listed.text());
            assert!(listed.text().contains("lib/flawed"), "{}", listed.text());
        }
    }
    std::fs::remove_dir_all(Path::new(&data).join("verdicts")).expect("leave one of them");
    let refused = ask(LIST, &data, "sled").await;
    assert_eq!(refused.status, 3, "{}", refused.text());
    assert!(
        refused.text().contains("SLUICEGATE_STORE=redb"),
        "{}",
        refused.text()
    );
    assert!(!Path::new(&data).join("verdicts").exists());
}

async fn ask(question: &[&str], data: &str, store: &str) -> Outcome {
    let program = program().display().to_string();
    let arguments = [question, &["--format", "csv", "--data", data]].concat();
    let environment = [("SLUICEGATE_STORE", OsStr::new(store))];
    run_with(&program, &arguments, &environment, Duration::from_secs(60)).await
}
