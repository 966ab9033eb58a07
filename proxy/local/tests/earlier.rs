//! A data directory that commit 82ed7e6 left is read whole, whatever has become of its forms since.
//!
//! What that program answered about it last lies in the archive; every answer of then is held against
//! what the ports say now.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test: what is not as it should be ends it"
)]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sluicegate_engine::content::Content as _;
use sluicegate_engine::events::{CauseKind, Direction};
use sluicegate_engine::ledger::{
    EventFilter, Events as _, Ledger as _, Lists as _, Membership as _, Packages as _, Replacement,
    Summary, VerdictFilter, Verdicts as _, stored,
};
use sluicegate_local::cache::ContentStore;
use sluicegate_local::decisions::{DecisionFilter, Order, PageOf, read, verify};
use sluicegate_local::ledger::Records;
use sluicegate_local::store::{EngineKind, Opened};
use sluicegate_model::manifest::Manifest;
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_model::{Digest, Repository, Scope};
use tempfile::TempDir;

/// Made by `earlier/make.py`.
const ARCHIVE: &[u8] = include_bytes!("earlier/82ed7e6.tar.zst");
/// A page of lists, so small that there are several.
const PAGE: usize = 4;

/// When a verdict was decided, where, on what.
type Place = (Timestamp, Repository, Digest);

/// The directory, and what its own program said of it.
struct Earlier {
    home: TempDir,
    answers: Value,
    content: Arc<ContentStore>,
    records: Records,
}

impl Earlier {
    fn unpack() -> Self {
        let home = tempfile::tempdir().unwrap();
        let packed = zstd::decode_all(ARCHIVE).unwrap();
        tar::Archive::new(&packed[..]).unpack(&home).unwrap();
        let answers = std::fs::read(home.path().join("answers.json")).unwrap();
        let data = home.path().join("data");
        let content = ContentStore::open(&data.join("content"), 1 << 30).unwrap();
        let (content, (store, opened)) = (Arc::new(content), EngineKind::Sled.open(&data).unwrap());
        assert_eq!(opened, Opened::AsItWas);
        Self {
            records: Records::new(store, content.clone()),
            answers: serde_json::from_slice(&answers).unwrap(),
            content,
            home,
        }
    }

    fn log(&self) -> PathBuf {
        self.home.path().join("data/decisions")
    }

    fn answers(&self, what: &str) -> &[Value] {
        self.answers[what].as_array().unwrap()
    }

    /// Names the verdicts of then that are wanted, in order.
    fn wanted(&self, is_wanted: impl Fn(&Value) -> bool) -> Vec<Place> {
        let verdicts = self.answers("verdicts").iter();
        let verdicts = verdicts.filter(|verdict| is_wanted(verdict));
        let timed = |verdict: &Value| {
            let (repository, digest) = place(verdict);
            (time(verdict), repository, digest)
        };
        in_order(verdicts.map(timed).collect())
    }

    /// Checks that a filter selects exactly those verdicts of then that are wanted, and any.
    async fn selects(&self, filter: &VerdictFilter, is_wanted: impl Fn(&Value) -> bool) {
        let wanted = self.wanted(is_wanted);
        assert!(!wanted.is_empty(), "{filter:?}");
        assert_eq!(self.listed(filter).await, wanted, "{filter:?}");
    }

    /// Lists verdicts page by page, by both lists, which have the newest first; gives them in order.
    async fn listed(&self, filter: &VerdictFilter) -> Vec<Place> {
        let (mut short, mut whole) = (Vec::new(), Vec::new());
        let (mut after, mut after_whole) = (None, None);
        loop {
            let (lists, from) = (&self.records, after.as_deref());
            let page = lists.list_summaries(filter, PAGE, from).await.unwrap();
            let place = |one: Summary| (one.provenance.decided_at, one.repository, one.digest);
            short.extend(page.items.into_iter().map(place));
            after = page.next;
            let from = after_whole.as_deref();
            let page = lists.list_verdicts(filter, PAGE, from).await.unwrap();
            let place = |one: Verdict| (one.provenance.decided_at, one.repository, one.digest);
            whole.extend(page.items.into_iter().map(place));
            after_whole = page.next;
            if after.is_none() && after_whole.is_none() {
                break;
            }
        }
        assert_eq!(short, whole);
        assert!(short.is_sorted_by(|(one, ..), (next, ..)| one >= next));
        in_order(short)
    }
}

