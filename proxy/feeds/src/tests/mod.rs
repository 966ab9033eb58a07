//! Mirrors and feeds against a mirror in this process that fails on command.

mod aside;
mod current;
mod delta;
mod first_image;
mod knowledge;
mod signed_plugins;
mod site;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sluicegate_config::UpstreamSettings;
use sluicegate_upstream::ProxyVariables;
use tempfile::TempDir;

use super::fetch::FetchError;
use super::mirror::{Limits, Mirror, OnProgress, Scope, Synced};
use site::{Fault, Site, archive};

const DEBIAN: &str = "Debian:12/all.zip";
const NOON: &str = "2026-11-23T12:00:00Z";
const LATER: &str = "2026-11-23T12:15:00Z";

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn mirror(site: &Site, home: &Path) -> Mirror {
    let limits = Limits {
        archive: 256 * 1024,
        total: 512 * 1024,
    };
    let site = UpstreamSettings::anonymous("mirror", site.url());
    Mirror::new(&site, home, ProxyVariables::default())
        .unwrap()
        .bounded(limits, Duration::from_millis(1))
}

async fn sync(mirror: &Mirror, time: &str) -> Result<Synced, FetchError> {
    let quiet: OnProgress = Arc::new(|_| {});
    mirror
        .sync(Scope::All, &BTreeSet::new(), at(time), &quiet)
        .await
}

/// A mirror of Debian 12 and PyPI that was synced at noon.
async fn synced_at_noon() -> (Site, Mirror, TempDir) {
    let site = Site::start(&["Debian:12", "PyPI"]).await;
    let home = tempfile::tempdir().unwrap();
    let mirror = mirror(&site, home.path());
    let synced = sync(&mirror, NOON).await.unwrap();
    assert_eq!(synced.problems, [""; 0]);
    assert_eq!(synced.confirmed, Some(at(NOON)));
    site.take_seen();
    (site, mirror, home)
}

fn held(mirror: &Mirror, path: &str) -> Vec<u8> {
    std::fs::read(mirror.directory().join(path)).unwrap()
}

/// Asserts that one sync was in vain: the good copy is untouched and no younger.
fn assert_kept(mirror: &Mirror, synced: &Synced, problem: &str) {
    assert!(
        synced.problems.len() == 1 && synced.problems[0].contains(problem),
        "{problem:?} is the only problem: {:?}",
        synced.problems
    );
    assert_eq!(held(mirror, DEBIAN), archive("Debian:12", "1.0"));
    assert_eq!(mirror.confirmed(), Some(at(NOON)));
    assert!(!mirror.directory().join(".incoming").exists());
}

#[tokio::test]
async fn asks_again_only_for_what_changed() {
    let (site, mirror, _home) = synced_at_noon().await;
    let before = mirror
        .directory()
        .join(DEBIAN)
        .metadata()
        .unwrap()
        .modified()
        .unwrap();
    site.put_archive("PyPI", "2.0");
    let synced = sync(&mirror, LATER).await.unwrap();
    assert_eq!(synced.changed, ["PyPI/all.zip"]);
    assert_eq!(synced.unchanged, 1);
    assert_eq!(synced.confirmed, Some(at(LATER)));
    let asked = site.take_seen();
    let is_archive = |seen: &&site::Seen| seen.path.ends_with("all.zip");
    assert_eq!(asked.iter().filter(is_archive).count(), 2);
    assert!(
        asked
            .iter()
            .filter(is_archive)
            .all(|seen| seen.is_conditional)
    );
    let after = mirror
        .directory()
        .join(DEBIAN)
        .metadata()
        .unwrap()
        .modified()
        .unwrap();
    assert_eq!(before, after, "an unchanged file keeps its time");
    assert_eq!(held(&mirror, "PyPI/all.zip"), archive("PyPI", "2.0"));
}

#[tokio::test]
async fn asks_without_conditions_for_a_file_that_is_gone_here() {
    let (_site, mirror, _home) = synced_at_noon().await;
    std::fs::write(mirror.directory().join(DEBIAN), b"damaged").unwrap();
    sync(&mirror, LATER).await.unwrap();
    assert_eq!(held(&mirror, DEBIAN), archive("Debian:12", "1.0"));
}

#[tokio::test]
async fn cut_download_is_started_again() {
    let (site, mirror, _home) = synced_at_noon().await;
    site.put_archive("Debian:12", "2.0");
    site.fail(DEBIAN, [Fault::CutAt(10), Fault::CutAt(0)]);
    let synced = sync(&mirror, LATER).await.unwrap();
    assert_eq!(synced.changed, [DEBIAN]);
    assert_eq!(held(&mirror, DEBIAN), archive("Debian:12", "2.0"));
}

