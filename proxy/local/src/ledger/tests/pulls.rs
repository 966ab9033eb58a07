//! Who pulled, against a plain count over all lines of the log.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use sluicegate_engine::ledger::{MAX_PULLERS, PullBook as _, Pulled, PulledOnce, PullingClient};
use sluicegate_model::Repository;
use sluicegate_model::verdict::RuleId;

use super::*;
use crate::decisions::{
    DecisionFilter, DecisionLine, DecisionLog, Grounds, LineKind, LogEntry, Order, PageOf, read,
};

/// Lines of a random log.
const LINES: usize = 3_000;
/// Clients in it: more than are named.
const CLIENTS: u64 = 40;
/// Manifests; the last one is an index that lists the first.
const IMAGES: u64 = 5;

/// A ledger over a store and a log, opened anew as often as one likes.
struct Home {
    directory: TempDir,
    store: Arc<MemoryStore>,
}

impl Home {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            store: Arc::new(MemoryStore::new()),
        }
    }

    fn open(&self) -> (Records, DecisionLog) {
        let home = self.directory.path();
        let content = Arc::new(ContentStore::open(&home.join("content"), 1 << 30).unwrap());
        let (log, _) = DecisionLog::open(&home.join("decisions")).unwrap();
        let records = Records::new(Arc::clone(&self.store) as _, content);
        (records.telling_who_pulled(log.clone()), log)
    }

    fn lines(&self) -> Vec<DecisionLine> {
        let page = PageOf {
            order: Order::Oldest,
            after: None,
            limit: usize::MAX,
        };
        let directory = self.directory.path().join("decisions");
        read(&directory, &DecisionFilter::default(), page)
            .unwrap()
            .items
    }
}

/// Numbers that are as good as random, and the same for the same seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % bound
    }

    fn is_one_of(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}

fn image(number: u64) -> Digest {
    Digest::of(&number.to_be_bytes())
}

/// A line of any kind. Only some clients leave before a verdict: how many may wait is bounded.
fn entry(numbers: &mut Numbers, second: i64) -> LogEntry {
    let client = numbers.below(CLIENTS);
    let decision = match numbers.below(4) {
        0 => Decision::Refuse,
        1 => Decision::Annotate,
        _ => Decision::Allow,
    };
    let kind = match numbers.below(8) {
        0 => LineKind::Denied,
        1 | 2 => LineKind::Count,
        _ => LineKind::Pull,
    };
    let asked = image(numbers.below(IMAGES));
    let served = if numbers.is_one_of(10) {
        image(numbers.below(IMAGES))
    } else {
        asked.clone()
    };
    let basis = if client < 8 && decision == Decision::Allow && numbers.is_one_of(2) {
        Grounds::of_rule(RuleId::VERDICT_PENDING, decision, String::new())
    } else {
        Grounds::default()
    };
    let is_settled = kind == LineKind::Pull && basis.reasons.is_empty() && numbers.is_one_of(3);
    LogEntry {
        client: Some(format!("192.0.2.{client}")),
        user_agent: Some("agent".into()),
        principal: client.is_multiple_of(3).then(|| "ci".into()),
        repository: Some(format!(
            "up.test/{}",
            if numbers.is_one_of(3) { "other" } else { "app" }
        )),
        tag: numbers.is_one_of(2).then(|| "1".into()),
        served: (decision != Decision::Refuse).then_some(served),
        asked: Some(asked),
        decision: Some(decision),
        basis,
        count: if is_settled { 0 } else { 1 + numbers.below(3) },
        ..LogEntry::new(super::second(second), kind)
    }
}

async fn append(log: &DecisionLog, numbers: &mut Numbers, from: usize, count: usize) {
    let seconds = (from..from + count).map(|at| i64::try_from(at).unwrap());
    let entries = seconds.map(|second| entry(numbers, second)).collect();
    log.append_all(entries).await.unwrap();
}

/// What is counted of one image, or of all that lead to it.
#[derive(Default)]
struct Counted {
    pulls: u64,
    refused: u64,
    given: Vec<(Timestamp, String, Option<String>, u64)>,
}

fn left_before_its_verdict(line: &DecisionLine) -> bool {
    let mut rules = line.reasons.iter().map(|it| &it.rule);
    rules.any(|rule| *rule == RuleId::VERDICT_PENDING)
}