/// Puts verdicts in order, so that those of one instant can be compared.
fn in_order(mut places: Vec<Place>) -> Vec<Place> {
    places.sort_by_cached_key(|(time, repository, digest)| {
        (*time, repository.to_string(), digest.clone())
    });
    places
}

/// Tells when a verdict was decided.
fn time(verdict: &Value) -> Timestamp {
    read_as(&verdict["provenance"]["decided_at"])
}

fn read_as<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

fn place(verdict: &Value) -> (Repository, Digest) {
    (read_as(&verdict["repository"]), read_as(&verdict["digest"]))
}

fn finding_that(is_it: impl Fn(&Value) -> bool) -> impl Fn(&Value) -> bool {
    move |verdict| verdict["findings"].as_array().unwrap().iter().any(&is_it)
}

/// Checks that a value says all that it said then; it may say more.
#[track_caller]
fn assert_says(now: &Value, then: &Value, place: &str) {
    match (now, then) {
        (Value::Object(now), Value::Object(then)) => {
            for (name, then) in then {
                let now = now.get(name).unwrap_or(&Value::Null);
                assert_says(now, then, &format!("{place}.{name}"));
            }
        }
        (Value::Array(now), Value::Array(then)) => {
            assert_eq!(now.len(), then.len(), "{place}");
            for (at, (now, then)) in now.iter().zip(then).enumerate() {
                assert_says(now, then, &format!("{place}[{at}]"));
            }
        }
        (now, then) => assert_eq!(now, then, "{place}"),
    }
}

fn value(text: serde_json::Result<Vec<u8>>) -> Value {
    serde_json::from_slice(&text.unwrap()).unwrap()
}

#[tokio::test]
async fn every_verdict_says_what_it_said() {
    let earlier = Earlier::unpack();
    let (records, mut bytes) = (&earlier.records, BTreeSet::new());
    for then in earlier.answers("verdicts") {
        let (repository, digest) = place(then);
        let scope = Scope::for_all(repository.clone());
        let now = records.verdict(&scope, &digest).await.unwrap();
        let now = value(stored::verdict_text(&now.unwrap()));
        assert_says(&now, then, &format!("{repository}@{digest}"));
        bytes.extend(records.verdict_bytes(&scope, &digest).await.unwrap());
    }
    let all = earlier.answers("verdicts").len();
    assert_eq!(records.count_verdicts().await.unwrap(), all as u64);
    assert!(bytes.first() < Some(&2_000) && bytes.last() > Some(&100_000));
}

#[tokio::test]
async fn lists_have_every_verdict_newest_first() {
    let earlier = Earlier::unpack();
    earlier.selects(&VerdictFilter::default(), |_| true).await;
    for decision in ["allow", "annotate", "refuse"] {
        let filter = VerdictFilter {
            decision: Some(read_as(&json!(decision))),
            ..VerdictFilter::default()
        };
        let is_so = |verdict: &Value| verdict["decision"] == decision;
        earlier.selects(&filter, is_so).await;
    }
    let since = time(&earlier.answers("verdicts")[6]);
    let filter = VerdictFilter {
        repository: Some("up.test/lib/app".parse().unwrap()),
        since: Some(since),
        ..VerdictFilter::default()
    };
    let is_of_app = |verdict: &Value| verdict["repository"] == "up.test/lib/app";
    let is_wanted = |verdict: &Value| is_of_app(verdict) && time(verdict) >= since;
    earlier.selects(&filter, is_wanted).await;
    // What images hold was kept in another way: it is known again once they are judged.
    let verdicts = earlier.answers("verdicts").len();
    assert_eq!(earlier.records.unlisted().await.unwrap(), verdicts as u64);
}

