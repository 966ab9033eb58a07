//! Lists read what they show, whatever is stored and asked; and the index that makes them do so
//! says what the verdicts say.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::verdict::Reason;

use super::*;

/// Counts what is read of the engine in memory.
#[derive(Debug, Default)]
struct Counting {
    store: MemoryStore,
    rows: AtomicUsize,
    bytes: AtomicUsize,
}

impl Counting {
    fn count(&self, key: &Key, body: Option<&Bytes>) {
        let bytes = key.as_bytes().len() + body.map_or(0, Bytes::len);
        self.rows.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn take(&self) -> (usize, usize) {
        let take = |counter: &AtomicUsize| counter.swap(0, Ordering::Relaxed);
        (take(&self.rows), take(&self.bytes))
    }
}

#[async_trait]
impl VerdictStore for Counting {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        let body = self.store.get(key).await?;
        self.count(key, body.as_ref());
        Ok(body)
    }

    async fn apply(&self, ops: Vec<Op>) -> Result<(), StoreError> {
        self.store.apply(ops).await
    }

    async fn page(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Bytes)>, StoreError> {
        let page = self.store.page(prefix, after, limit).await?;
        for (key, body) in &page {
            self.count(key, Some(body));
        }
        Ok(page)
    }

    fn losses(&self) -> u64 {
        self.store.losses()
    }

