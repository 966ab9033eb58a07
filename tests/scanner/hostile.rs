//! Hostile archives: each gets a verdict, without a panic, in time and within memory.

use std::io::Read;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sluicegate_model::Digest;
use sluicegate_model::coverage::GapKind;
use sluicegate_scanner::{LayerFacts, LayerInput, Limits, merge, scan_layer};
use sluicegate_tests::seeds;

use crate::{archives, endless};

/// Archives of an ordinary run and of a long one.
const ARCHIVES: [u64; 2] = [4_000, 50_000];
/// Most time for one of them, in a machine that does other work as well.
const MOST_TIME: Duration = Duration::from_secs(30);
/// Set in a process that runs one test alone.
const ALONE: &str = "SLUICEGATE_TEST_ALONE";
/// Most memory of the whole test, in MiB.
const MOST_MIB: u64 = 256;

/// Scans a layer and merges it with itself; says what is wrong with the outcome.
fn judge(layer: impl Read + Send) -> Result<LayerFacts, String> {
    let started = Instant::now();
    let facts = scan_layer(layer, &Limits::default());
    let digest = Digest::of(b"layer");
    let input = LayerInput {
        digest: &digest,
        facts: &facts,
    };
    let inventory = merge(None, &[input, input]);
    if started.elapsed() > MOST_TIME {
        return Err(format!("took {:?}", started.elapsed()));
    }
    let gaps = facts.gaps.iter().chain(&inventory.gaps);
    if let Some(gap) = gaps
        .into_iter()
        .find(|gap| gap.kind == GapKind::AnalyzerFailed)
    {
        return Err(format!("panicked: {gap:?}"));
    }
    Ok(facts)
}

#[test]
fn every_hostile_archive_gets_a_verdict() {
    if !is_alone("hostile::every_hostile_archive_gets_a_verdict") {
        return;
    }
    let seeds = seeds::seeds(ARCHIVES[0], ARCHIVES[1], &[]);
    eprintln!("hostile archives: {} from seed {}", seeds.len(), seeds[0]);
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    let work = || {
        while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
            let layer = archives::layer(*seed, &mut seeds::rng(*seed));
            let outcome = judge(layer.as_slice()).and_then(|facts| {
                let stored = LayerFacts::from_bytes(&facts.to_bytes());
                (stored.ok() == Some(facts))
                    .then_some(())
                    .ok_or("facts did not survive storage".to_owned())
            });
            if let Err(why) = outcome {
                failed
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push((*seed, why));
            }
        }
    };
    let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(
        failed.is_empty(),
        "{} of {} failed; replay one with SLUICEGATE_TEST_SEED: {failed:?}",
        failed.len(),
        seeds.len()
    );
    assert!(peak_mib() <= MOST_MIB, "took {} MiB", peak_mib());
}

#[test]
fn layers_without_end_get_a_verdict_too() {
    if !is_alone("hostile::layers_without_end_get_a_verdict_too") {
        return;
    }
    let whole = std::env::var_os("SLUICEGATE_TEST_LONG").is_some();
    for (what, layer) in endless::layers(whole) {
        let started = Instant::now();
        let facts = judge(layer).unwrap_or_else(|why| panic!("{what} {why}"));
        eprintln!(
            "{what}: {:?}, {} MiB, {:?}",
            started.elapsed(),
            peak_mib(),
            facts.gaps.first()
        );
        assert!(peak_mib() <= MOST_MIB, "{what} took {} MiB", peak_mib());
    }
}

/// Tells whether this process runs one test alone; else runs that test in such a process, where its memory
/// can be told from that of others.
fn is_alone(test: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let program = std::env::current_exe().expect("name this program");
    let mut alone = Command::new(program);
    alone.args(["--exact", test, "--nocapture"]).env(ALONE, "1");
    let run = alone.output().expect("run this program");
    let (out, told) = (run.stdout, run.stderr);
    let [out, told] = [out, told].map(|text| String::from_utf8_lossy(&text).into_owned());
    eprint!("{told}");
    let has_passed = run.status.success() && out.contains("1 passed");
    assert!(has_passed, "{out}{told}");
    false
}

/// Gives the most memory that this process has had resident, in MiB.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.expect("a number of KiB") / 1_024
}
