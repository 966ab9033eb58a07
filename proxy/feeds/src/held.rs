//! Which records of an ecosystem are here and in which state, and what a mirror's list has beyond.
//!
//! The list of what is here follows from the archives beside it: one that is lost or damaged is made
//! again from them. A row of the mirror's list counts as known only if its record is here at that
//! row's time or a later one, whatever the order of rows and however odd their times. Called by
//! `ecosystem`.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::path::Path;

use jiff::Timestamp;

use sluicegate_machine::private;

use super::broken::Broken;

/// Most records that are fetched one by one; beyond, the whole archive costs less.
pub(super) const MAX_SINGLE: usize = 500;
/// Longest id, in bytes; the longest real ones have about 60.
const MAX_ID_BYTES: usize = 200;
/// Most bytes of a line that are read at a time: an id, a time, and room to spare.
const MAX_LINE_BYTES: u64 = 512;

/// The records that are here, with the newest time at which each is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct HeldRecords(HashMap<Box<str>, Timestamp>);

/// What a mirror's list has that is not here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pending {
    /// Records to fetch, each with its time in the list; one more than [`MAX_SINGLE`] at most.
    pub(super) rows: Vec<(String, Timestamp)>,
    /// Whether a row could not be read.
    pub(super) is_odd: bool,
    /// Those of the ids asked about that the list has.
    pub(super) listed: BTreeSet<String>,
}

impl Pending {
    /// Tells whether the whole archive is the better way.
    pub(super) fn is_for_archive(&self) -> bool {
        self.is_odd || self.rows.len() > MAX_SINGLE
    }
}

impl HeldRecords {
    /// Notes a record that is here.
    pub(super) fn note(&mut self, id: &str, at: Timestamp) {
        let known = self.0.entry(id.into()).or_insert(at);
        *known = at.max(*known);
    }

    /// Gives the time at which a record is known.
    pub(super) fn time_of(&self, id: &str) -> Option<Timestamp> {
        self.0.get(id).copied()
    }

    /// Reads a list that was written here; none where it is not whole.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let mut held = Self::default();
        let mut file = BufReader::new(File::open(path).ok()?);
        while let Some(line) = next_line(&mut file).ok()? {
            let (id, at) = row(&line)?;
            held.note(&id, at);
        }
        Some(held)
    }

    /// Writes the list.
    pub(super) fn write(&self, path: &Path) -> std::io::Result<()> {
        let mut file = BufWriter::new(private::create(path)?);
        for (id, at) in &self.0 {
            writeln!(file, "{at},{id}")?;
        }
        file.flush()
    }

    /// Compares a mirror's list with what is here; `asked` are ids that the list may or may not have.
    ///
    /// *Errors*: it cannot be read, or holds no row at all.
    pub(super) fn compare(&self, list: &Path, asked: &BTreeSet<String>) -> Result<Pending, Broken> {
        let file = File::open(list).map_err(Broken::Open)?;
        let (mut pending, mut is_list) = (Pending::default(), false);
        let mut file = BufReader::new(file);
        while let Some(line) = next_line(&mut file).map_err(Broken::Read)? {
            if line.trim_ascii().is_empty() {
                continue;
            }
            let Some((id, at)) = row(&line) else {
                pending.is_odd = true;
                continue;
            };
            is_list = true;
            if asked.contains(&id) {
                pending.listed.insert(id.clone());
            }
            let is_new = self.time_of(&id).is_none_or(|known| known < at);
            if is_new && pending.rows.len() <= MAX_SINGLE {
                pending.rows.push((id, at));
            }
        }
        if !is_list {
            return Err(Broken::NoRecord);
        }
        Ok(pending)
    }
}

/// Reads a line; none at the end. One that is longer than a row can be comes in pieces, which are
/// no rows either.
fn next_line(file: &mut BufReader<File>) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    file.by_ref()
        .take(MAX_LINE_BYTES)
        .read_until(b'\n', &mut line)?;
    Ok((!line.is_empty()).then_some(line))
}

