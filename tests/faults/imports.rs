//! Imports that are killed: what is in use afterwards is the old snapshot or the new one, whole.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use sluicegate_tests::feeds::{self, Advisory};
use sluicegate_tests::proxy::{program, sluicegate};
use sluicegate_tests::seeds::{rng, seeds};
use sluicegate_tests::waiting::moment;

/// Kills of an ordinary run.
const KILLS: u64 = 50;
/// Kills of a run before a release.
const LONG_KILLS: u64 = 200;
/// Ecosystems of a bundle, each a file.
const ECOSYSTEMS: usize = 24;
/// Padding of each advisory: an import takes long enough to be killed in every step.
const PADDING: usize = 20_000;

/// Every file of a snapshot.
type Files = BTreeMap<String, Vec<u8>>;

/// Exports a feed of its own as bundle number `version`; gives its files.
async fn export(home: &Path, version: u64) -> Files {
    let feed = home.join(format!("feed-{version}"));
    let names: Vec<String> = (0..ECOSYSTEMS).map(|n| format!("Alpine:v3.{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let id = format!("CVE-2026-{version}{}", "0".repeat(PADDING));
    let advisories: Vec<Advisory> = names
        .iter()
        .map(|name| Advisory::new(&id, name, "tool", "2.0"))
        .collect();
    feeds::write(&feed, &names, &advisories);
    let (bundle, key) = (bundle(home, version), home.join("key"));
    let (feed_text, number) = (feed.display().to_string(), version.to_string());
    let key = key.display().to_string();
    let export = ["feeds", "export", &bundle, "--signing-key", &key];
    let more = ["--feed", &feed_text, "--bundle-version", &number];
    sluicegate(&[&export[..], &more].concat())
        .await
        .expect_ok("export");
    read(&feed)
}

fn bundle(home: &Path, version: u64) -> String {
    home.join(format!("{version}.tar.zst"))
        .display()
        .to_string()
}

fn read(directory: &Path) -> Files {
    let mut files = Files::new();
    for folder in std::fs::read_dir(directory).expect("list a snapshot") {
        let folder = folder.expect("read an entry").path();
        for file in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = file.expect("read an entry").path();
            let name = path.strip_prefix(directory).expect("a path within");
            let content = std::fs::read(&path).expect("read a file");
            files.insert(name.display().to_string(), content);
        }
    }
    files
}

/// Gives the number and the files of the snapshot in use.
fn in_use(home: &Path) -> (u64, Files) {
    let imported = home.join("data/feeds/imported");
    let text = std::fs::read(imported.join("current.json")).expect("read what is in use");
    let current: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    let version = current["version"].as_u64().expect("a version");
    let digest = current["digest"].as_str().expect("a digest");
    let place = imported.join(format!("snapshot-{version}-{}", &digest[..16]));
    (version, read(&place))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_imports_leave_the_old_snapshot_or_the_new_one() {
    let home = tempfile::tempdir().expect("make a directory");
    let home = home.path();
    let key = home.join("key").display().to_string();
    let public = sluicegate(&["feeds", "create-key", &key]).await;
    let public = public.expect_ok("create-key").stdout.trim().to_owned();
    let data = home.join("data").display().to_string();
    let arguments = |version: u64| {
        let file = bundle(home, version);
        [
            "feeds", "import", &file, "--trust", &public, "--data", &data,
        ]
        .map(str::to_owned)
    };
    let mut expected = export(home, 1).await;
    let mut version = 1;
    let whole = arguments(1);
    let whole: Vec<&str> = whole.iter().map(String::as_str).collect();
    let took = sluicegate(&whole).await.expect_ok("import").took;
    let mut next = export(home, 2).await;
    let (mut old, mut new) = (0, 0);
    for seed in seeds(KILLS, LONG_KILLS, &[]) {
        let import = Command::new(program())
            .args(arguments(version + 1))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut import = import.expect("start an import");
        moment(&mut rng(seed), Duration::ZERO..took * 5 / 4).await;
        import.kill().expect("kill an import");
        import.wait().expect("wait for an import");
        let (found, files) = in_use(home);
        if found == version {
            old += 1;
            assert!(
                files == expected,
                "seed {seed}: not the old snapshot as it was"
            );
        } else {
            new += 1;
            assert_eq!(found, version + 1, "seed {seed}");
            assert!(files == next, "seed {seed}: not the new snapshot");
            version += 1;
            expected = next;
            next = export(home, version + 1).await;
        }
    }
    let last = arguments(version + 1);
    let last: Vec<&str> = last.iter().map(String::as_str).collect();
    sluicegate(&last)
        .await
        .expect_ok("an import after all kills");
    assert!(in_use(home).1 == next, "the last import is in use");
    eprintln!("imports: {old} kills left the old snapshot, {new} the new one, none a mix");
}
