//! What a person sees while an image is inspected or feeds are fetched: bars on the standard error,
//! where that is a terminal, and notes in any case.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use sluicegate_feeds::mirror::{OnProgress, SyncProgress, Unit};
use sluicegate_formats::text::{printable, printable_lines};
use sluicegate_scanner::feeds::BuildProgress;

use crate::inspect::LayerProgress;

/// How something of known or unknown length is shown.
const BAR: &str = "{msg:30} {bytes:>12} {bar:30} {binary_bytes_per_sec}";
/// How a number of advisories is shown.
const COUNT: &str = "{msg:30} {human_pos:>12} {bar:30} of {human_len} advisories";
/// How something without bytes is shown.
const LINE: &str = "{msg}";
/// Characters of a digest that tell layers apart.
const SHORT: usize = 19;

/// The bars of one run.
#[derive(Clone)]
pub struct Shown {
    all: MultiProgress,
    bars: Arc<Mutex<BTreeMap<String, ProgressBar>>>,
}

impl Shown {
    /// Starts without any.
    pub fn new() -> Self {
        Self {
            all: MultiProgress::new(),
            bars: Arc::default(),
        }
    }

    /// Takes all bars away.
    pub fn clear(&self) {
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, bar) in std::mem::take(&mut *bars) {
            bar.finish_and_clear();
        }
        let _bars_may_be_hidden = self.all.clear();
    }

    /// Says which of several images is being inspected.
    pub fn image(&self, name: &str, at: usize, of: usize) {
        let line = format!("{name} ({at} of {of})");
        self.line("image", &line);
    }

    /// Shows layers.
    pub fn on_layer(&self) -> Arc<dyn Fn(LayerProgress) + Send + Sync> {
        let shown = self.clone();
        Arc::new(move |progress: LayerProgress| {
            let name: String = progress.layer.as_str().chars().take(SHORT).collect();
            let expected = Some(progress.expected);
            shown.bytes(&name, progress.bytes, expected, progress.ended);
        })
    }

    /// Shows what is copied before the scan.
    pub fn on_copy(&self) -> Arc<dyn Fn(u64) + Send + Sync> {
        let shown = self.clone();
        Arc::new(move |bytes| shown.bytes("archive", bytes, None, false))
    }

    /// Shows feed files on their way.
    pub fn on_fetch(&self) -> OnProgress {
        let shown = self.clone();
        Arc::new(move |progress: SyncProgress| {
            let template = match progress.unit {
                Unit::Bytes => BAR,
                Unit::Advisories => COUNT,
            };
            let (path, expected) = (&progress.path, progress.expected);
            shown.amount(template, path, progress.done, expected, progress.ended);
        })
    }

    /// Shows an index that is being built.
    pub fn on_build(&self) -> Arc<dyn Fn(BuildProgress) + Send + Sync> {
        let shown = self.clone();
        Arc::new(move |progress: BuildProgress| {
            let (at, of) = (progress.archive, progress.archives);
            let name = progress.ecosystem;
            shown.line(
                "feeds",
                &format!("reading advisories: {name} ({at} of {of})"),
            );
        })
    }

    /// Shows how many archives were taken into an index of JARs.
    pub fn archives(&self, archives: u64) {
        self.line("jars", &format!("reading archives: {archives}"));
    }

    /// Writes what a person should know, between the bars.
    pub fn on_note(&self) -> Arc<dyn Fn(&str) + Send + Sync> {
        let shown = self.clone();
        Arc::new(move |note: &str| {
            shown.all.suspend(|| {
                let note = printable_lines(note);
                let _nowhere_to_complain = writeln!(std::io::stderr(), "sluicegate: {note}");
            });
        })
    }

    fn bytes(&self, name: &str, bytes: u64, expected: Option<u64>, ended: bool) {
        self.amount(BAR, name, bytes, expected, ended);
    }

    fn amount(&self, template: &str, name: &str, done: u64, expected: Option<u64>, ended: bool) {
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        if ended {
            if let Some(bar) = bars.remove(name) {
                bar.finish_and_clear();
            }
            return;
        }
        let bar = bars
            .entry(name.to_owned())
            .or_insert_with(|| self.bar(template, name));
        if let Some(expected) = expected {
            bar.set_length(expected);
        }
        bar.set_position(done);
    }

    fn line(&self, key: &str, text: &str) {
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = bars
            .entry(key.to_owned())
            .or_insert_with(|| self.bar(LINE, text));
        bar.set_message(printable(text));
    }

    fn bar(&self, template: &str, message: &str) -> ProgressBar {
        let style = ProgressStyle::with_template(template);
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::no_length().with_style(style);
        self.all.add(bar.with_message(printable(message)))
    }
}

impl Default for Shown {
    fn default() -> Self {
        Self::new()
    }
}
