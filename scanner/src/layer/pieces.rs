//! Files on their way to plugins that read in pieces: a thread of their own, so that a layer costs no
//! more time than the slowest of the threads that it already takes.
//!
//! `walk.rs` fills batches with many small files or parts of a large one; [`hear`] is the other end.
//! What is said comes back once the layer has ended, each with its place among all that was told.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel as unbounded, sync_channel};

use sluicegate_model::coverage::{Gap, GapKind};

use super::archive::{ArchiveError, Content};
use crate::facts::{LayerFacts, Told, ToldFile};
use crate::fed::FedReader;
use crate::limits::{KIB, Stop};
use crate::plugin_set::PluginSet;

/// Bytes and files of which a batch is sent.
const BATCH_BYTES: usize = 256 * 1024;
const BATCH_FILES: usize = 1_024;

/// How many full batches may wait, so that neither thread stalls on the other's hiccups.
const BATCHES_AHEAD: usize = 4;

/// Bytes taken at a time of what nobody else reads.
const PIECE_BYTES: u64 = 128 * KIB;

/// What stands for a hole, which costs no bytes of a layer however large it is.
const HOLE: &[u8] = &[0; 1_024];

/// A file as it is told of, and who reads it.
pub(super) struct PiecewiseFile {
    /// Where what is said belongs: before this one of all that was told.
    pub(super) before: usize,
    /// What is told of it, but for whose it is and what it says.
    pub(super) file: ToldFile,
    /// How many bytes it has, holes included.
    pub(super) size_bytes: u64,
    /// Who reads it, by their places among the fed plugins.
    pub(super) places: Vec<u16>,
}

enum Mark {
    Begin(Box<PiecewiseFile>),
    Bytes(usize),
    End,
}

/// Parts of files, one after the other.
#[derive(Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    marks: Vec<Mark>,
}

/// Opens a channel.
pub(super) fn channel() -> (Pieces, Batches) {
    let (full, waiting) = sync_channel(BATCHES_AHEAD);
    let (used, free) = unbounded();
    let pieces = Pieces {
        batch: Batch::default(),
        full,
        free,
    };
    (pieces, Batches { waiting, used })
}

/// The walking end.
pub(super) struct Pieces {
    batch: Batch,
    full: SyncSender<Batch>,
    free: Receiver<Batch>,
}

/// The hearing end.
pub(super) struct Batches {
    waiting: Receiver<Batch>,
    used: Sender<Batch>,
}

impl Pieces {
    /// Begins a file.
    pub(super) fn begin(&mut self, file: PiecewiseFile) {
        self.batch.marks.push(Mark::Begin(Box::new(file)));
    }

    /// Takes the next bytes of the file.
    pub(super) fn push(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            let room = BATCH_BYTES.saturating_sub(self.batch.bytes.len());
            let (now, later) = piece.split_at(room.min(piece.len()));
            self.batch.bytes.extend_from_slice(now);
            self.batch.marks.push(Mark::Bytes(now.len()));
            piece = later;
            self.send_if(self.batch.bytes.len() >= BATCH_BYTES);
        }
    }

    /// Ends the file.
    pub(super) fn end(&mut self) {
        self.batch.marks.push(Mark::End);
        self.send_if(self.batch.marks.len() >= BATCH_FILES);
    }

    /// Sends what is left.
    pub(super) fn close(mut self) {
        self.send_if(true);
    }

    fn send_if(&mut self, is_full: bool) {
        if is_full {
            let next = self.free.try_recv().unwrap_or_default();
            let batch = std::mem::replace(&mut self.batch, next);
            // Without a hearer the layer gets a gap when its thread is joined.
            let _gone = self.full.send(batch);
        }
    }
}

/// Content that is shown to those who read in pieces while others take it.
pub(super) struct Shown<'a> {
    pub(super) content: &'a mut dyn Content,
    pub(super) pieces: &'a mut Pieces,
}

impl Shown<'_> {
    /// Shows what nobody has taken.
    pub(super) fn rest(&mut self) -> Result<(), ArchiveError> {
        let mut piece = Vec::new();
        loop {
            let has_passed = self.pass_hole(0);
            piece.clear();
            self.read_content(&mut piece, PIECE_BYTES)?;
            if piece.is_empty() && !has_passed {
                return Ok(());
            }
        }
    }
}

impl Content for Shown<'_> {
    fn read_content(&mut self, into: &mut Vec<u8>, most: u64) -> Result<(), ArchiveError> {
        let before = into.len();
        self.content.read_content(into, most)?;
        self.pieces.push(into.get(before..).unwrap_or_default());
        Ok(())
    }

    fn pass_hole(&mut self, all_but: u64) -> bool {
        let has_passed = self.content.pass_hole(all_but);
        if has_passed {
            self.pieces.push(HOLE);
        }
        has_passed
    }
}

