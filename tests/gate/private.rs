//! What other users of the machine can read of the data directory: nothing, from the first moment.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Method;
use sluicegate_tests::fault::FaultUpstream;
use sluicegate_tests::feeds::{self, Advisory};
use sluicegate_tests::process::free_port;
use sluicegate_tests::proxy::UPSTREAM;
use sluicegate_tests::waiting::within;
use sluicegate_tests::wire::Call;

use crate::served::Served;
use crate::stage;

/// Longest time until a directory that was open before is closed to its last file.
const CLOSED_WITHIN: Duration = Duration::from_secs(20);
/// How often the modes are looked at during a pull.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// Names what group or others could use beneath a directory, itself included.
fn open_to_others(data: &Path) -> Vec<(PathBuf, u32)> {
    let (mut open, mut waiting) = (Vec::new(), vec![data.to_owned()]);
    while let Some(path) = waiting.pop() {
        let Ok(found) = path.symlink_metadata() else {
            continue;
        };
        let mode = found.permissions().mode() & 0o7777;
        if !found.is_symlink() && mode & 0o077 != 0 {
            open.push((path.clone(), mode));
        }
        if found.is_dir() {
            let beneath = fs::read_dir(&path).into_iter().flatten().flatten();
            waiting.extend(beneath.map(|entry| entry.path()));
        }
    }
    open
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("change a mode");
}

/// Opens everything, as an earlier version left it.
fn open_all(path: &Path) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("list").flatten() {
            open_all(&entry.path());
        }
        set_mode(path, 0o755);
    } else {
        set_mode(path, 0o644);
    }
}

/// Starts a service over `data` with a feed that is copied there.
async fn serve(
    starter: &[&str],
    upstream: &FaultUpstream,
    home: &Path,
    data: &Path,
) -> (Served, String) {
    let (registry, api) = (
        format!("127.0.0.1:{}", free_port()),
        format!("127.0.0.1:{}", free_port()),
    );
    let (named, data) = (
        format!("{UPSTREAM}={}", upstream.url()),
        data.display().to_string(),
    );
    let feed = home.join("feed");
    if !feed.exists() {
        // Each ecosystem of the images, so that nothing is left unjudged.
        let advisory = |id, ecosystem| Advisory::new(id, ecosystem, "nothing", "1");
        let known = [
            advisory("GHSA-aaaa-aaaa-aaaa", "PyPI"),
            advisory("ALPINE-CVE-2026-0001", "Alpine:edge"),
        ];
        feeds::write(&feed, &[], &known);
    }
    let feed = feed.display().to_string();
    let arguments = [
        "--listen",
        &registry,
        "--api-listen",
        &api,
        "--data",
        &data,
        "--feed",
        &feed,
        "--upstream",
        &named,
        "--default-upstream",
        UPSTREAM,
        "--platforms",
        "linux/amd64",
    ];
    let served = Served::start(starter, &arguments, &api, home).await;
    (served, registry)
}

/// Pulls an image, looking at the modes all the while.
async fn pull(registry: &str, upstream: &FaultUpstream, number: u64, data: &Path) {
    let image = stage::clean(number);
    let repository = format!("lib/n{number}");
    upstream.add(&repository, "1", &image);
    let (registry, path) = (registry.to_owned(), format!("/v2/{repository}/manifests/1"));
    let pulling = tokio::spawn(async move {
        let reply = Call::new(Method::GET, &registry, &path)
            .follow()
            .send()
            .await;
        assert_eq!(reply.status, 200, "{}", reply.text());
    });
    while !pulling.is_finished() {
        let open = open_to_others(data);
        assert!(open.is_empty(), "during a pull: {open:?}");
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    pulling.await.expect("the pull ends");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_readable_whatever_the_umask_and_an_open_directory_is_closed() {
    let (home, upstream) = (
        tempfile::tempdir().expect("a directory"),
        FaultUpstream::start().await,
    );
    let data = home.path().join("data");
    let without_mask = ["sh", "-c", "umask 0; exec \"$0\" \"$@\""];
    {
        let (_served, registry) = serve(&without_mask, &upstream, home.path(), &data).await;
        pull(&registry, &upstream, 1, &data).await;
        assert_eq!(open_to_others(&data), []);
    }
    for opened in ["everything", "the top"] {
        if opened == "everything" {
            let _ = fs::remove_file(data.join(".private"));
            open_all(&data);
        } else {
            set_mode(&data, 0o2770);
        }
        let (served, registry) = serve(&without_mask, &upstream, home.path(), &data).await;
        // The directory itself at once: nothing beneath can be reached.
        let top = data.metadata().expect("it is there").permissions().mode();
        assert_eq!(top & 0o077, 0, "{opened}");
        within(CLOSED_WITHIN, opened, async || {
            open_to_others(&data).is_empty()
        })
        .await;
        pull(&registry, &upstream, 2, &data).await;
        let status = served.ask(Method::GET, "/api/v1/status", &[]).await.json();
        assert!(
            !status["insecure"].to_string().contains("can read"),
            "{status}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_is_not_ours_to_close_is_served_and_told() {
    let (home, upstream) = (
        tempfile::tempdir().expect("a directory"),
        FaultUpstream::start().await,
    );
    set_mode(home.path(), 0o755);
    // A volume as Kubernetes mounts it with fsGroup: root's, open to the group.
    let data = home.path().join("volume");
    fs::create_dir(&data).expect("make a volume");
    chown(&data, Some(0), Some(65532)).expect("needs root, as most of these tests");
    set_mode(&data, 0o2775);
    fs::write(home.path().join("serve.log"), "").expect("make a log");
    let program = sluicegate_tests::proxy::program();
    let beside = home.path().join("sluicegate");
    fs::copy(program, &beside).expect("a program that everybody may run");
    set_mode(&beside, 0o755);
    let script = format!("shift; exec {} \"$@\"", beside.display());
    let as_user = [
        "setpriv",
        "--reuid",
        "65532",
        "--regid",
        "65532",
        "--clear-groups",
        "sh",
        "-c",
        &script,
        "sh",
    ];
    let (served, registry) = serve(&as_user, &upstream, home.path(), &data).await;
    let image = stage::clean(3);
    upstream.add("lib/app", "1", &image);
    let call = Call::new(Method::GET, &registry, "/v2/lib/app/manifests/1");
    assert_eq!(call.follow().send().await.status, 200);
    let status = served.ask(Method::GET, "/api/v1/status", &[]).await.json();
    let told = status["insecure"].to_string();
    assert!(
        told.contains("other users of this machine can read") && told.contains("2775"),
        "{told}"
    );
    let open: Vec<_> = open_to_others(&data).into_iter().skip(1).collect();
    assert!(open.is_empty(), "beneath it: {open:?}");
}