#[tokio::test]
async fn download_that_stays_cut_never_replaces_the_good_copy() {
    let (site, mirror, _home) = synced_at_noon().await;
    site.put_archive("Debian:12", "2.0");
    site.fail(DEBIAN, vec![Fault::CutAt(50); 4]);
    let synced = sync(&mirror, LATER).await.unwrap();
    assert_kept(&mirror, &synced, "body was cut after 50 bytes");
}

#[tokio::test]
async fn archive_that_only_looks_whole_never_replaces_the_good_copy() {
    let (site, mirror, _home) = synced_at_noon().await;
    site.put_archive("Debian:12", "2.0");
    site.fail(DEBIAN, [Fault::ShortenTo(100)]);
    let synced = sync(&mirror, LATER).await.unwrap();
    assert_kept(&mirror, &synced, "no whole zip");
    site.put(DEBIAN, b"<html>sign in</html>".to_vec());
    let synced = sync(&mirror, LATER).await.unwrap();
    assert_kept(&mirror, &synced, "no whole zip");
}

#[tokio::test]
async fn endless_body_stops_at_the_cap() {
    let (site, mirror, _home) = synced_at_noon().await;
    site.put_archive("Debian:12", "2.0");
    site.fail(DEBIAN, [Fault::Endless]);
    let synced = sync(&mirror, LATER).await.unwrap();
    assert_kept(&mirror, &synced, "larger than 262144 bytes");
    let asked = site.take_seen();
    assert_eq!(
        asked.iter().filter(|seen| seen.path == DEBIAN).count(),
        1,
        "too large is not tried again"
    );
}

#[tokio::test]
async fn files_of_a_mirror_are_bounded_together() {
    let site = Site::start(&["Alpine:v3.20", "Alpine:v3.21", "Debian:12", "PyPI", "npm"]).await;
    let home = tempfile::tempdir().unwrap();
    let mirror = mirror(&site, home.path());
    for name in ["Alpine:v3.20", "Alpine:v3.21", "Debian:12", "PyPI", "npm"] {
        // A zip may begin with anything: 200 KiB each, 1,000 KiB together.
        let mut bytes = vec![0; 200 * 1024];
        bytes.extend(archive(name, "1.0"));
        site.put(&format!("{name}/all.zip"), bytes);
    }
    let synced = sync(&mirror, NOON).await.unwrap();
    assert_eq!(synced.changed.len(), 2, "{synced:?}");
    assert_eq!(synced.problems.len(), 3, "{synced:?}");
    assert!(synced.problems[0].contains("together are larger than 524288 bytes"));
    assert_eq!(synced.confirmed, None);
}

#[tokio::test]
async fn busy_mirror_is_asked_again() {
    let (site, mirror, _home) = synced_at_noon().await;
    site.put_archive("Debian:12", "2.0");
    let busy = [
        Fault::Status(429, &[("retry-after", "0")]),
        Fault::Status(429, &[]),
        Fault::Status(503, &[]),
    ];
    site.fail(DEBIAN, busy);
    let synced = sync(&mirror, LATER).await.unwrap();
    assert_eq!(synced.changed, [DEBIAN]);
    assert_eq!(synced.confirmed, Some(at(LATER)));
}

#[tokio::test]
async fn mirror_that_stays_busy_is_left_alone() {
    let (site, mirror, _home) = synced_at_noon().await;
    site.put_archive("Debian:12", "2.0");
    site.fail(DEBIAN, vec![Fault::Status(503, &[]); 9]);
    let synced = sync(&mirror, LATER).await.unwrap();
    assert_kept(&mirror, &synced, "answered 503");
    let asked = site.take_seen();
    assert_eq!(asked.iter().filter(|seen| seen.path == DEBIAN).count(), 4);
    site.fail(DEBIAN, [Fault::Status(429, &[("retry-after", "3600")])]);
    let synced = sync(&mirror, LATER).await.unwrap();
    assert_kept(&mirror, &synced, "try again in 3600 s");
    let asked = site.take_seen();
    assert_eq!(asked.iter().filter(|seen| seen.path == DEBIAN).count(), 1);
}