/// What was said of a layer's files, each with its place among all that was told; and of which not all
/// was heard.
pub(super) struct Heard {
    told: Vec<(usize, ToldFile)>,
    gaps: Vec<Gap>,
}

impl Heard {
    /// Puts it where it belongs.
    pub(super) fn add_to(self, facts: &mut LayerFacts) {
        facts.gaps.extend(self.gaps);
        if self.told.is_empty() {
            return;
        }
        let mut all = Vec::with_capacity(facts.told.len().saturating_add(self.told.len()));
        let mut others = std::mem::take(&mut facts.told).into_iter();
        let mut taken = 0;
        for (before, told) in self.told {
            let count = before.saturating_sub(taken);
            all.extend(others.by_ref().take(count));
            taken = taken.max(before);
            all.push(told);
        }
        all.extend(others);
        facts.told = all;
    }
}

/// Lets plugins read what comes, until the walk ends.
pub(super) fn hear(batches: &Batches, plugins: &PluginSet, stop: &Stop) -> Heard {
    let mut hearing = Hearing {
        plugins,
        file: None,
        readers: Vec::new(),
        told_bytes: vec![0; plugins.fed().count()],
        unread: vec![0; plugins.fed().count()],
        told: Vec::new(),
    };
    while let Ok(mut batch) = batches.waiting.recv() {
        if !stop.is_requested() {
            hearing.take(&mut batch);
        }
        batch.bytes.clear();
        batch.marks.clear();
        // The other end may be gone already; then the batch is simply freed.
        let _gone = batches.used.send(batch);
    }
    hearing.finish()
}

struct Hearing<'a> {
    plugins: &'a PluginSet,
    file: Option<Box<PiecewiseFile>>,
    /// Those who read it; none in the place of one that failed.
    readers: Vec<(u16, Option<Box<dyn FedReader + 'a>>)>,
    /// For each fed plugin, what it has said of the layer, and how many files it was not handed any more.
    told_bytes: Vec<u64>,
    unread: Vec<u64>,
    told: Vec<(usize, ToldFile)>,
}

impl Hearing<'_> {
    fn take(&mut self, batch: &mut Batch) {
        let mut at = 0;
        for mark in batch.marks.drain(..) {
            match mark {
                Mark::Begin(file) => self.begin(file),
                Mark::Bytes(length) => {
                    let end = at + length;
                    self.push(batch.bytes.get(at..end).unwrap_or_default());
                    at = end;
                }
                Mark::End => self.end(),
            }
        }
    }

    fn begin(&mut self, file: Box<PiecewiseFile>) {
        self.readers.clear();
        for place in &file.places {
            let at = usize::from(*place);
            let said = self.told_bytes.get(at).copied().unwrap_or_default();
            let plugin = self.plugins.fed_at(*place);
            if plugin.is_some_and(|plugin| said >= plugin.max_told_bytes()) {
                if let Some(unread) = self.unread.get_mut(at) {
                    *unread += 1;
                }
                continue;
            }
            let reader =
                plugin.map(|plugin| guarded(|| plugin.begin(&file.file.path, file.size_bytes)));
            self.readers.push((*place, reader.flatten().flatten()));
        }
        self.file = Some(file);
    }

    fn push(&mut self, piece: &[u8]) {
        for (_, reader) in &mut self.readers {
            if let Some(mut open) = reader.take() {
                *reader = guarded(move || {
                    open.push(piece);
                    open
                });
            }
        }
    }

    fn end(&mut self) {
        let Some(file) = self.file.take() else {
            return;
        };
        for (place, reader) in self.readers.drain(..) {
            let told = reader.and_then(|reader| guarded(|| reader.finish()));
            let told = told.unwrap_or_else(|| Told::failed("it failed on this file"));
            if told.is_empty() {
                continue;
            }
            let told = ToldFile {
                plugin: self.plugins.place_of_fed(place),
                told,
                ..file.file.clone()
            };
            if let Some(said) = self.told_bytes.get_mut(usize::from(place)) {
                *said = said.saturating_add(told.weight());
            }
            self.told.push((file.before, told));
        }
    }

    fn finish(self) -> Heard {
        let cut = self.plugins.fed().zip(&self.unread);
        let cut = cut.filter(|(_, unread)| **unread > 0);
        let gaps = cut.map(|(plugin, unread)| {
            let (name, most) = (plugin.id().name, plugin.max_told_bytes());
            let detail = format!(
                "detector {name} says more than {most} bytes of the layer: {unread} more files were not \
                 read by it"
            );
            Gap::partial(GapKind::PluginFailed, detail)
        });
        Heard {
            gaps: gaps.collect(),
            told: self.told,
        }
    }
}

fn guarded<T>(ask: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(ask)).ok()
}
