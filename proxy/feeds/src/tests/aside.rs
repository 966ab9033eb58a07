//! What comes beside the advisories: severities, tables from elsewhere, feeds behind a login.

use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use sluicegate_config::{Credentials, Login, Secret, UpstreamSettings};
use sluicegate_scanner::feeds::{FeedDirectory, FeedIndex, build_index};
use url::Url;

use super::current::{feeds, knows, until};
use super::site::{Fault, Site};
use super::*;
use crate::bundle::{Contents, Imported, SigningKey, Trust, pack};
use crate::fetch::Fetcher;
use crate::tables::{EPSS, KEV};

const YEAR: &str = "nvd/nvdcve-2.0-2025.json.gz";
const CHANGES: &str = "nvd/nvdcve-2.0-modified.json.gz";
/// The files of the years from 2002 to 2026, and what changed.
const ALL: usize = 26;

/// A file of NVD's with one CVE.
fn nvd(modified: &str, score: f64) -> Vec<u8> {
    let metric =
        json!({"source": "nvd@nist.gov", "type": "Primary", "cvssData": {"baseScore": score}});
    let cve = json!({"id": "CVE-2025-0001", "lastModified": modified, "metrics": {"cvssMetricV31": [metric]}});
    let document = json!({"vulnerabilities": [{"cve": cve}]}).to_string();
    let mut file = GzEncoder::new(Vec::new(), Compression::fast());
    file.write_all(document.as_bytes()).unwrap();
    file.finish().unwrap()
}

async fn severities(mirror: &Mirror, time: &str) -> Synced {
    let quiet: OnProgress = Arc::new(|_| {});
    mirror.sync_severities(at(time), &quiet).await.unwrap()
}

/// The requests for NVD's files since the last call: all, and those with conditions.
fn asked(site: &Site) -> (usize, usize) {
    let mut seen = site.take_seen();
    seen.retain(|seen| seen.path.starts_with("nvd/"));
    let conditional = seen.iter().filter(|seen| seen.is_conditional).count();
    (seen.len(), conditional)
}

#[tokio::test]
async fn years_are_asked_for_weekly_and_changes_each_time() {
    let (site, mirror, _home) = synced_at_noon().await;
    site.put(YEAR, nvd("2026-01-01T00:00:00", 5.0));
    site.put(CHANGES, nvd("2026-11-01T00:00:00", 9.8));
    let synced = severities(&mirror, NOON).await;
    let names = [YEAR, CHANGES].map(|path| path.replace("nvd/", ""));
    assert_eq!((synced.changed, synced.problems), (names.into(), vec![]));
    assert_eq!(asked(&site), (ALL, 0));
    let synced = severities(&mirror, LATER).await;
    assert_eq!((synced.changed.len(), synced.unchanged), (0, 1));
    assert_eq!(asked(&site), (1, 1));
    severities(&mirror, "2026-11-25T12:00:00Z").await;
    assert_eq!(
        asked(&site),
        (ALL - 1, 1),
        "the year that is here waits a week"
    );
    severities(&mirror, "2026-11-30T12:00:00Z").await;
    assert_eq!(asked(&site), (ALL, 2));
    assert_eq!(
        mirror.confirmed(),
        Some(at(NOON)),
        "severities confirm no advisory"
    );
}

#[tokio::test]
async fn a_mirror_without_severities_is_asked_once_a_day_and_has_no_problem() {
    let (site, mirror, _home) = synced_at_noon().await;
    assert_eq!(severities(&mirror, NOON).await.problems, [""; 0]);
    assert_eq!(asked(&site), (ALL, 0));
    severities(&mirror, LATER).await;
    assert_eq!(asked(&site), (0, 0));
    severities(&mirror, "2026-11-24T12:00:00Z").await;
    assert_eq!(asked(&site), (ALL, 0));
}

#[tokio::test]
async fn a_file_that_is_not_whole_never_replaces_the_good_one_and_the_rest_comes() {
    let (site, mirror, _home) = synced_at_noon().await;
    let good = nvd("2026-01-01T00:00:00", 5.0);
    site.put(CHANGES, good.clone());
    severities(&mirror, NOON).await;
    for bad in [
        good[..40].to_vec(),
        b"<html>sign in</html>".to_vec(),
        Vec::new(),
    ] {
        site.put(CHANGES, bad);
        let synced = severities(&mirror, LATER).await;
        assert_eq!(synced.problems.len(), 1, "{synced:?}");
        assert_eq!(held(&mirror, CHANGES), good);
    }
    asked(&site);
    site.fail(CHANGES, vec![Fault::Status(500, &[]); 9]);
    let synced = severities(&mirror, "2026-11-25T12:00:00Z").await;
    assert!(synced.problems[0].contains("500"), "{synced:?}");
}