#[tokio::test]
async fn verdicts_are_found_by_every_name_of_what_was_found() {
    let earlier = Earlier::unpack();
    for name in ["cve-2026-1111", "GHSA-aaaa-aaaa-aaaa", "CVE-2026-4007"] {
        let filter = VerdictFilter {
            vulnerability: Some(name.into()),
            ..VerdictFilter::default()
        };
        let names_it = |finding: &Value| {
            let lists = [&finding["aliases"], &finding["advisories"]];
            let texts = lists.into_iter().flat_map(|list| list.as_array().unwrap());
            let mut texts = texts.chain([&finding["id"]]).map(|id| id.as_str().unwrap());
            texts.any(|id| id.eq_ignore_ascii_case(name))
        };
        earlier.selects(&filter, finding_that(names_it)).await;
    }
    for name in ["badlib", "many7", "iffy"] {
        let filter = VerdictFilter {
            package: Some(name.into()),
            ..VerdictFilter::default()
        };
        let is_in_it = |finding: &Value| finding["package"]["name"] == name;
        earlier.selects(&filter, finding_that(is_in_it)).await;
    }
}

#[tokio::test]
async fn one_image_has_its_verdict_in_every_repository() {
    let earlier = Earlier::unpack();
    let records = &earlier.records;
    records.make_index_whole().await.unwrap();
    let (copy, tag) = ("up.test/team/copy".parse().unwrap(), "1".parse().unwrap());
    let digest = records.tag(&copy, &tag).await.unwrap().unwrap().digest;
    let (app, copy) = (
        Scope::for_all("up.test/lib/app".parse().unwrap()),
        Scope::for_all(copy),
    );
    let found = records.judged_in(&digest).await.unwrap();
    assert!(found.len() == 2 && found.contains(&app) && found.contains(&copy));
    assert_eq!(records.summaries_of(&digest).await.unwrap().len(), 2);
}

#[tokio::test]
async fn every_event_is_there_and_found_by_what_it_says() {
    let earlier = Earlier::unpack();
    let (records, then) = (&earlier.records, earlier.answers("events"));
    let last = records.last_event().await.unwrap();
    assert_eq!(then[0]["seq"], last);
    assert_eq!(
        records.delivered_event("webhook").await.unwrap(),
        Some(last)
    );
    let filter = EventFilter::default();
    let now = records
        .list_events(&filter, then.len() + 1, None)
        .await
        .unwrap();
    for (now, then) in now.items.iter().zip(then) {
        let mut then = then.clone();
        then.as_object_mut().unwrap().remove("pulled_by");
        assert_eq!(records.event(now.seq).await.unwrap().as_ref(), Some(now));
        assert_says(&value(stored::event_text(now)), &then, "event");
    }
    assert_eq!(now.items.len(), then.len());
    let by = |direction, cause, vulnerability: Option<&str>| EventFilter {
        direction,
        cause,
        vulnerability: vulnerability.map(str::to_owned),
        ..EventFilter::default()
    };
    let is = |name: &'static str| move |event: &Value| event["direction"] == name;
    let worse = then.iter().filter(|event| is("worse")(event)).count();
    let better = then.iter().filter(|event| is("better")(event)).count();
    let caused = |cause| {
        then.iter()
            .filter(move |event| !event["cause"][cause].is_null())
            .count()
    };
    for (filter, wanted) in [
        (by(Some(Direction::Worse), None, None), worse),
        (by(Some(Direction::Better), None, None), better),
        (by(None, Some(CauseKind::Policy), None), caused("policy")),
        (by(None, Some(CauseKind::Feeds), None), caused("feeds")),
        (by(None, None, Some("cve-2026-3333")), 2),
    ] {
        let found = records.list_events(&filter, 99, None).await.unwrap();
        assert_eq!(
            (found.items.len(), found.items.is_empty()),
            (wanted, false),
            "{filter:?}"
        );
    }
}

