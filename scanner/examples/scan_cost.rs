//! Measures what scanning a layer costs beside what nobody can save: gunzip and the two hashes.
//!
//! `cargo run --release -p sluicegate-scanner --example scan_cost -- ROUNDS LAYER.tar.gz...` prints
//! one JSON object: CPU and wall seconds of both over the same files, and of a scan that looks for
//! secrets as well, the medians of all rounds.

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Instant;

use flate2::bufread::MultiGzDecoder;
use sluicegate_model::digest::{Algorithm, DigestHasher};
use sluicegate_scanner::{Limits, PluginSet, SecretDetector, scan_layer_again};

/// Bytes inflated at a time: the size at which zlib-rs is fastest.
const PIECE_BYTES: usize = 64 * 1024;
/// Pieces between the inflating and the hashing thread: as much memory as the scanner's own.
const PIECES_AHEAD: usize = 12;
/// Linux counts CPU time in hundredths of a second for every user program.
const TICKS_PER_SECOND: f64 = 100.0;

fn main() -> Result<(), Box<dyn Error>> {
    const USAGE: &str = "usage: scan_cost ROUNDS LAYER.tar.gz...";
    let mut arguments = std::env::args().skip(1);
    let rounds: usize = arguments.next().ok_or(USAGE)?.parse().map_err(|_| USAGE)?;
    let layers: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    if layers.is_empty() {
        return Err(USAGE.into());
    }
    let mut plain = Vec::new();
    let mut piped = Vec::new();
    let mut scanned = Vec::new();
    let mut searched = Vec::new();
    for _ in 0..rounds {
        plain.push(cost(&layers, gunzip_and_hash)?);
        piped.push(cost(&layers, gunzip_beside_hash)?);
        scanned.push(cost(&layers, scan)?);
        searched.push(cost(&layers, scan_for_secrets)?);
    }
    let report = serde_json::json!({
        "plain_cpu": median(plain.iter().map(|cost| cost.cpu)),
        "all_cores_wall": median(piped.iter().map(|cost| cost.wall)),
        "scan_cpu": median(scanned.iter().map(|cost| cost.cpu)),
        "scan_wall": median(scanned.iter().map(|cost| cost.wall)),
        "secrets_cpu": median(searched.iter().map(|cost| cost.cpu)),
        "secrets_wall": median(searched.iter().map(|cost| cost.wall)),
    });
    writeln!(std::io::stdout(), "{report}")?;
    Ok(())
}

struct Cost {
    wall: f64,
    cpu: f64,
}

type Work = fn(&Path) -> std::io::Result<()>;

/// Runs `work` over all layers, as many at a time as there are cores.
fn cost(layers: &[PathBuf], work: Work) -> std::io::Result<Cost> {
    let cores = thread::available_parallelism()?.get();
    let (cpu, started) = (cpu_seconds()?, Instant::now());
    let queue = Mutex::new(layers.iter());
    let next = || queue.lock().ok().and_then(|mut layers| layers.next());
    thread::scope(|scope| -> std::io::Result<()> {
        let worker = || -> std::io::Result<()> {
            while let Some(layer) = next() {
                work(layer)?;
            }
            Ok(())
        };
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
        for worker in workers {
            worker
                .join()
                .map_err(|_| std::io::Error::other("a worker panicked"))??;
        }
        Ok(())
    })?;
    Ok(Cost {
        wall: started.elapsed().as_secs_f64(),
        cpu: cpu_seconds()? - cpu,
    })
}

/// The least that a pull which proves both digests can do, in one thread.
fn gunzip_and_hash(layer: &Path) -> std::io::Result<()> {
    let mut hash = DigestHasher::new(Algorithm::Sha256);
    let mut reader = MultiGzDecoder::new(BufReader::new(Hashed::open(layer)?));
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let count = reader.read(&mut piece)?;
        if count == 0 {
            break;
        }
        hash.update(piece.get(..count).unwrap_or_default());
    }
    let _digests = (
        hash.finish(),
        reader.into_inner().into_inner().hash.finish(),
    );
    Ok(())
}

/// The same with the second hash in a thread of its own, so that every core has work.
fn gunzip_beside_hash(layer: &Path) -> std::io::Result<()> {
    let mut reader = MultiGzDecoder::new(BufReader::new(Hashed::open(layer)?));
    let (full, waiting) = sync_channel::<Vec<u8>>(PIECES_AHEAD);
    thread::scope(|scope| {
        let hashing = scope.spawn(move || {
            let mut hash = DigestHasher::new(Algorithm::Sha256);
            for piece in waiting {
                hash.update(&piece);
            }
            hash.finish()
        });
        loop {
            let mut piece = vec![0; PIECE_BYTES];
            let count = reader.read(&mut piece)?;
            piece.truncate(count);
            if count == 0 || full.send(piece).is_err() {
                break;
            }
        }
        drop(full);
        hashing
            .join()
            .map_err(|_| std::io::Error::other("hashing panicked"))?;
        let _digest = reader.into_inner().into_inner().hash.finish();
        Ok(())
    })
}

/// What the program does with a layer that arrives.
fn scan(layer: &Path) -> std::io::Result<()> {
    scan_by(layer, PluginSet::built_in())
}

/// The same with the detector of secrets.
fn scan_for_secrets(layer: &Path) -> std::io::Result<()> {
    static LOOKING: OnceLock<PluginSet> = OnceLock::new();
    let looking = LOOKING.get_or_init(|| {
        let detector = Arc::new(SecretDetector::new(&[7; 32]));
        PluginSet::with_fed(vec![detector]).unwrap_or_else(|_| PluginSet::new(Vec::new()))
    });
    scan_by(layer, looking)
}

fn scan_by(layer: &Path, plugins: &PluginSet) -> std::io::Result<()> {
    let mut source = Hashed::open(layer)?;
    let facts = scan_layer_again(&mut source, &Limits::default(), plugins, None);
    let _digest = source.hash.finish();
    facts
        .diff_id
        .map(|_| ())
        .ok_or_else(|| std::io::Error::other(format!("unreadable layer: {:?}", facts.gaps)))
}

/// Hashes stored bytes on their way, as the download does.
struct Hashed {
    file: File,
    hash: DigestHasher,
}

impl Hashed {
    fn open(layer: &Path) -> std::io::Result<Self> {
        let (file, hash) = (File::open(layer)?, DigestHasher::new(Algorithm::Sha256));
        Ok(Self { file, hash })
    }
}

impl Read for Hashed {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(into)?;
        self.hash.update(into.get(..count).unwrap_or_default());
        Ok(count)
    }
}

/// Gives user and system time of this process, in seconds.
fn cpu_seconds() -> std::io::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // Fields 14 and 15, counted after the name in parentheses, which may hold spaces.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name.split_whitespace().skip(11).take(2);
    Ok(ticks
        .filter_map(|field| field.parse::<f64>().ok())
        .sum::<f64>()
        / TICKS_PER_SECOND)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
