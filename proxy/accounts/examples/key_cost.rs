//! What it costs to know a key among many.
//!
//! `cargo run --release -p sluicegate-accounts --features testkit --example key_cost -- [KEYS]` prints
//! the median and the 99th percentile of 100,000 calls over the adapters in memory, in microseconds.

use std::error::Error;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sluicegate_accounts::book::{Book, WantedKey};
use sluicegate_accounts::kept::Kept;
use sluicegate_accounts::keys::{KeyParts, Keys};
use sluicegate_accounts::testkit::MemoryBookStore;
use sluicegate_accounts::vouched::Book as _;
use sluicegate_engine::identity::Presented;
use sluicegate_engine::instance_key::{InstanceKey, KEY_BYTES};
use sluicegate_engine::testkit::MemoryAudit;
use sluicegate_model::access::{Rights, Role};
use sluicegate_model::clock::Clock;

/// Calls behind the figures.
const CALLS: usize = 100_000;
/// Keys where no number is given.
const KEYS: usize = 10_000;
/// From one call's key to the next one's: a prime, so that none is asked twice in a row.
const STEP: usize = 7_919;
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let count = std::env::args().nth(1);
    let count = count.map_or(Ok(KEYS), |count| count.parse())?;
    let instance = InstanceKey::of(&[7; KEY_BYTES]);
    let (mut book, mut issued) = (Book::default(), Vec::with_capacity(count));
    for number in 0..count {
        issued.push(book.create(wanted(number), &instance, Timestamp::UNIX_EPOCH)?);
    }
    let (store, logged) = (MemoryBookStore::default(), Some(book.digest()));
    store.put(Some(Kept {
        book,
        previous: None,
    }));
    let parts = KeyParts {
        store: Arc::new(store),
        log: Arc::new(MemoryAudit::default()),
        instance,
        clock: Clock::from_fn(Timestamp::now),
    };
    let nobody = Presented::from_address(HERE).by(None, Rights::everywhere(&[]));
    let keys = Keys::open(parts, logged, &nobody).await?;
    let mut times = Vec::with_capacity(CALLS);
    for key in issued.iter().cycle().step_by(STEP).take(CALLS) {
        let begun = Instant::now();
        let proven = keys
            .prove(HERE, key.key.access.as_str(), key.secret.expose())
            .await;
        times.push(begun.elapsed());
        proven.ok_or("a right key was not known")?;
    }
    times.sort_unstable();
    let micros = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1e6);
    let (median, p99) = (times.get(CALLS / 2), times.get(CALLS / 100 * 99));
    writeln!(
        std::io::stdout(),
        "{count} keys, {CALLS} calls: median {:.2}, p99 {:.2} microseconds",
        micros(median),
        micros(p99)
    )?;
    Ok(())
}

fn wanted(number: usize) -> WantedKey {
    WantedKey {
        name: format!("key-{number}"),
        owner: None,
        role: Role::Puller,
        repositories: vec![format!("docker.io/team-{number}/**")],
        life: None,
    }
}