#[tokio::test]
async fn releases_tags_and_platforms_are_known_and_what_an_upstream_only_said_is_not() {
    let earlier = Earlier::unpack();
    let records = &earlier.records;
    let lines = earlier.answers("decisions").iter();
    let served = lines.filter(|line| line["decision"] != "refuse").map(place);
    let served: BTreeSet<_> = served.collect();
    for line in earlier.answers("decisions") {
        let (repository, digest) = place(line);
        let is_released = records.is_released(&repository, &digest).await.unwrap();
        assert_eq!(is_released, served.contains(&place(line)), "{line}");
        let tag = read_as::<String>(&line["tag"]).parse().unwrap();
        let tagged = records.tag(&repository, &tag).await.unwrap().unwrap();
        assert_eq!(tagged.digest, digest);
        // An answer to HEAD was proof enough then, so that all of it is proven again.
        let member = records.membership(&repository, &digest).await.unwrap();
        assert_eq!(member, None, "{line}");
        let read = earlier.content.read(&digest, 1 << 20).await.unwrap();
        match Manifest::parse(&read.unwrap(), &tagged.media_type).unwrap() {
            Manifest::Image(image) => {
                let blob = &image.config.digest;
                let listing = records.manifests_listing(&repository, blob).await.unwrap();
                assert!(listing.contains(&digest), "{line}");
                assert!(!records.blob_present(&repository, blob).await.unwrap());
            }
            Manifest::Index(index) => {
                let children = index.manifests.into_iter().map(|child| child.digest);
                let children: Vec<Digest> = children.collect();
                let known = records.knows_children(&repository, &digest, &children);
                assert!(!known.await.unwrap());
            }
        }
    }
    let multi = "up.test/lib/multi".parse().unwrap();
    let platforms = records.platforms(&multi).await.unwrap();
    assert_eq!(platforms, ["linux/amd64"]);
}

#[tokio::test]
async fn the_log_verifies_and_each_line_says_what_it_said() {
    let earlier = Earlier::unpack();
    let page = PageOf {
        order: Order::Newest,
        after: None,
        limit: 999,
    };
    let lines = read(&earlier.log(), &DecisionFilter::default(), page)
        .unwrap()
        .items;
    let then = earlier.answers("decisions");
    for (now, then) in lines.iter().zip(then) {
        let mut now = serde_json::to_value(now).unwrap();
        now["digest"] = now["asked"].clone();
        now["rule"] = now["reasons"][0]["rule"].clone();
        now["verdict"] = then["verdict"].clone();
        assert_says(&now, then, "line");
    }
    assert_eq!(lines.len(), then.len());
    let verified = verify(&earlier.log()).unwrap();
    assert!(verified.is_sound(), "{verified:?}");
    assert_eq!(verified.lines, then.len() as u64);
}

#[tokio::test]
async fn what_is_written_now_goes_on_where_it_ended() {
    let earlier = Earlier::unpack();
    let (records, last) = (
        &earlier.records,
        earlier.records.last_event().await.unwrap(),
    );
    let allowed = earlier.wanted(|verdict| verdict["decision"] == "allow");
    let (_, repository, digest) = allowed[0].clone();
    let scope = Scope::for_all(repository.clone());
    let known = records.known_verdict(&scope, &digest).await.unwrap();
    let mut verdict: Verdict = known.verdict().unwrap();
    verdict.decision = Decision::Refuse;
    let new = Replacement::new(&mut verdict.clone(), &known).unwrap();
    assert_eq!(records.replace_verdicts(vec![new]).await.unwrap(), [true]);
    let event = records.event(last + 1).await.unwrap().unwrap();
    let change = event.change().unwrap();
    assert_eq!((&change.digest, &change.repository), (&digest, &repository));
    let filter = VerdictFilter {
        decision: Some(Decision::Refuse),
        ..VerdictFilter::default()
    };
    let refused = earlier.listed(&filter).await;
    let before = earlier.wanted(|verdict| verdict["decision"] == "refuse");
    assert_eq!(refused.len(), before.len() + 1);
}