/// Counts line by line, as the log is documented.
fn counted(lines: &[DecisionLine], indexes: &[Digest]) -> HashMap<(String, Digest), Counted> {
    let mut all: HashMap<(String, Digest), Counted> = HashMap::new();
    let mut waiting: HashMap<_, u64> = HashMap::new();
    for line in lines {
        let is_pull = line.kind == LineKind::Pull;
        if !is_pull && line.kind != LineKind::Count {
            continue;
        }
        let (name, asked) = (
            line.repository.clone().unwrap(),
            line.asked.clone().unwrap(),
        );
        let who = (
            line.client.clone(),
            line.principal.clone(),
            line.tag.clone(),
        );
        let is_settled = is_pull && line.count == 0;
        let place = |digest: &Digest| (name.clone(), digest.clone());
        let is_refused = line.decision == Some(Decision::Refuse);
        let served = line.served.clone().unwrap_or_else(|| asked.clone());
        let waits = |digest: &Digest| (place(digest), who.clone());
        if !is_settled && (is_refused || served != asked) {
            all.entry(place(&asked)).or_default().refused += line.count;
        }
        if is_refused && !is_settled {
            continue;
        }
        if left_before_its_verdict(line) {
            let count = waiting.entry(waits(&served)).or_default();
            *count = if is_pull {
                line.count
            } else {
                *count + line.count
            };
            continue;
        }
        let (at, count) = if is_settled {
            let is_child = name.ends_with("app") && served == image(0);
            let through = indexes.iter().filter(|_| is_child);
            let mut places = std::iter::once(&served).chain(through);
            let found = places.find_map(|at| Some((at, waiting.remove(&waits(at))?)));
            let Some(found) = found else { continue };
            found
        } else {
            (&served, line.count)
        };
        let counted = all.entry(place(at)).or_default();
        if is_refused {
            counted.refused += count;
            continue;
        }
        counted.pulls += count;
        let client = line.client.clone().unwrap();
        counted
            .given
            .push((line.time, client, line.principal.clone(), count));
    }
    all
}

/// Puts counts together as an answer.
fn answer(parts: Vec<&Counted>) -> Option<Pulled> {
    let pulls = parts.iter().map(|it| it.pulls).sum();
    let refused = parts.iter().map(|it| it.refused).sum();
    let mut given: Vec<_> = parts.iter().flat_map(|it| &it.given).collect();
    given.sort();
    let once =
        |(time, client, principal, _): &(Timestamp, String, Option<String>, u64)| PulledOnce {
            time: *time,
            client: client.clone(),
            principal: principal.clone(),
            user_agent: Some("agent".into()),
        };
    let mut clients: BTreeMap<_, (u64, Timestamp)> = BTreeMap::new();
    for (time, client, principal, count) in &given {
        let known = clients.entry((client, principal)).or_default();
        *known = (known.0 + count, *time);
    }
    let mut clients: Vec<PullingClient> = clients
        .into_iter()
        .map(|((client, principal), (pulls, last))| PullingClient {
            client: client.clone(),
            principal: principal.clone(),
            pulls,
            last,
        })
        .collect();
    clients.sort_by_key(|it| std::cmp::Reverse(it.last));
    let others = clients.len().saturating_sub(MAX_PULLERS) as u64;
    clients.truncate(MAX_PULLERS);
    (pulls + refused > 0).then(|| Pulled {
        first: given.first().map(|it| once(it)),
        last: given.last().map(|it| once(it)),
        pulls,
        refused,
        clients,
        others,
    })
}

/// Asserts that rows say of every image what its lines come to.
async fn assert_counted(records: &Records, lines: &[DecisionLine], what: &str) {
    let index = image(IMAGES - 1);
    let counted = counted(lines, std::slice::from_ref(&index));
    let names: [Repository; 2] = ["app", "other"].map(repository);
    let mut asked = Vec::new();
    let mut wanted = Vec::new();
    for name in &names {
        for number in 0..IMAGES {
            let mut digests = vec![image(number)];
            if *name == names[0] && number == 0 {
                digests.push(index.clone());
            }
            let parts = digests.into_iter().map(|it| (name.to_string(), it));
            wanted.push(answer(parts.filter_map(|it| counted.get(&it)).collect()));
            asked.push((name.clone(), image(number)));
        }
    }
    let told = records.pulled(&asked).await.unwrap();
    for ((told, wanted), image) in told.iter().zip(&wanted).zip(&asked) {
        assert_eq!(told, wanted, "{what}: {image:?}");
    }
}

