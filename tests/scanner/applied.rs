//! The merged tree against what umoci unpacks, and podman with its overlay driver: the same files at
//! the same paths.
//!
//! umoci stands in for podman's `vfs` and for containerd's applier: they go through a layer in order,
//! resolve parents in the root file system and replace whatever is not a directory over a directory.
//! Where one of the two leaves something else, or a layer is ambiguous, our tree has what either has,
//! and a gap says so.
//!
//! Source: containerd, `pkg/archive/tar.go`; umoci, `oci/layer`; containers/storage, `drivers/overlay`.

use std::path::Path;
use std::process::Command;

use sluicegate_model::Digest;
use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_scanner::{LayerFacts, LayerInput, Limits, merge, scan_layer};
use sluicegate_tests::seeds;

use crate::laid_out::{self, Found, found_in};
use crate::overlaid::Storage;
use crate::stacks;

/// Stacks of an ordinary run and of a long one.
const STACKS: [u64; 2] = [400, 20_000];

/// Of so many stacks one is unpacked by podman too, which takes a hundred times as long.
const OVERLAID: u64 = 9;

/// Every seed that ever failed.
pub const FAILED: [u64; 1] = [109_313_189];

#[test]
fn the_merged_tree_is_what_runtimes_unpack() {
    let seeds = seeds::seeds(STACKS[0], STACKS[1], &FAILED);
    eprintln!("stacks: {} from seed {}", seeds.len(), seeds[0]);
    let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let share = seeds.len().div_ceil(workers);
    let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let running: Vec<_> = seeds
            .chunks(share)
            .map(|part| scope.spawn(|| compare_all(part)))
            .collect();
        running
            .into_iter()
            .map(|part| part.join().expect("no comparison panics"))
            .collect()
    });
    let mut all = Outcome::default();
    for outcome in outcomes {
        all.same += outcome.same;
        all.ambiguous += outcome.ambiguous;
        all.unpackable += outcome.unpackable;
        all.overlaid += outcome.overlaid;
        all.departing += outcome.departing;
        all.differences.extend(outcome.differences);
    }
    eprintln!(
        "{} alike, {} ambiguous and covered, {} that umoci refuses; {} by overlay too, {} of them otherwise",
        all.same, all.ambiguous, all.unpackable, all.overlaid, all.departing
    );
    let shown: Vec<_> = all.differences.iter().take(5).collect();
    assert!(
        shown.is_empty(),
        "{} differ, such as {shown:#?}",
        all.differences.len()
    );
    assert!(
        seeds.len() == 1
            || ((all.same + all.ambiguous) * 10 >= seeds.len() * 9
                // Podman refuses most stacks that name a path twice.
                && all.overlaid * 40 > seeds.len()),
        "too few stacks were compared"
    );
}

#[derive(Default)]
struct Outcome {
    same: usize,
    ambiguous: usize,
    unpackable: usize,
    /// Stacks that podman unpacked with its overlay driver, and those that it left other files of.
    overlaid: usize,
    departing: usize,
    differences: Vec<String>,
}

fn compare_all(seeds: &[u64]) -> Outcome {
    let mut outcome = Outcome::default();
    let storage = Storage::new();
    for seed in seeds {
        compare(*seed, &storage, &mut outcome);
    }
    outcome
}

