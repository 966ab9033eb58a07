//! Measures how often a second an engine commits, over a store that is there already.
//!
//! `cargo run --release -p sluicegate-local --example commit_rate -- DATA ENGINE WRITERS SECONDS`.
//! Each writer puts one row of half a kilobyte at a time and waits until it is on disk, as a pull
//! waits for its verdict.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sluicegate_local::store::{EngineKind, Key, Op, StoreError, VerdictStore};
use sluicegate_model::Digest;

/// Bytes of a row: a verdict without findings.
const ROW_BYTES: usize = 512;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "its output is what it is for")]
async fn main() -> Result<(), Box<dyn Error>> {
    const USAGE: &str = "usage: commit_rate DATA ENGINE WRITERS SECONDS";
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [data, engine, writers, seconds] = &arguments[..] else {
        return Err(USAGE.into());
    };
    let (writers, seconds): (u64, u64) = (writers.parse()?, seconds.parse()?);
    let (store, _) = engine.parse::<EngineKind>()?.open(Path::new(data))?;
    let started = Instant::now();
    let until = started + Duration::from_secs(seconds);
    let tasks: Vec<_> = (0..writers)
        .map(|writer| tokio::spawn(write(Arc::clone(&store), writer, until)))
        .collect();
    let mut commits = 0_u64;
    for task in tasks {
        commits += task.await??;
    }
    println!("{:.0}", commits as f64 / started.elapsed().as_secs_f64());
    Ok(())
}

/// Writes until the time is over; gives how often.
async fn write(
    store: Arc<dyn VerdictStore>,
    writer: u64,
    until: Instant,
) -> Result<u64, StoreError> {
    let mut commits = 0_u64;
    while Instant::now() < until {
        // Rows lie anywhere, and are hardly to be compressed.
        let digest = Digest::of(format!("{writer} {commits}").as_bytes());
        let key = Key::from(format!("~{}", digest.hex()).as_bytes());
        let noise = digest.hex().bytes().cycle().zip(0_u8..=255).cycle();
        let body: Bytes = noise.take(ROW_BYTES).map(|(a, b)| a ^ b).collect();
        store.apply(vec![Op::Put { key, body }]).await?;
        commits += 1;
    }
    Ok(commits)
}
