//! What is current while URLs are synced: first load, ecosystems asked for, last good snapshot.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_model::Digest;
use sluicegate_model::clock::Clock;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Component, Ecosystem, Evidence, Package, PackageType, Standing};

use super::site::{Fault, Site, archive};
use super::{DEBIAN, LATER, NOON, at, mirror, sync};
use crate::bundle::{Contents, Imported, SigningKey, Trust, pack};
use crate::source::Origin;
use crate::{FeedState, Feeds};

pub(super) fn feeds(site: &Site, home: &Path, time: &'static str) -> Arc<Feeds> {
    let origin = Origin::Mirror(Arc::new(mirror(site, home)));
    Feeds::start_from(
        vec![origin],
        home.to_owned(),
        Clock::from_fn(move || at(time)),
    )
}

pub(super) async fn until(feeds: &Feeds, holds: impl Fn(&FeedState) -> bool) -> Arc<FeedState> {
    let wait = async {
        while !holds(&feeds.current()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        feeds.current()
    };
    tokio::time::timeout(Duration::from_secs(20), wait)
        .await
        .expect("the state comes about")
}

pub(super) fn knows(state: &FeedState, ecosystem: &str) -> bool {
    state.index.has_ecosystem(&Ecosystem::new(ecosystem))
}

pub(super) fn image_of(ecosystem: &str) -> Inventory {
    let component = Component {
        package: Package {
            name: "tool".to_owned(),
            version: "0.1".to_owned(),
            package_type: PackageType::Apk,
            architecture: None,
            source: None,
            licence: None,
        },
        ecosystem: Some(Ecosystem::new(ecosystem)),
        purl: String::new(),
        path: String::new(),
        layer: Digest::of(b""),
        evidence: Evidence::Installed,
        standing: Standing::Own,
        linked: Vec::new(),
        platform: String::new(),
    };
    Inventory {
        components: vec![component],
        platform: "linux/amd64".to_owned(),
        ..Inventory::default()
    }
}

#[tokio::test]
async fn url_is_loaded_and_what_an_image_needs_comes_later() {
    let site = Site::start(&["Debian:12", "Wolfi"]).await;
    let home = tempfile::tempdir().unwrap();
    let feeds = feeds(&site, home.path(), NOON);
    assert!(!feeds.is_loaded());
    feeds.first_load().await;
    let state = feeds.current();
    assert!(feeds.is_loaded() && knows(&state, "Debian:12"));
    assert!(!knows(&state, "Wolfi"), "nobody needs it yet");
    assert_eq!(state.confirmed, Some(at(NOON)));
    assert_eq!(state.problem, None);
    feeds.want(&image_of("Wolfi"), &state.index);
    let later = until(&feeds, |state| knows(state, "Wolfi")).await;
    assert!(later.revision > state.revision, "verdicts are made again");
    let kept = std::fs::read_dir(home.path()).unwrap();
    let is_index = |name: &str| Path::new(name).extension().is_some_and(|e| e == "feeds");
    let names = kept.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(
        names.filter(|name| is_index(name)).count(),
        1,
        "old indexes are removed"
    );
}

#[tokio::test]
async fn unreachable_url_shows_its_problem_and_holds_nobody_for_ever() {
    let site = Site::start(&["Debian:12"]).await;
    site.fail("ecosystems.txt", vec![Fault::Status(503, &[]); 4]);
    let home = tempfile::tempdir().unwrap();
    let feeds = feeds(&site, home.path(), NOON);
    feeds.first_load().await;
    assert!(feeds.is_loaded());
    let state = feeds.current();
    assert_eq!(state.index.snapshot().as_str(), "none");
    assert_eq!(state.confirmed, None);
    assert!(state.problem.as_ref().unwrap().contains("answered 503"));
}

#[tokio::test]
async fn last_good_snapshot_serves_while_its_url_is_down() {
    let site = Site::start(&["Debian:12"]).await;
    let home = tempfile::tempdir().unwrap();
    sync(&mirror(&site, home.path()), NOON).await.unwrap();
    site.fail("ecosystems.txt", vec![Fault::Status(502, &[]); 9]);
    let feeds = feeds(&site, home.path(), LATER);
    let state = until(&feeds, |state| {
        state.problem.is_some() && state.revision > 0
    })
    .await;
    assert!(knows(&state, "Debian:12"));
    assert_eq!(state.confirmed, Some(at(NOON)), "no younger than it is");
    assert_eq!(state.sources[0].source, site.url().as_str());
}

#[tokio::test]
async fn copy_that_is_here_is_loaded_without_waiting_for_its_url() {
    let site = Site::start(&["Debian:12"]).await;
    let home = tempfile::tempdir().unwrap();
    sync(&mirror(&site, home.path()), NOON).await.unwrap();
    site.put_archive("Debian:12", "2.0");
    site.fail(DEBIAN, [Fault::Endless]);
    let feeds = feeds(&site, home.path(), LATER);
    feeds.first_load().await;
    assert!(knows(&feeds.current(), "Debian:12"));
}

/// Imports a bundle of one ecosystem that was made at noon and expires at `expires`.
fn import(home: &Path, ecosystem: &str, version: u64, expires: &str) {
    let (key, bundle) = (home.join(format!("key-{version}")), home.join("bundle"));
    let folder = home.join(format!("bundle-{version}")).join(ecosystem);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("all.zip"), archive(ecosystem, "1.0")).unwrap();
    let public = SigningKey::create(&key).unwrap();
    let key = SigningKey::read(&key).unwrap();
    let contents = Contents::open(folder.parent().unwrap()).unwrap();
    pack(contents, version, (at(NOON), at(expires)), &[key], &bundle).unwrap();
    let trust = Trust::new(vec![public], 1).unwrap();
    Imported::under(home)
        .import(&bundle, &trust, at(NOON))
        .unwrap();
}