async fn list_first_in_last(records: &Records) {
    let (app, index, listed) = (repository("app"), image(IMAGES - 1), [image(0)]);
    let listed = records.add_membership(&app, &index, "an index", &[], &listed);
    listed.await.unwrap();
}

#[tokio::test]
async fn rows_say_what_all_lines_come_to_wherever_reading_ended() {
    for seed in 1..=6 {
        let home = Home::new();
        let mut numbers = Numbers(seed);
        let (mut records, mut log) = home.open();
        list_first_in_last(&records).await;
        let mut written = 0;
        while written < LINES {
            let some = usize::try_from(1 + numbers.below(900)).unwrap();
            append(&log, &mut numbers, written, some).await;
            written += some;
            match numbers.below(3) {
                // Lines that nobody has read when the program ends, and lines that somebody has.
                0 => records.read_pulls().await.unwrap(),
                1 => {
                    drop((records, log));
                    (records, log) = home.open();
                }
                _ => assert_counted(&records, &home.lines(), &format!("seed {seed}")).await,
            }
        }
        let lines = home.lines();
        assert_counted(&records, &lines, &format!("seed {seed}, at the end")).await;
        let is_waiting = |line: &&DecisionLine| left_before_its_verdict(line);
        assert!(lines.iter().filter(is_waiting).count() > 50, "seed {seed}");
    }
}

#[tokio::test]
async fn another_log_and_one_that_was_cut_are_read_anew() {
    let home = Home::new();
    let mut numbers = Numbers(7);
    let (records, log) = home.open();
    list_first_in_last(&records).await;
    append(&log, &mut numbers, 0, 700).await;
    assert_counted(&records, &home.lines(), "before").await;
    drop((records, log));
    let path = home.directory.path().join("decisions/decisions.jsonl");
    let whole = fs::read(&path).unwrap();

    let lines = whole.split_inclusive(|byte| *byte == b'\n').take(300);
    fs::write(&path, lines.flatten().copied().collect::<Vec<u8>>()).unwrap();
    let (records, log) = home.open();
    assert_eq!(home.lines().len(), 300);
    assert_counted(&records, &home.lines(), "cut").await;
    drop((records, log));

    fs::remove_file(&path).unwrap();
    let (records, log) = home.open();
    let nobody = records.pulled(&[(repository("app"), image(1))]).await;
    assert_eq!(nobody.unwrap(), [None]);
    append(&log, &mut Numbers(8), 0, 400).await;
    assert_counted(&records, &home.lines(), "another").await;
}

#[tokio::test]
async fn a_row_that_is_lost_is_made_anew_once_that_is_known() {
    let home = Home::new();
    let (records, log) = home.open();
    list_first_in_last(&records).await;
    append(&log, &mut Numbers(9), 0, 200).await;
    assert_counted(&records, &home.lines(), "before").await;
    let key = keys::pulled(&repository("app"), &image(1));
    records.store.apply(vec![Op::Delete { key }]).await.unwrap();
    drop((records, log));
    home.store.set_losses(1);
    let (records, log) = home.open();
    assert_counted(&records, &home.lines(), "anew").await;
    append(&log, &mut Numbers(10), 200, 50).await;
    assert_counted(&records, &home.lines(), "and on").await;
}

#[tokio::test]
async fn a_row_stays_small_however_many_pull() {
    let home = Home::new();
    let (records, log) = home.open();
    let long = "x".repeat(400);
    let entries = (0..2_000_i64).map(|number| LogEntry {
        client: Some(format!("2001:db8:ffff:ffff:ffff:ffff:ffff:{number:04x}")),
        user_agent: Some(long.clone()),
        principal: Some(format!("{number}{long}")),
        repository: Some("up.test/app".into()),
        asked: Some(image(1)),
        served: Some(image(1)),
        decision: Some(Decision::Allow),
        ..LogEntry::new(second(number), LineKind::Pull)
    });
    log.append_all(entries.collect()).await.unwrap();
    let told = records.pulled(&[(repository("app"), image(1))]).await;
    let told = told.unwrap().remove(0).unwrap();
    assert_eq!(
        (told.pulls, told.clients.len(), told.others),
        (2_000, 20, 500)
    );
    let key = keys::pulled(&repository("app"), &image(1));
    let row = records.store.get(&key).await.unwrap().unwrap();
    assert!(row.len() <= 8 * 1024, "{} bytes", row.len());
}