#[tokio::test]
async fn redirects_are_followed_but_not_for_ever() {
    let (site, mirror, _home) = synced_at_noon().await;
    site.put_archive("Debian:12", "2.0");
    let round = Fault::Status(302, &[("location", "/osv/Debian:12/all.zip")]);
    site.fail(DEBIAN, vec![round.clone(); 6]);
    let synced = sync(&mirror, LATER).await.unwrap();
    assert_kept(&mirror, &synced, "too many redirects");
    site.fail(DEBIAN, vec![round; 5]);
    let synced = sync(&mirror, LATER).await.unwrap();
    assert_eq!(synced.changed, [DEBIAN]);
}

#[tokio::test]
async fn only_needed_ecosystems_are_fetched() {
    let site = Site::start(&["Debian:12", "Wolfi", "Hex", "../../etc"]).await;
    let home = tempfile::tempdir().unwrap();
    let mirror = mirror(&site, home.path());
    sync(&mirror, NOON).await.unwrap();
    let paths = |site: &Site| -> BTreeSet<String> {
        let seen = site.take_seen().into_iter();
        seen.map(|seen| seen.path).collect()
    };
    let set = |names: &[&str]| -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    };
    let tables = [
        "epss/epss_scores.csv.gz",
        "kev/known_exploited_vulnerabilities.json",
        "knowledge/ends-of-support.json",
        "knowledge/jar-names.txt",
        "knowledge/jars.idx",
        "knowledge/malware.txt",
        "knowledge/products.json",
    ];
    let mut expected = set(&["ecosystems.txt", DEBIAN, "Debian:12/modified_id.csv"]);
    expected.extend(set(&tables));
    assert_eq!(paths(&site), expected);
    let wanted = set(&["Wolfi", "Debian:99"]);
    assert!(mirror.lacks_any(&wanted));
    assert!(!mirror.lacks_any(&set(&["Debian:99", "Debian:12"])));
    let quiet: OnProgress = Arc::new(|_| {});
    let synced = mirror
        .sync(Scope::Missing, &wanted, at(LATER), &quiet)
        .await;
    let synced = synced.unwrap();
    assert_eq!(synced.changed, ["Wolfi/all.zip"]);
    assert_eq!(
        synced.confirmed,
        Some(at(NOON)),
        "the others were not asked about"
    );
    let of_wolfi = ["ecosystems.txt", "Wolfi/all.zip", "Wolfi/modified_id.csv"];
    assert_eq!(paths(&site), set(&of_wolfi));
    // What is held stays current without being asked for again.
    assert_eq!(sync(&mirror, LATER).await.unwrap().unchanged, 2);
}

#[tokio::test]
async fn ecosystem_that_vanishes_keeps_its_last_copy_and_is_a_problem() {
    let (site, mirror, _home) = synced_at_noon().await;
    site.remove(DEBIAN);
    let synced = sync(&mirror, LATER).await.unwrap();
    assert_kept(&mirror, &synced, "does not exist there");
    site.put("ecosystems.txt", b"PyPI\n".to_vec());
    let synced = sync(&mirror, LATER).await.unwrap();
    assert_kept(&mirror, &synced, "Debian:12: the mirror no longer lists it");
}

#[tokio::test]
async fn list_that_names_nothing_is_refused() {
    let (site, mirror, _home) = synced_at_noon().await;
    site.put("ecosystems.txt", b"<html>\n/etc\n".to_vec());
    let error = sync(&mirror, LATER).await.unwrap_err();
    assert!(error.to_string().contains("names no ecosystem"), "{error}");
    assert_eq!(mirror.confirmed(), Some(at(NOON)));
}

#[tokio::test]
async fn tables_are_fetched_where_the_mirror_has_them() {
    let (site, mirror, _home) = synced_at_noon().await;
    let kev = "kev/known_exploited_vulnerabilities.json";
    site.put(kev, br#"{"vulnerabilities": []}"#.to_vec());
    assert_eq!(sync(&mirror, LATER).await.unwrap().changed, [kev]);
    site.put(kev, b"{}".to_vec());
    let synced = sync(&mirror, LATER).await.unwrap();
    assert!(synced.problems[0].contains("no list of vulnerabilities"));
    assert_eq!(held(&mirror, kev), br#"{"vulnerabilities": []}"#);
    assert_eq!(
        synced.confirmed,
        Some(at(LATER)),
        "advisories are current all the same"
    );
}

#[tokio::test]
async fn only_one_sync_writes_at_a_time() {
    let (_site, mirror, _home) = synced_at_noon().await;
    let lock = std::fs::File::open(mirror.directory().join("sync.lock")).unwrap();
    lock.lock().unwrap();
    let error = sync(&mirror, LATER).await.unwrap_err();
    let told = super::mirror::told(&error);
    assert!(
        told.contains("another sync of this mirror is under way"),
        "{told}"
    );
}