/// Reads `time,id`; none where it is neither, or the id can be no file's name.
fn row(line: &[u8]) -> Option<(String, Timestamp)> {
    let line = std::str::from_utf8(line).ok()?;
    let (time, id) = line.trim().split_once(',')?;
    let is_sound = |byte: u8| byte.is_ascii_graphic() && !b"/\\,\"".contains(&byte);
    let is_name = !id.is_empty()
        && id.len() <= MAX_ID_BYTES
        && !id.starts_with('.')
        && id.bytes().all(is_sound);
    is_name.then_some((id.to_owned(), time.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(rows: &[(&str, &str)]) -> HeldRecords {
        let mut held = HeldRecords::default();
        for (id, at) in rows {
            held.note(id, at.parse().unwrap());
        }
        held
    }

    fn compare(held: &HeldRecords, list: &str) -> Result<Pending, Broken> {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("list");
        std::fs::write(&path, list).unwrap();
        held.compare(&path, &BTreeSet::from(["A".to_owned(), "Z".to_owned()]))
    }

    #[test]
    fn row_is_known_only_if_its_record_is_here_at_its_time() {
        let held = held(&[
            ("A", "2026-01-02T00:00:00Z"),
            ("B", "2026-01-02T00:00:00Z"),
            ("C", "2027-07-09T15:54:00Z"),
        ]);
        for (list, new) in [
            ("2026-01-02T00:00:00Z,A", &[][..]),
            ("2026-01-01T00:00:00Z,A\n\n", &[]),
            ("2026-01-02T00:00:00.000001Z,A\r\n", &["A"]),
            ("2026-01-02T01:00:00+01:00,A", &[]),
            // Another record with the time of a known one, older than the newest here.
            ("2026-01-02T00:00:00Z,D\n2026-01-02T00:00:00Z,A", &["D"]),
            // Out of order, in the future, twice.
            ("2027-07-09T15:54:00Z,C\n2025-01-01T00:00:00Z,E", &["E"]),
            ("2099-01-01T00:00:00Z,C\n2026-01-01T00:00:00Z,B", &["C"]),
        ] {
            let pending = compare(&held, list).unwrap();
            let ids: Vec<&str> = pending.rows.iter().map(|(id, _)| id.as_str()).collect();
            assert_eq!(ids, new, "{list:?}");
            assert!(!pending.is_for_archive(), "{list:?}");
            assert_eq!(pending.listed.contains("A"), list.contains(",A"));
            assert!(!pending.listed.contains("Z"));
        }
    }

    #[test]
    fn odd_rows_and_many_call_for_the_archive() {
        let rows = (0..=MAX_SINGLE).map(|number| format!("2026-01-01T00:00:00Z,N-{number}\n"));
        let many = rows.collect::<Vec<_>>().concat();
        for list in [
            "2026-01-01T00:00:00Z,../../etc/passwd\n2026-01-01T00:00:00Z,A",
            "yesterday,A\n2026-01-01T00:00:00Z,A",
            "2026-01-01T00:00:00Z,A\n2026-01-01T00:00:00Z,.hidden",
            "2026-01-01T00:00:00Z,A\n\u{fffd}\n",
            &format!("2026-01-01T00:00:00Z,A\n{}", "x".repeat(2_000)),
            &many,
        ] {
            assert!(
                compare(&HeldRecords::default(), list)
                    .unwrap()
                    .is_for_archive()
            );
        }
        for list in ["", "\n\n", "<html>sign in</html>"] {
            assert!(compare(&HeldRecords::default(), list).is_err(), "{list:?}");
        }
    }

    #[test]
    fn list_of_what_is_here_is_read_as_it_was_written() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("held");
        let written = held(&[
            ("ALSA-2021:1234", "2026-01-02T00:00:00.123456Z"),
            ("x_RETIRE-a", "2027-01-02T00:00:00Z"),
        ]);
        written.write(&path).unwrap();
        assert_eq!(HeldRecords::read(&path), Some(written));
        std::fs::write(&path, "2026-01-02T00:00:00Z,A\n2026-01").unwrap();
        assert_eq!(HeldRecords::read(&path), None, "cut short");
        assert_eq!(HeldRecords::read(&home.path().join("none")), None);
    }
}