    async fn health(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

const IMAGES: usize = 10_000;
/// Items of a page.
const LIMIT: usize = 100;
/// Most bytes of a summary with its key.
const SUMMARY_BYTES: usize = 1_500;

/// One image in a hundred is refused, one in fifty would be; every one has a common weakness, and
/// one of its own.
fn numbered(number: usize) -> Verdict {
    let ids = ["CVE-ALL".to_owned(), format!("CVE-OWN-{number}")];
    let mut findings: Vec<Finding> = ids.iter().map(|id| finding(id, "everywhere")).collect();
    if number.is_multiple_of(1_000) {
        findings.push(finding("CVE-SELDOM", "seldom"));
    }
    let name = format!("app-{}", number % 20);
    let at = i64::try_from(number * 7_919 % IMAGES).unwrap();
    let mut verdict = verdict(&name, &number.to_string(), at, findings);
    verdict.decision = match number % 100 {
        0 => Decision::Refuse,
        _ => Decision::Annotate,
    };
    if number % 100 < 3 {
        verdict.reasons = vec![Reason {
            rule: "rule".to_owned().into(),
            action: Decision::Refuse,
            message: "1 finding".into(),
            findings: vec!["CVE-ALL".into()],
        }];
    }
    verdict
}

fn holding(name: &str) -> Inventory {
    let component = samples::component(name, "1.0", PackageType::Npm, None);
    Inventory {
        components: vec![component],
        ..Inventory::default()
    }
}

async fn filled(store: Arc<Counting>, directory: &TempDir) -> Records {
    let content = Arc::new(ContentStore::open(directory.path(), 1 << 30).unwrap());
    let records = Records::new(store, content);
    let nothing = records
        .known_verdict(&Scope::for_all(repository("none")), &Digest::of(b"none"))
        .await
        .unwrap();
    for numbers in (0..IMAGES).collect::<Vec<_>>().chunks(500) {
        let one = |number: &usize| {
            let new = Replacement::new(&mut numbered(*number), &nothing).unwrap();
            new.listing(
                &holding(&format!("package-{}", number % 10)),
                &sluicegate_engine::plugins::ActivePlugins::built_in(),
            )
        };
        let written = records.replace_verdicts(numbers.iter().map(one).collect());
        assert!(written.await.unwrap().iter().all(|written| *written));
    }
    // As a service does when it starts.
    records.make_index_whole().await.unwrap();
    records
}

/// What each filter finds: how many, in the end.
fn questions() -> Vec<(VerdictFilter, usize)> {
    let vulnerability = |id: &str| {
        let id = Some(id.to_owned());
        only(|f| f.vulnerability = id)
    };
    let package = |name: &str| {
        let name = Some(name.to_owned());
        only(|f| f.package = name)
    };
    vec![
        (only(|_| {}), IMAGES),
        (
            only(|f| f.repository = Some(repository("app-3"))),
            IMAGES / 20,
        ),
        (only(|f| f.repository = Some(repository("app"))), 0),
        (only(|f| f.digest = Some(Digest::of(b"77"))), 1),
        (only(|f| f.digest = Some(Digest::of(b"none"))), 0),
        (only(|f| f.decision = Some(Decision::Refuse)), IMAGES / 100),
        (only(|f| f.decision = Some(Decision::Allow)), 0),
        (only(|f| f.would_refuse = Some(true)), IMAGES / 50),
        (vulnerability("cve-all"), IMAGES),
        (vulnerability("CVE-OWN-5"), 1),
        (vulnerability("CVE-SELDOM"), IMAGES / 1_000),
        (vulnerability("CVE-NONE"), 0),
        (package("everywhere"), IMAGES),
        (package("none"), 0),
        (only(|f| f.since = Some(second(i64::MAX >> 32))), 0),
        (only(|f| f.until = Some(second(0))), 0),
        (
            only(|f| (f.since, f.until) = (Some(second(5)), Some(second(6)))),
            1,
        ),
        (
            only(|f| {
                f.vulnerability = Some("CVE-ALL".into());
                f.package = Some("everywhere".into());
                f.decision = Some(Decision::Allow);
            }),
            0,
        ),
        (
            only(|f| {
                f.vulnerability = Some("CVE-SELDOM".into());
                f.repository = Some(repository("app-1"));
            }),
            0,
        ),
    ]
}

#[tokio::test]
async fn a_page_reads_what_it_shows_of_ten_thousand_images() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(Counting::default());
    let records = filled(Arc::clone(&store), &directory).await;
    for is_folded in [false, true] {
        if is_folded {
            records.index.fold(&records.store).await.unwrap();
            assert!(
                records
                    .store
                    .page(&keys::all_logged(), None, 1)
                    .await
                    .unwrap()
                    .is_empty()
            );
        }
        for (filter, all) in questions() {
            store.take();
            let page = records.list_summaries(&filter, LIMIT, None).await.unwrap();
            let (rows, bytes) = store.take();
            let shown = page.items.len();
            assert_eq!(shown, all.min(LIMIT), "{filter:?}");
            assert_eq!(page.next.is_some(), all > LIMIT, "{filter:?}");
            // Beside what is shown: a name's numbers, in blocks of at most a KiB each.
            let (most_rows, most_bytes) = (shown + 5, (shown + 1) * SUMMARY_BYTES + 4 * 1_100);
            assert!(rows <= most_rows, "{rows} rows for {shown}: {filter:?}");
            assert!(bytes <= most_bytes, "{bytes} bytes for {shown}: {filter:?}");
        }
        for (name, version, all) in [
            ("package-3", None, IMAGES / 10),
            ("package-3", Some("1.0"), IMAGES / 10),
            ("package-3", Some("2.0"), 0),
            ("none", None, 0),
        ] {
            store.take();
            let found = records.images_with(name, version, 0, LIMIT).await.unwrap();
            let (rows, bytes) = store.take();
            assert_eq!(found.len(), all.min(LIMIT));
            assert!(rows <= found.len() + 5, "{rows} rows: {name} {version:?}");
            assert!(
                bytes <= found.len() * 200 + 3 * 1_100,
                "{bytes} bytes: {name}"
            );
        }
    }
    let shown: Vec<Digest> = pages(&records, &only(|_| {})).await;
    assert_eq!(shown.len(), IMAGES);
    assert_eq!(shown.iter().collect::<BTreeSet<_>>().len(), IMAGES);
}

#[tokio::test]
async fn a_verdict_whose_names_were_lost_is_not_found_by_them_any_more() {
    let (directory, records) = records();
    let lost = verdict("app", "image", 0, many_findings());
    put(&records, &lost).await;
    let files = files_below(directory.path());
    flip(&files[0], 100);
    let clean = verdict("app", "image", 1, vec![finding("CVE-1", "zlib")]);
    put(&records, &clean).await;
    let old = only(|f| f.vulnerability = Some(lost.findings[7].id.clone()));
    assert!(pages(&records, &old).await.is_empty());
    let new = only(|f| f.vulnerability = Some("CVE-1".into()));
    assert_eq!(pages(&records, &new).await.len(), 1);
    assert_eq!(pages(&records, &only(|_| {})).await.len(), 1);
}

#[tokio::test]
async fn a_store_of_an_earlier_form_is_listed_whole() {
    let (directory, records) = records();
    for number in 0..300 {
        put(&records, &numbered(number)).await;
    }
    let bad = verdict("app-1", "1", 9_999, vec![finding("CVE-1", "zlib")]);
    let known = records
        .known_verdict(&bad.scope(), &bad.digest)
        .await
        .unwrap();
    let new = Replacement::new(&mut bad.clone(), &known).unwrap();
    records.replace_verdicts(vec![new]).await.unwrap();
    make_earlier(&records.store).await;
    let content = Arc::new(ContentStore::open(directory.path(), 1 << 30).unwrap());
    let later = Records::new(Arc::clone(&records.store), content);
    // A pull is judged before the index is whole.
    put(&later, &numbered(7)).await;
    assert_eq!(pages(&later, &only(|_| {})).await.len(), 300);
    let common = only(|f| f.vulnerability = Some("CVE-ALL".into()));
    assert_eq!(pages(&later, &common).await.len(), 299);
    let own = only(|f| f.vulnerability = Some("CVE-OWN-299".into()));
    assert_eq!(pages(&later, &own).await, [Digest::of(b"299")]);
    let named = EventFilter {
        vulnerability: Some("CVE-1".into()),
        ..EventFilter::default()
    };
    assert_eq!(
        later
            .list_events(&named, 9, None)
            .await
            .unwrap()
            .items
            .len(),
        1
    );
    for gone in keys::of_earlier_lists() {
        assert!(later.store.page(&gone, None, 1).await.unwrap().is_empty());
    }
}

/// Leaves of a store what a version had that listed by looking at every verdict.
async fn make_earlier(store: &Arc<dyn VerdictStore>) {
    let mut ops = vec![
        rows::mark_present(Key::from(b"n\0time\0name\0digest\0".as_slice())),
        rows::mark_present(Key::from(b"k\0digest\0row\0".as_slice())),
    ];
    for kind in ["s", "q", "x", "f", "K", "I"] {
        let prefix = Key::from(format!("{kind}\0").as_bytes());
        let rows = store.page(&prefix, None, 100_000).await.unwrap();
        ops.extend(rows.into_iter().map(|(key, _)| Op::Delete { key }));
    }
    let named = store
        .page(&keys::all_by_digest(), None, 100_000)
        .await
        .unwrap();
    ops.extend(named.into_iter().map(|(key, _)| rows::mark_present(key)));
    store.apply(ops).await.unwrap();
}
