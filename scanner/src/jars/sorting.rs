//! Records in the order of their bytes, however many: sorted in memory in runs, which lie in an unnamed
//! file until they are merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::layout::{RECORD_BYTES, wide};

/// Records that are sorted in memory at a time: 24 MiB of them.
const USUAL_RUN: usize = 1024 * 1024;

/// Bytes of each run that are read at a time while runs are merged.
const READ_BYTES: usize = 64 * 1024;

type Bytes = [u8; RECORD_BYTES];

/// Takes records in any order.
pub(super) struct Sorting {
    open: Vec<Bytes>,
    file: BufWriter<File>,
    /// Where each run ends in the file, in bytes.
    ends: Vec<u64>,
    most: usize,
}

impl Sorting {
    /// Begins; runs lie in `directory`.
    pub(super) fn in_directory(directory: &Path) -> io::Result<Self> {
        Self::with_runs_of(USUAL_RUN, directory)
    }

    /// Begins with runs of at most so many records.
    pub(super) fn with_runs_of(most: usize, directory: &Path) -> io::Result<Self> {
        Ok(Self {
            open: Vec::new(),
            file: BufWriter::new(tempfile::tempfile_in(directory)?),
            ends: Vec::new(),
            most,
        })
    }

    /// Takes a record.
    pub(super) fn add(&mut self, record: Bytes) -> io::Result<()> {
        self.open.push(record);
        if self.open.len() >= self.most {
            self.end_run()?;
        }
        Ok(())
    }

    /// Hands over all records in order, each once.
    pub(super) fn finish<E: From<io::Error>>(
        mut self,
        each: &mut dyn FnMut(Bytes) -> Result<(), E>,
    ) -> Result<(), E> {
        self.end_run()?;
        let file = self.file.into_inner();
        let file = file.map_err(io::IntoInnerError::into_error)?;
        let mut start = 0;
        let mut runs = Vec::new();
        let mut next = BinaryHeap::new();
        for end in self.ends {
            let part = Part {
                file: &file,
                at: start,
                end,
            };
            let mut run = BufReader::with_capacity(READ_BYTES, part);
            next.extend(record(&mut run)?.map(|first| Reverse((first, runs.len()))));
            runs.push(run);
            start = end;
        }
        let mut last = None;
        while let Some(Reverse((least, at))) = next.pop() {
            if last != Some(least) {
                each(least)?;
                last = Some(least);
            }
            if let Some(run) = runs.get_mut(at) {
                next.extend(record(run)?.map(|record| Reverse((record, at))));
            }
        }
        Ok(())
    }

    fn end_run(&mut self) -> io::Result<()> {
        self.open.sort_unstable();
        self.open.dedup();
        let bytes = wide(self.open.len().saturating_mul(RECORD_BYTES));
        let start = self.ends.last().copied().unwrap_or_default();
        for record in self.open.drain(..) {
            self.file.write_all(&record)?;
        }
        self.ends.push(start.saturating_add(bytes));
        Ok(())
    }
}

/// Reads the next record; none at the end of a run.
fn record(run: &mut BufReader<Part<'_>>) -> io::Result<Option<Bytes>> {
    let mut record = [0; RECORD_BYTES];
    let is_at_end = run.buffer().is_empty() && run.get_ref().is_at_end();
    if is_at_end {
        return Ok(None);
    }
    run.read_exact(&mut record).map(|()| Some(record))
}

/// A part of a file, read from its start to its end.
struct Part<'f> {
    file: &'f File,
    at: u64,
    end: u64,
}

impl Part<'_> {
    fn is_at_end(&self) -> bool {
        self.at >= self.end
    }
}

impl Read for Part<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let most = into.len().min(left);
        let read = match into.get_mut(..most) {
            Some(into) => self.file.read_at(into, self.at)?,
            None => 0,
        };
        self.at = self.at.saturating_add(wide(read));
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_in_order_and_once_over_all_runs() {
        let home = tempfile::tempdir().unwrap();
        for most in [1, 3, 7, 1_000] {
            let mut sorting = Sorting::with_runs_of(most, home.path()).unwrap();
            for number in 0..100_u8 {
                for number in [number.wrapping_mul(37) % 100, number] {
                    sorting.add([number; RECORD_BYTES]).unwrap();
                }
            }
            let mut seen = Vec::new();
            let mut each = |record: Bytes| -> io::Result<()> {
                seen.push(record[0]);
                Ok(())
            };
            sorting.finish(&mut each).unwrap();
            assert_eq!(seen, (0..100).collect::<Vec<u8>>(), "runs of {most}");
        }
    }
}