fn compare(seed: u64, storage: &Storage, outcome: &mut Outcome) {
    let root = format!("s{seed}");
    let stack = stacks::stack(&root, &mut seeds::rng(seed), seed.is_multiple_of(2));
    let layers = laid_out::ended(stack.layers);
    // What podman makes of the place is a name of an image, and so of small letters.
    let directory = tempfile::Builder::new()
        .prefix(&format!("sluicegate-applied-{}-{seed}", std::process::id()))
        .rand_bytes(0)
        .tempdir()
        .expect("make a directory");
    let layout = directory.path().join("layout");
    laid_out::layout(&layout, &layers);
    let Some(unpacked) = unpack(directory.path(), &layout) else {
        outcome.unpackable += 1;
        return;
    };
    let is_overlaid = seed.is_multiple_of(OVERLAID) || FAILED.contains(&seed);
    let overlaid = is_overlaid
        .then(|| storage.mounted(&layout, found_in))
        .flatten();
    outcome.overlaid += usize::from(overlaid.is_some());
    let departs = overlaid
        .as_ref()
        .is_some_and(|overlaid| *overlaid != unpacked);
    outcome.departing += usize::from(departs);
    let facts: Vec<LayerFacts> = layers
        .iter()
        .map(|tar| scan_layer(tar.as_slice(), &Limits::default()))
        .collect();
    let (merged, gaps) = merged(&facts);
    let is_ambiguous = gaps.iter().any(|gap| gap.kind == GapKind::AmbiguousLayer);
    let has_all = unpacked.is_subset(&merged)
        && overlaid
            .as_ref()
            .is_none_or(|overlaid| overlaid.is_subset(&merged));
    if unpacked == merged && has_all && (is_ambiguous || !departs) {
        outcome.same += 1;
    } else if is_ambiguous && (has_all || has_fatal(&facts)) {
        // An image with a fatal gap is refused whatever it holds.
        outcome.ambiguous += 1;
    } else {
        let only =
            |left: &Found, right: &Found| left.difference(right).cloned().collect::<Vec<_>>();
        outcome.differences.push(format!(
            "seed {seed}: only umoci has {:?}, only the tree has {:?}, overlay lacks or has {:?}, gaps {gaps:?}, layers {:#?}",
            only(&unpacked, &merged),
            only(&merged, &unpacked),
            overlaid.map(|overlaid| (only(&unpacked, &overlaid), only(&overlaid, &unpacked))),
            layers.each_ref().map(|tar| listing(tar))
        ));
    }
}

pub fn has_fatal(facts: &[LayerFacts]) -> bool {
    facts
        .iter()
        .flat_map(|facts| &facts.gaps)
        .any(|gap| gap.fatal)
}

/// Lists an archive for a person.
pub fn listing(tar: &[u8]) -> Vec<String> {
    let mut archive = tar::Archive::new(tar);
    let entries = archive
        .entries()
        .expect("an archive")
        .filter_map(Result::ok);
    let line = |entry: tar::Entry<'_, &[u8]>| {
        let target = entry.link_name_bytes().unwrap_or_default();
        let kind = char::from(entry.header().entry_type().as_byte());
        format!(
            "{kind} {} {}",
            String::from_utf8_lossy(&entry.path_bytes()),
            String::from_utf8_lossy(&target)
        )
    };
    entries.map(line).collect()
}

/// Gives path and name of every package in the merged tree, and the gaps.
pub fn merged(facts: &[LayerFacts]) -> (Found, Vec<Gap>) {
    let digests: Vec<Digest> = (0..facts.len())
        .map(|layer| Digest::of(&layer.to_le_bytes()))
        .collect();
    let inputs: Vec<_> = digests
        .iter()
        .zip(facts)
        .map(|(digest, facts)| LayerInput { digest, facts })
        .collect();
    let inventory = merge(None, &inputs);
    let found = inventory
        .components
        .into_iter()
        .map(|component| (component.path, component.package.name))
        .collect();
    (found, inventory.gaps)
}

/// Has umoci unpack an image, and walks what came out; nothing where umoci refuses.
fn unpack(directory: &Path, layout: &Path) -> Option<Found> {
    let root = directory.join("rootfs");
    let image = format!("{}:it", layout.display());
    let unpacked = Command::new("umoci")
        .args(["--log=fatal", "raw", "unpack", "--image", &image])
        .arg(&root)
        .output()
        .expect("run umoci");
    if !unpacked.status.success() {
        eprintln!("{}", String::from_utf8_lossy(&unpacked.stderr));
        return None;
    }
    Some(found_in(&root))
}
