//! One layer, from compressed bytes to facts, in one pass.
//!
//! Two threads share the work: one inflates, the other hashes the uncompressed stream, walks the
//! archive and runs the analyzers. Between them goes a bounded channel of chunks, so that a layer
//! costs the slower of the two and a fixed amount of memory. Nothing is ever unpacked, but for one
//! large file at a time that an analyzer has to seek in.

mod archive;
mod chart;
mod chunks;
mod decompress;
mod decompress_error;
mod ends;
mod header;
mod pairs;
mod pax;
mod pieces;
mod readers;
mod sparse;
mod spool;
mod tap;
mod text;
mod walk;
mod witnesses;
mod zstd_window;

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::digest::DiffId;

use crate::facts::{LayerFacts, Readers, StoredForm};
use crate::limits::Limits;
use crate::plugin_set::PluginSet;

pub use self::decompress::{MAGIC_BYTES, is_compressed};

use self::chunks::{ChunkReader, ChunkSender, Inflated};
use self::decompress_error::DecompressError;
use self::tap::Tap;

/// Raised with every change of what is read of the same bytes: decompression, archives and their
/// names, budgets, which files are offered to analyzers and which are kept as witnesses. It enters
/// the scanner's fingerprint.
pub(crate) const LAYER_REVISION: u32 = 12;

/// Reads a layer to its end and gives its facts; whatever fails is a gap among them.
pub fn scan_layer(content: impl Read + Send, limits: &Limits) -> LayerFacts {
    scan_layer_again(content, limits, PluginSet::built_in(), None)
}

/// Reads a layer as [`scan_layer`] does, by a set of analyzers, and takes over of earlier facts what
/// the change of the set does not concern: the outcome is the same without them.
pub fn scan_layer_again(
    content: impl Read + Send,
    limits: &Limits,
    plugins: &PluginSet,
    earlier: Option<&LayerFacts>,
) -> LayerFacts {
    thread::scope(|scope| {
        let (sender, receiver) = chunks::channel();
        let inflating = thread::Builder::new()
            .name("inflate".to_owned())
            .spawn_scoped(scope, move || inflate(content, limits, &sender));
        let Ok(inflating) = inflating else {
            return LayerFacts::unreadable("no thread could be started to decompress the layer");
        };
        let (facts, inflated) = consume(receiver, limits, plugins, earlier);
        let (outcome, stored) = inflating
            .join()
            .unwrap_or((Err(DecompressError::Panicked), None));
        let mut facts = conclude(facts, inflated, outcome);
        facts.stored = stored;
        if limits.stop.is_requested() && !facts.was_interrupted() {
            facts.gaps.extend(LayerFacts::stopped().gaps);
        }
        facts
    })
}

/// Decompresses the layer, and tells what its stored bytes are where they came to their end.
fn inflate(
    content: impl Read,
    limits: &Limits,
    sink: &ChunkSender,
) -> (Result<(), DecompressError>, Option<StoredForm>) {
    let mut tap = Tap::new(content);
    let outcome = decompress::run(&mut tap, limits, sink);
    let is_whole = !matches!(outcome, Err(DecompressError::Source(_)));
    let stored = is_whole.then(|| tap.form());
    (outcome, stored)
}

fn consume(
    mut reader: ChunkReader,
    limits: &Limits,
    plugins: &PluginSet,
    earlier: Option<&LayerFacts>,
) -> (LayerFacts, Inflated) {
    let walk = || walk::walk(&mut reader, limits, plugins, earlier);
    let walked = catch_unwind(AssertUnwindSafe(walk));
    let facts = walked.unwrap_or_else(|_| {
        let gap = Gap::fatal(
            GapKind::AnalyzerFailed,
            "walking the layer's archive failed",
        );
        LayerFacts {
            gaps: vec![gap],
            readers: Readers::of_none(plugins.names()),
            ..LayerFacts::default()
        }
    });
    (facts, reader.finish())
}

fn conclude(
    mut facts: LayerFacts,
    inflated: Inflated,
    outcome: Result<(), DecompressError>,
) -> LayerFacts {
    facts.uncompressed_bytes = inflated.bytes;
    match outcome {
        Ok(()) => facts.diff_id = Some(DiffId(inflated.digest)),
        Err(DecompressError::Garbage(what)) => {
            facts.diff_id = Some(DiffId(inflated.digest));
            facts.gaps.push(Gap::fatal(GapKind::StreamGarbage, what));
        }
        Err(error) => {
            // The archive is cut where the stream broke; saying so twice helps nobody.
            facts
                .gaps
                .retain(|gap| gap.kind != GapKind::LayerUnreadable);
            let kind = match error {
                DecompressError::Budget(_) => GapKind::Budget,
                DecompressError::Stopped => GapKind::Interrupted,
                _ => GapKind::LayerUnreadable,
            };
            facts.gaps.push(Gap::fatal(kind, error.to_string()));
        }
    }
    facts.gaps.sort();
    facts.gaps.dedup();
    facts
}

#[cfg(test)]
mod tests;