#[tokio::test]
async fn imported_bundle_replaces_the_usual_url_and_ages_from_when_it_was_made() {
    let site = Site::start(&["Debian:12"]).await;
    let home = tempfile::tempdir().unwrap();
    import(home.path(), "Alpine:v3.20", 1, "2026-11-24T12:00:00Z");
    let mirror = Arc::new(mirror(&site, home.path()));
    let origin = Origin::Usual(Imported::under(home.path()), mirror);
    let clock = Clock::from_fn(move || at(LATER));
    let feeds = Feeds::start_from(vec![origin], home.path().to_owned(), clock);
    feeds.first_load().await;
    let state = feeds.current();
    assert!(knows(&state, "Alpine:v3.20") && !knows(&state, "Debian:12"));
    assert_eq!(state.confirmed, Some(at(NOON)), "and not now");
    assert_eq!(state.sources[0].bundle.as_ref().unwrap().version, 1);
    import(home.path(), "Debian:13", 2, "2026-11-24T12:00:00Z");
    feeds.look();
    let state = until(&feeds, |state| knows(state, "Debian:13")).await;
    assert!(!knows(&state, "Alpine:v3.20"), "one bundle, never a mix");
    assert_eq!(site.take_seen().len(), 0, "the URL was asked");
}

#[tokio::test]
async fn expired_bundle_stays_in_use_and_is_stale() {
    let home = tempfile::tempdir().unwrap();
    import(home.path(), "Alpine:v3.20", 1, "2026-11-23T12:01:00Z");
    let origin = Origin::Imported(Imported::under(home.path()));
    let clock = Clock::from_fn(move || at(LATER));
    let feeds = Feeds::start_from(vec![origin], home.path().to_owned(), clock);
    feeds.first_load().await;
    let state = feeds.current();
    assert!(knows(&state, "Alpine:v3.20"));
    assert_eq!(state.sources[0].confirmed, Some(at(NOON)));
    assert_eq!(state.confirmed, None, "past its time");
    assert_eq!(state.standing.expires, Some(at("2026-11-23T12:01:00Z")));
    assert!(state.problem.as_ref().unwrap().contains("expired at"));
}

#[tokio::test]
async fn bundle_that_is_wanted_and_not_there_is_a_problem() {
    let home = tempfile::tempdir().unwrap();
    let origin = Origin::Imported(Imported::under(home.path()));
    let clock = Clock::from_fn(move || at(LATER));
    let feeds = Feeds::start_from(vec![origin], home.path().to_owned(), clock);
    feeds.first_load().await;
    let problem = feeds.current().problem.clone().unwrap();
    assert!(problem.contains("no feed bundle was imported"), "{problem}");
}
