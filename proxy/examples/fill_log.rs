//! Fills the decision log of a data directory, for measuring what has to look for something in it.
//!
//! `cargo run --release -p sluicegate --example fill_log -- DATA LINES [IMAGES]` writes as many pulls,
//! one a second: each of a thousand images in turn, by ten thousand clients, one in a hundred refused.
//! With IMAGES they are those of `record_cost`.

use std::error::Error;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use sluicegate_local::decisions::{DecisionLog, LineKind, LogEntry};
use sluicegate_model::Digest;
use sluicegate_model::verdict::Decision;

/// Lines that wait for the disk at a time.
const AT_A_TIME: u64 = 1_024;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    const USAGE: &str = "usage: fill_log DATA LINES [IMAGES]";
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [data, lines, images @ ..] = &arguments[..] else {
        return Err(USAGE.into());
    };
    let lines: u64 = lines.parse()?;
    let images: Option<u64> = images.first().map(|it| it.parse()).transpose()?;
    let (log, _) = DecisionLog::open(&Path::new(data).join("decisions"))?;
    let began = Timestamp::now() - SignedDuration::from_secs(i64::try_from(lines)?);
    let writers = (0..AT_A_TIME).map(|first| {
        let log = log.clone();
        tokio::spawn(async move {
            let mut number = first;
            while number < lines {
                log.append(line(number, began, images)).await?;
                number += AT_A_TIME;
            }
            Ok::<_, Box<dyn Error + Send + Sync>>(())
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        if let Err(error) = writer.await? {
            return Err(error.to_string().into());
        }
    }
    Ok(())
}

fn line(number: u64, began: Timestamp, images: Option<u64>) -> LogEntry {
    let which = number % images.unwrap_or(1_000);
    let image = Digest::of(&which.to_le_bytes());
    let repository = match images {
        Some(_) => format!("registry.example/team-{}/app-{}", which % 97, which % 1_009),
        None => "up.bench/bench/app".to_owned(),
    };
    let second = SignedDuration::from_secs(i64::try_from(number).unwrap_or(i64::MAX));
    LogEntry {
        client: Some(format!("10.0.{}.{}", number / 256 % 40, number % 256)),
        user_agent: Some("containerd/2.4.2".into()),
        repository: Some(repository),
        tag: Some("1".into()),
        asked: Some(image.clone()),
        served: Some(image),
        decision: Some(match number % 100 {
            0 => Decision::Refuse,
            _ => Decision::Allow,
        }),
        ..LogEntry::new(began + second, LineKind::Pull)
    }
}
