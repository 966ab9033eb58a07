//! Who read what of a layer, and what a layer has that others might read: so that a set of analyzers
//! that changed reads only what it has to.
//!
//! The walk notes it; `plugin_set/reuse.rs` decides by it. It says nothing of what was found.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use super::claim_index::ClaimIndex;

/// Most analyzers of a set that stored facts may name.
const MAX_PLUGINS: usize = u16::MAX as usize;

/// The name and revision of an analyzer: what its facts are kept under.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PluginName {
    /// The name, such as `os/dpkg`.
    pub name: String,
    /// Raised with every change of what it finds.
    pub revision: u16,
}

/// Who read what of a layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readers {
    /// The analyzers that ran, in their order.
    pub(crate) plugins: Vec<PluginName>,
    /// Those who read one file, by their places among the analyzers; each group once.
    groups: Vec<Vec<u16>>,
    /// Every file that was read and is among the facts, in the order of the archive.
    files: Vec<ReadFile>,
    /// What the layer has, by which claims are decided.
    pub(crate) index: ClaimIndex,
}

/// A file that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReadFile {
    /// Which entry of the archive it is; none of a pair that was read at the end.
    pub(crate) entry: u32,
    /// Where its facts are.
    pub(crate) event: u32,
    group: u16,
}

/// Stands for the entry of what no single entry gave.
pub(crate) const NO_ENTRY: u32 = u32::MAX;

impl Readers {
    /// Begins with nothing read.
    pub(crate) fn of_none(plugins: Vec<PluginName>) -> Self {
        Self {
            plugins,
            ..Self::default()
        }
    }

    /// Notes who read a file.
    pub(crate) fn note(&mut self, entry: u32, event: usize, readers: &[u16]) {
        let known = self.groups.iter().position(|group| group == readers);
        let group = known.unwrap_or_else(|| {
            self.groups.push(readers.to_vec());
            self.groups.len() - 1
        });
        self.files.push(ReadFile {
            entry,
            event: u32::try_from(event).unwrap_or(u32::MAX),
            // Past any number of groups that analyzers make, the first stands for it.
            group: u16::try_from(group).unwrap_or_default(),
        });
    }

    /// Finds the file that an entry of the archive is, if it is among the facts.
    pub(crate) fn of_entry(&self, entry: u32) -> Option<ReadFile> {
        let at = self.files.partition_point(|file| file.entry < entry);
        self.files
            .get(at)
            .copied()
            .filter(|file| file.entry == entry)
    }

    /// Gives who read a file.
    pub(crate) fn of_file(&self, file: ReadFile) -> &[u16] {
        let group = self.groups.get(usize::from(file.group));
        group.map_or(&[], Vec::as_slice)
    }

    /// Gives everybody who read a file that is among the facts, repeats included.
    pub(crate) fn all(&self) -> impl Iterator<Item = u16> {
        self.groups.iter().flatten().copied()
    }

    /// Gives the analyzers other places, under which they run now.
    pub(crate) fn renumber(
        &mut self,
        plugins: Vec<PluginName>,
        place: impl Fn(u16) -> Option<u16>,
    ) {
        for group in &mut self.groups {
            *group = group.iter().filter_map(|old| place(*old)).collect();
            group.sort_unstable();
        }
        self.plugins = plugins;
    }

    /// Tells what the notes take in memory, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.files.len() * size_of::<ReadFile>() + self.index.weight()
    }

    /// Writes everything but the analyzers' names.
    pub(crate) fn write(&self, into: &mut impl Write) -> io::Result<()> {
        self.index.write(into)?;
        write_count(into, self.groups.len())?;
        for group in &self.groups {
            write_count(into, group.len())?;
            for place in group {
                into.write_all(&place.to_le_bytes())?;
            }
        }
        write_count(into, self.files.len())?;
        for file in &self.files {
            into.write_all(&file.entry.to_le_bytes())?;
            into.write_all(&file.event.to_le_bytes())?;
            into.write_all(&file.group.to_le_bytes())?;
        }
        Ok(())
    }

    /// Reads what [`Self::write`] wrote.
    pub(crate) fn read(plugins: Vec<PluginName>, from: &mut impl Read) -> io::Result<Self> {
        let index = ClaimIndex::read(from)?;
        let mut groups = Vec::new();
        for _ in 0..read_number(from)? {
            let mut group = Vec::new();
            for _ in 0..read_number(from)? {
                let mut place = [0; 2];
                from.read_exact(&mut place)?;
                group.push(u16::from_le_bytes(place));
            }
            groups.push(group);
        }
        let mut files = Vec::new();
        for _ in 0..read_number(from)? {
            let (entry, event) = (read_number(from)?, read_number(from)?);
            let mut group = [0; 2];
            from.read_exact(&mut group)?;
            files.push(ReadFile {
                entry,
                event,
                group: u16::from_le_bytes(group),
            });
        }
        Ok(Self {
            plugins,
            groups,
            files,
            index,
        })
    }
}

/// Writes the names of analyzers: how many bytes, then a list.
pub(crate) fn write_names(plugins: &[PluginName]) -> Vec<u8> {
    let text = serde_json::to_vec(plugins).unwrap_or_default();
    let length = u32::try_from(text.len()).unwrap_or_default();
    [&length.to_le_bytes()[..], &text].concat()
}

/// Takes the names of analyzers off the beginning of stored facts, as they are written.
pub(crate) fn split_names(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length: [u8; 4] = *bytes.first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(length)).ok()?;
    bytes.split_at_checked(length.checked_add(4)?)
}

/// Reads the names of analyzers as they are written.
pub(crate) fn read_names(written: &[u8]) -> Option<Vec<PluginName>> {
    let names: Vec<PluginName> = serde_json::from_slice(written.get(4..)?).ok()?;
    (names.len() <= MAX_PLUGINS).then_some(names)
}

fn write_count(into: &mut impl Write, count: usize) -> io::Result<()> {
    let count = u32::try_from(count).map_err(io::Error::other)?;
    into.write_all(&count.to_le_bytes())
}

fn read_number(from: &mut impl Read) -> io::Result<u32> {
    let mut number = [0; 4];
    from.read_exact(&mut number)?;
    Ok(u32::from_le_bytes(number))
}