#[tokio::test]
async fn places_that_do_not_answer_cost_the_advisories_nothing() {
    let site = Site::start(&["Debian:12"]).await;
    let home = tempfile::tempdir().unwrap();
    let nowhere = Url::parse("http://127.0.0.1:1/table").unwrap();
    let dead = || {
        let fetcher = Fetcher::new(&nowhere, ProxyVariables::default()).unwrap();
        fetcher.waiting(Duration::from_millis(1))
    };
    let mirror = mirror(&site, home.path())
        .with_table(KEV, nowhere.clone(), dead())
        .with_table(EPSS, nowhere.clone(), dead());
    let synced = sync(&mirror, NOON).await.unwrap();
    assert_eq!(synced.confirmed, Some(at(NOON)));
    assert_eq!(synced.changed, [DEBIAN]);
    assert_eq!(synced.problems.len(), 2, "{synced:?}");
    let names_the_place = |line: &String| line.contains("http://127.0.0.1:1/table");
    assert!(synced.problems.iter().all(names_the_place), "{synced:?}");
}

#[tokio::test]
async fn severities_come_after_the_advisories_and_their_problem_is_told() {
    let site = Site::start(&["Debian:12"]).await;
    let home = tempfile::tempdir().unwrap();
    site.put(YEAR, nvd("2026-01-01T00:00:00", 9.8));
    site.put(CHANGES, b"not gzip".to_vec());
    let feeds = feeds(&site, home.path(), NOON);
    let state = until(&feeds, |state| state.index.severities() == 1).await;
    assert!(knows(&state, "Debian:12"));
    assert_eq!(state.confirmed, Some(at(NOON)));
    let state = until(&feeds, |state| state.problem.is_some()).await;
    let problem = state.problem.clone().unwrap();
    assert!(problem.contains("nvdcve-2.0-modified"), "{problem}");
}

#[tokio::test]
async fn a_login_is_asked_for_by_name_and_a_changed_password_counts_at_once() {
    let site = Site::start(&["Debian:12"]).await;
    site.require("u:first");
    let home = tempfile::tempdir().unwrap();
    let stranger = mirror(&site, home.path());
    let error = sync(&stranger, NOON).await.unwrap_err().to_string();
    assert!(error.contains("username and password_file"), "{error}");

    let password_file = home.path().join("password");
    std::fs::write(&password_file, "first\n").unwrap();
    let known = UpstreamSettings {
        login: Some(Login::InFile(
            Credentials {
                username: "u".to_owned(),
                password: Secret::new("first"),
            },
            password_file.clone(),
        )),
        allow_insecure_credentials: true,
        ..UpstreamSettings::anonymous("mirror", site.url())
    };
    let known = Mirror::new(&known, home.path(), ProxyVariables::default()).unwrap();
    assert_eq!(sync(&known, NOON).await.unwrap().changed, [DEBIAN]);
    site.require("u:second, and longer");
    let error = sync(&known, LATER).await.unwrap_err().to_string();
    assert!(
        error.contains("refuses the user name and password"),
        "{error}"
    );
    std::fs::write(&password_file, "second, and longer\n").unwrap();
    let synced = sync(&known, LATER).await.unwrap();
    assert_eq!(synced.confirmed, Some(at(LATER)));
    std::fs::remove_file(&password_file).unwrap();
    assert!(sync(&known, LATER).await.is_ok(), "the last password stays");
}

#[tokio::test]
async fn severities_travel_in_bundles() {
    let (site, mirror, home) = synced_at_noon().await;
    site.put(YEAR, nvd("2026-01-01T00:00:00", 9.8));
    severities(&mirror, NOON).await;
    let file = home.path().join("feeds.key");
    let public = SigningKey::create(&file).unwrap();
    let key = SigningKey::read(&file).unwrap();
    let bundle = home.path().join("feeds.tar.zst");
    let contents = Contents::open(mirror.directory()).unwrap();
    pack(
        contents,
        1,
        (at(NOON), at("2027-01-01T00:00:00Z")),
        &[key],
        &bundle,
    )
    .unwrap();
    let there = tempfile::tempdir().unwrap();
    let imported = Imported::under(there.path());
    let trust = Trust::new(vec![public], 1).unwrap();
    imported.import(&bundle, &trust, at(LATER)).unwrap();
    let (_, path) = imported.current().unwrap().unwrap();
    assert_eq!(indexed(&path, there.path()).severities(), 1);
}

fn indexed(feed: &Path, out: &Path) -> FeedIndex {
    let directory = FeedDirectory::at(feed.to_owned());
    let path = build_index(&[directory], &out.join("out"), at(NOON), &|_| {}).unwrap();
    FeedIndex::open(&path).unwrap()
}
