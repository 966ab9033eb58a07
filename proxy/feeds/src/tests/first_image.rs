//! The first image of an ecosystem: held until its archive is in force, never for what cannot come.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sluicegate_model::clock::Clock;

use super::current::{feeds, image_of, knows, until};
use super::site::{Fault, Site, archive};
use super::{LATER, NOON, at, mirror, sync};
use crate::Feeds;
use crate::source::Origin;

const WOLFI: &str = "Wolfi/all.zip";
/// What is settled without a fetch, and with one from this machine: far below the longest wait.
const SOON: Duration = Duration::from_secs(40);

/// Waits as a pull does, and asserts that it was not for as long as nothing comes.
async fn ready(feeds: &Feeds, ecosystem: &str) -> bool {
    let started = Instant::now();
    feeds.ready_for(&image_of(ecosystem)).await;
    assert!(started.elapsed() < SOON, "{ecosystem}: waited for nothing");
    knows(&feeds.current(), ecosystem)
}

fn fetched(site: &Site, path: &str) -> usize {
    let seen = site.take_seen();
    seen.iter().filter(|seen| seen.path == path).count()
}

#[tokio::test]
async fn the_first_image_of_an_ecosystem_is_judged_by_its_archive() {
    let site = Site::start(&["Debian:12", "Wolfi"]).await;
    let home = tempfile::tempdir().unwrap();
    let feeds = feeds(&site, home.path(), NOON);
    let (one, other) = tokio::join!(ready(&feeds, "Wolfi"), ready(&feeds, "Wolfi"));
    assert!(one && other, "nobody is judged by the snapshot before");
    assert_eq!(fetched(&site, WOLFI), 1, "one fetch for both");
    assert_eq!(feeds.awaited(), [""; 0]);
    let started = Instant::now();
    assert!(ready(&feeds, "Wolfi").await);
    assert!(started.elapsed() < Duration::from_millis(500), "it is here");
}

#[tokio::test]
async fn the_folder_of_a_family_brings_its_releases() {
    let site = Site::start(&["Debian:12", "AlmaLinux"]).await;
    site.put("AlmaLinux/all.zip", archive("AlmaLinux:9", "1.0"));
    let home = tempfile::tempdir().unwrap();
    let feeds = feeds(&site, home.path(), NOON);
    assert!(ready(&feeds, "AlmaLinux:9").await);
    assert!(
        !ready(&feeds, "AlmaLinux:8").await,
        "the family is here without it"
    );
}

#[tokio::test]
async fn what_the_mirror_does_not_have_is_not_waited_for() {
    let site = Site::start(&["Debian:12", "Wolfi"]).await;
    let home = tempfile::tempdir().unwrap();
    let feeds = feeds(&site, home.path(), NOON);
    assert!(!ready(&feeds, "Hex").await);
    site.remove(WOLFI);
    assert!(!ready(&feeds, "Wolfi").await, "listed, and not there");
    let problem = feeds.current().problem.clone().unwrap();
    assert!(problem.contains("Wolfi"), "{problem}");
}

#[tokio::test]
async fn what_could_not_be_fetched_is_waited_for_once() {
    let site = Site::start(&["Debian:12", "Wolfi"]).await;
    let home = tempfile::tempdir().unwrap();
    let feeds = feeds(&site, home.path(), NOON);
    feeds.first_load().await;
    site.fail(WOLFI, vec![Fault::Status(503, &[]); 9]);
    assert!(!ready(&feeds, "Wolfi").await);
    assert!(feeds.current().problem.as_ref().unwrap().contains("503"));
    site.take_seen();
    assert!(!ready(&feeds, "Wolfi").await);
    assert_eq!(
        fetched(&site, WOLFI),
        0,
        "the next sync tries again, no pull does"
    );
}

#[tokio::test]
async fn damaged_archive_ends_the_wait_and_is_told() {
    let site = Site::start(&["Debian:12", "Wolfi", "Hex"]).await;
    site.put(WOLFI, b"<html>sign in</html>".to_vec());
    let mut torn = archive("Hex", "1.0");
    for byte in torn.iter_mut().skip(40).take(60) {
        *byte = !*byte;
    }
    site.put("Hex/all.zip", torn);
    let home = tempfile::tempdir().unwrap();
    let feeds = feeds(&site, home.path(), NOON);
    assert!(!ready(&feeds, "Wolfi").await);
    assert!(
        feeds
            .current()
            .problem
            .as_ref()
            .unwrap()
            .contains("no whole zip")
    );
    assert!(
        !ready(&feeds, "Hex").await,
        "whole, and nothing in it can be read"
    );
    assert!(ready(&feeds, "Debian:12").await, "the others stand");
}

#[tokio::test]
async fn mirror_that_is_down_at_the_start_holds_only_until_that_is_known() {
    let site = Site::start(&["Debian:12", "Wolfi"]).await;
    let home = tempfile::tempdir().unwrap();
    sync(&mirror(&site, home.path()), NOON).await.unwrap();
    site.fail("ecosystems.txt", vec![Fault::Status(502, &[]); 40]);
    let feeds = feeds(&site, home.path(), LATER);
    assert!(ready(&feeds, "Debian:12").await, "the copy is here");
    assert!(!ready(&feeds, "Wolfi").await);
    let state = until(&feeds, |state| state.problem.is_some()).await;
    assert!(state.problem.as_ref().unwrap().contains("502"));
}

#[tokio::test]
async fn directories_bring_nothing_more_than_lies_there() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("feed/Debian:12");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("all.zip"), archive("Debian:12", "1.0")).unwrap();
    let start = |origins| {
        let clock = Clock::from_fn(|| at(NOON));
        Feeds::start_from(origins, home.path().to_owned(), clock)
    };
    let directory = |path: &Path| Origin::Directory(path.join("feed"));
    let alone = start(vec![directory(home.path())]);
    assert!(!ready(&alone, "Wolfi").await);
    assert!(ready(&alone, "Debian:12").await);
    // Beside one that can fetch, it is waited for that one.
    let site = Site::start(&["Wolfi"]).await;
    let mirror = Origin::Mirror(Arc::new(mirror(&site, home.path())));
    let both = start(vec![directory(home.path()), mirror]);
    assert!(ready(&both, "Wolfi").await);
    let none = start(Vec::new());
    assert!(!ready(&none, "Wolfi").await);
}
