//! What the record of findings takes and how long it takes to ask it:
//! `record_cost DATA IMAGES FINDINGS DAYS ENGINE`, on a directory that is not there yet.
//!
//! Images rest on fifty bases. Each has so many findings, in thirty packages; each day one weakness
//! comes to all images of a base and one goes, as where a busy feed changes every image every day.
//! Afterwards a thousand weaknesses are asked for, a page of a hundred images each.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sluicegate_engine::ledger::{Known, Record as _, RecordFilter, Replacement, Verdicts as _};
use sluicegate_local::cache::ContentStore;
use sluicegate_local::ledger::Records;
use sluicegate_local::record::TurnLog;
use sluicegate_local::store::EngineKind;
use sluicegate_model::Digest;
use sluicegate_model::access::Reach;
use sluicegate_model::finding::Finding;
use sluicegate_model::package::PackageType;
use sluicegate_model::samples;
use sluicegate_model::verdict::Verdict;

/// Images on which one feed change is judged together.
const BATCH: usize = 200;
const BASES: usize = 50;
const PACKAGES: usize = 30;
const ASKED: usize = 1_000;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "its output is what it is for")]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [data, images, findings, days, engine] = &arguments[..] else {
        return Err("usage: record_cost DATA IMAGES FINDINGS DAYS ENGINE".into());
    };
    let (images, findings, days): (usize, usize, usize) =
        (images.parse()?, findings.parse()?, days.parse()?);
    let data = Path::new(data);
    let (store, _) = engine.parse::<EngineKind>()?.open(data)?;
    let content = ContentStore::open(&data.join("content"), 20 << 30)?;
    let (log, _) = TurnLog::open(&data.join("decisions"))?;
    let records = Records::new(store, Arc::new(content)).recording(log);
    let file = data.join("decisions/record.jsonl");
    let mut before = 0;
    for day in 0..=days {
        let begun = Instant::now();
        judge_all(&records, images, findings, day).await?;
        ask(&records, "CVE-none").await?;
        let bytes = std::fs::metadata(&file)?.len();
        println!(
            "day {day}: {} bytes of the record, {:.1} s",
            bytes - before,
            begun.elapsed().as_secs_f64()
        );
        before = bytes;
    }
    println!(
        "record {before} bytes, store {} bytes",
        size_of(data)? - before
    );
    let mut took = Vec::new();
    for number in 0..ASKED {
        let id = id(number % BASES, days + number % findings);
        let begun = Instant::now();
        ask(&records, &id).await?;
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    let at = |share: usize| {
        took.get(ASKED * share / 1_000)
            .copied()
            .unwrap_or(Duration::ZERO)
    };
    println!(
        "asked {ASKED} times: median {:?}, p99 {:?}, most {:?}",
        at(500),
        at(990),
        at(999)
    );
    let begun = Instant::now();
    let page = ask(&records, "CVE-everywhere").await?;
    println!("of {} images that have it: {:?}", page, begun.elapsed());
    Ok(())
}

async fn judge_all(records: &Records, images: usize, findings: usize, day: usize) -> Outcome<()> {
    let numbers: Vec<usize> = (0..images).collect();
    for batch in numbers.chunks(BATCH) {
        let mut replacements = Vec::new();
        for number in batch {
            let mut verdict = verdict(*number, findings, day);
            let known = if day == 0 {
                Known::default()
            } else {
                records
                    .known_verdict(&verdict.scope(), &verdict.digest)
                    .await?
            };
            replacements.push(Replacement::new(&mut verdict, &known)?);
        }
        records.replace_verdicts(replacements).await?;
    }
    Ok(())
}

async fn ask(records: &Records, weakness: &str) -> Outcome<u64> {
    let filter = RecordFilter {
        reach: Reach::EVERYTHING,
        weakness: weakness.to_owned(),
        repository: None,
        is_there: None,
    };
    Ok(records.recorded(&filter, 100, None).await?.have)
}

fn id(base: usize, number: usize) -> String {
    format!("CVE-20{}-{:05}", 10 + base % 17, number * BASES + base)
}

fn verdict(number: usize, findings: usize, day: usize) -> Verdict {
    let base = number % BASES;
    let mut verdict = samples::verdict();
    let of = |at: usize| -> Finding {
        let package = format!("package-of-some-length-{}", at % PACKAGES);
        let package = samples::component(&package, "1.2.3-4+deb12u1", PackageType::Deb, None);
        let mut finding = samples::finding(&id(base, at), &package);
        finding.aliases = Vec::new();
        finding.advisories = vec![format!("DEBIAN-{}", id(base, at))];
        finding
    };
    verdict.findings = (day..day + findings).map(of).collect();
    let package = samples::component("everywhere", "1", PackageType::Deb, None);
    verdict
        .findings
        .push(samples::finding("CVE-everywhere", &package));
    verdict.digest = Digest::of(&number.to_le_bytes());
    let name = format!(
        "registry.example/team-{}/app-{}",
        number % 97,
        number % 1_009
    );
    verdict.repository = name.parse().unwrap_or(verdict.repository);
    let seconds = i64::try_from(1_700_000_000 + day * 86_400 + number / 100).unwrap_or_default();
    verdict.provenance.decided_at = Timestamp::from_second(seconds).unwrap_or_default();
    verdict
}

fn size_of(directory: &Path) -> Outcome<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() {
            size_of(&entry.path())?
        } else {
            metadata.len()
        };
    }
    Ok(bytes)
}
