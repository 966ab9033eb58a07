//! What a changed set of analyzers reads again, counted; and that it finds what a whole scan finds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sluicegate_model::package::{Package, PackageType};
use tar::EntryType;

use super::*;
use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, WantedFile};
use crate::facts::Observations;
use crate::limits::Limits;
use crate::scan_layer_again;
use crate::testing::Layer;

/// Finds a package in every file that it gets, and counts them.
struct Counting {
    name: &'static str,
    revision: u16,
    wants: Wants<'static>,
    files: Arc<AtomicUsize>,
}

impl Analyzer for Counting {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: self.name,
            revision: self.revision,
        }
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![self.wants]
    }

    fn max_file_bytes(&self) -> u64 {
        1_000
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        self.files.fetch_add(1, Ordering::Relaxed);
        if file.content != b"empty" {
            let version = format!("{}.0", self.revision);
            found.add(Package::of_language(PackageType::Npm, self.name, &version));
        }
        Ok(())
    }
}

/// Some analyzers, and how many files each was given.
#[derive(Default)]
struct Analyzers {
    boxed: Vec<Box<dyn Analyzer>>,
    counts: Vec<Arc<AtomicUsize>>,
}

impl Analyzers {
    fn with(mut self, name: &'static str, revision: u16, wants: Wants<'static>) -> Self {
        let files = Arc::new(AtomicUsize::new(0));
        self.counts.push(Arc::clone(&files));
        self.boxed.push(Box::new(Counting {
            name,
            revision,
            wants,
            files,
        }));
        self
    }

    fn set(self) -> (PluginSet, impl Fn() -> Vec<usize>) {
        let counts = self.counts;
        let count = move || {
            let counts = counts.iter();
            counts
                .map(|count| count.swap(0, Ordering::Relaxed))
                .collect()
        };
        (PluginSet::new(self.boxed), count)
    }
}

const ONE: Wants<'static> = Wants::Named("one");
const TWO: Wants<'static> = Wants::Ending(".two");
const ODD: Wants<'static> = Wants::Content {
    starts: b"odd",
    holds: b"",
};

fn usual() -> Analyzers {
    Analyzers::default()
        .with("test/one", 1, ONE)
        .with("test/two", 1, TWO)
}

/// Layers that the first analyzer reads, the second, both, and neither.
fn layers() -> [Vec<u8>; 4] {
    let own = |layer: Layer| layer.file("own/plain", "plain").tar();
    [
        own(Layer::new().file("a/one", "1").file("b/one", "empty")),
        own(Layer::new().file("a/x.two", "2").file("b/y.two", "2")),
        own(Layer::new().file("one", "1").file("x.two", "2").dir("d")),
        own(Layer::new().dir("d").symlink("one", "d")),
    ]
}

fn scan(layer: &[u8], set: &PluginSet, earlier: Option<&LayerFacts>) -> LayerFacts {
    scan_layer_again(layer, &Limits::default(), set, earlier)
}

/// Reads stored facts as a set does: which layers it has to read again, and with what outcome.
fn again(stored: &[Vec<u8>], layers: &[Vec<u8>], set: &PluginSet) -> Vec<(bool, LayerFacts)> {
    let each = stored.iter().zip(layers).map(|(stored, layer)| {
        assert!(!set.has_made(stored));
        match set.review(LayerFacts::from_bytes(stored).unwrap()) {
            Kept::Current(_) => panic!("facts of another set are taken for this one's"),
            Kept::Adopted(facts) => (false, *facts),
            Kept::Outdated(earlier) => (true, scan(layer, set, Some(&earlier))),
        }
    });
    each.collect()
}

/// Compares with whole scans what a set makes of earlier facts; gives which layers it read again.
fn read_again(set: &PluginSet, count: &impl Fn() -> Vec<usize>, files: &[usize]) -> Vec<bool> {
    let (before, _) = usual().set();
    let layers = layers();
    let stored = layers
        .each_ref()
        .map(|layer| scan(layer, &before, None).to_bytes());
    count();
    let outcomes = again(&stored, &layers, set);
    assert_eq!(count(), files, "files that each analyzer was given");
    for ((_, facts), layer) in outcomes.iter().zip(&layers) {
        assert_eq!(*facts, scan(layer, set, None));
        assert!(set.has_made(&facts.to_bytes()));
    }
    outcomes.into_iter().map(|(is_read, _)| is_read).collect()
}

