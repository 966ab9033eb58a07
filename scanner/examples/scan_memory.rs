//! Measures the most memory that scanning one layer takes, on layers made while they are read.
//!
//! `cargo run --release -p sluicegate-scanner --example scan_memory -- files 2000000` scans a layer
//! of so many small files, `-- bytes 2147483648` one of so many bytes, `-- links 2000000` one of so
//! many symbolic links. Prints one JSON object: MiB before and at the peak, and the gaps' kinds.

use std::error::Error;
use std::io::{Read, Write as _};

use sluicegate_scanner::{Limits, scan_layer};
use tar::{EntryType, Header};

/// Bytes of one file where a layer is measured in bytes.
const FILE_BYTES: u64 = 64 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    const USAGE: &str = "usage: scan_memory files|links|bytes COUNT";
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().ok_or(USAGE)?;
    let count: u64 = arguments.next().ok_or(USAGE)?.parse().map_err(|_| USAGE)?;
    let (entries, kind, bytes) = match what.as_str() {
        "files" => (count, EntryType::Regular, 0),
        "links" => (count, EntryType::Symlink, 0),
        "bytes" => (count / FILE_BYTES, EntryType::Regular, FILE_BYTES),
        _ => return Err(USAGE.into()),
    };
    let layer = Generated {
        headers: (0..entries).map(move |number| header(number, kind, bytes)),
        head: Vec::new(),
        head_at: 0,
        zeros: 0,
        content: bytes,
        ended: false,
    };
    let before = peak_mib()?;
    let facts = scan_layer(layer, &Limits::default());
    let scanned = peak_mib()?;
    let stored = facts.to_bytes().len();
    let report = serde_json::json!({
        "before_mib": before,
        "peak_mib": scanned,
        "peak_with_storing_mib": peak_mib()?,
        "stored_bytes": stored,
        "entries": facts.entries,
        "gaps": facts.gaps.iter().map(|gap| &gap.detail).collect::<Vec<_>>(),
    });
    writeln!(std::io::stdout(), "{report}")?;
    Ok(())
}

fn header(number: u64, kind: EntryType, bytes: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(bytes);
    header.set_mode(0o644);
    let name = format!("srv/data/{:04}/{number:08}.bin", number / 1_000);
    // A name of this length always fits.
    let _fits = header.set_path(name);
    if kind == EntryType::Symlink {
        let _fits = header.set_link_name("../target");
    }
    header.set_cksum();
    header
}

/// An archive that is never whole in memory; content is zeros.
struct Generated<I> {
    headers: I,
    head: Vec<u8>,
    head_at: usize,
    zeros: u64,
    content: u64,
    ended: bool,
}

impl<I: Iterator<Item = Header>> Read for Generated<I> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.head_at == self.head.len() && self.zeros == 0 {
            self.head_at = 0;
            self.head.clear();
            match self.headers.next() {
                Some(header) => {
                    self.head.extend_from_slice(header.as_bytes());
                    self.zeros = self.content;
                }
                None if self.ended => return Ok(0),
                None => {
                    self.ended = true;
                    self.zeros = 1_024;
                }
            }
        }
        let mut head = self.head.get(self.head_at..).unwrap_or_default();
        let count = head.read(into)?;
        self.head_at += count;
        let room = into.get_mut(count..).unwrap_or_default();
        let zeros = room
            .len()
            .min(usize::try_from(self.zeros).unwrap_or(usize::MAX));
        room.get_mut(..zeros).unwrap_or_default().fill(0);
        self.zeros -= u64::try_from(zeros).unwrap_or(0);
        Ok(count + zeros)
    }
}

/// Gives the most memory that this process has had resident, in MiB.
fn peak_mib() -> std::io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kib.unwrap_or(0) / 1_024)
}