#[test]
fn facts_of_the_same_set_are_current() {
    let (set, count) = usual().set();
    for layer in layers() {
        let stored = scan(&layer, &set, None).to_bytes();
        assert!(set.has_made(&stored));
        let facts = LayerFacts::from_bytes(&stored).unwrap();
        assert!(matches!(set.review(facts), Kept::Current(_)));
    }
    assert_eq!(count(), [3, 3]);
}

#[test]
fn a_raised_revision_reads_only_layers_with_files_it_claims_and_of_those_only_such_files() {
    let (set, count) = Analyzers::default()
        .with("test/one", 2, ONE)
        .with("test/two", 1, TWO)
        .set();
    let read = read_again(&set, &count, &[3, 0]);
    assert_eq!(read, [true, false, true, false]);
}

#[test]
fn an_analyzer_that_is_removed_takes_its_facts_with_it() {
    let (set, count) = Analyzers::default().with("test/two", 1, TWO).set();
    let read = read_again(&set, &count, &[0]);
    assert_eq!(read, [true, false, true, false]);
}

#[test]
fn a_new_analyzer_reads_only_what_it_claims_by_name_or_by_content() {
    for wants in [
        Wants::Named("plain"),
        Wants::Exact("own/plain"),
        Wants::InDir("own"),
    ] {
        let (set, count) = usual().with("test/new", 1, wants).set();
        let read = read_again(&set, &count, &[0, 0, 4]);
        assert_eq!(read, [true; 4], "{wants:?}");
    }
    let (set, count) = usual().with("test/odd", 1, ODD).set();
    assert_eq!(read_again(&set, &count, &[0, 0, 0]), [false; 4]);
    let claims_twos_too = Wants::Content {
        starts: b"2",
        holds: b"",
    };
    let (set, count) = usual().with("test/odd", 1, claims_twos_too).set();
    // A file that two analyzers claim is read by both: it has one record.
    let read = read_again(&set, &count, &[0, 3, 3]);
    assert_eq!(read, [false, true, true, false]);
}

#[test]
fn another_order_reads_nothing_again() {
    let (set, count) = Analyzers::default()
        .with("test/odd", 1, ODD)
        .with("test/two", 1, TWO)
        .with("test/one", 1, ONE)
        .set();
    assert_eq!(read_again(&set, &count, &[0, 0, 0]), [false; 4]);
}

#[test]
fn every_entry_of_a_path_that_is_there_twice_keeps_what_was_found_in_it() {
    let layer = Layer::new()
        .file("a/one", "empty")
        .file("x.two", "2")
        .file("a/one", "1")
        .entry(EntryType::Regular, "a/one", "", b"empty")
        .tar();
    let (before, _) = usual().set();
    let earlier = scan(&layer, &before, None);
    let (set, _) = Analyzers::default()
        .with("test/two", 7, TWO)
        .with("test/one", 1, ONE)
        .set();
    assert!(matches!(set.review(earlier.clone()), Kept::Outdated(_)));
    let (whole, partly) = (scan(&layer, &set, None), scan(&layer, &set, Some(&earlier)));
    assert_eq!(partly, whole);
}

#[test]
fn a_scan_that_stopped_for_what_was_found_is_done_anew() {
    let layer = Layer::new().file("a/one", "1").file("b/one", "1").tar();
    let limits = Limits {
        max_packages: 1,
        ..Limits::default()
    };
    let (before, _) = usual().set();
    let earlier = scan_layer_again(layer.as_slice(), &limits, &before, None);
    assert!(earlier.gaps.iter().any(|gap| gap.kind == GapKind::Budget));
    let (set, count) = usual().with("test/odd", 1, ODD).set();
    assert!(matches!(set.review(earlier.clone()), Kept::Outdated(_)));
    scan(&layer, &set, Some(&earlier));
    assert_eq!(count(), [2, 0, 0]);
}

#[test]
fn more_analyzers_than_bits_in_any_number_get_their_files() {
    let mut analyzers = Analyzers::default();
    for _ in 0..200 {
        analyzers = analyzers.with("test/one", 1, ONE);
    }
    let (set, count) = analyzers.set();
    let facts = scan(&layers()[2], &set, None);
    assert_eq!(count(), [1; 200]);
    assert_eq!(LayerFacts::from_bytes(&facts.to_bytes()).unwrap(), facts);
}
