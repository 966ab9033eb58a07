//! The merged tree against what containerd and docker unpack: containerd's native and overlay
//! snapshotters, which apply layers each in their own way, and docker's `vfs` driver.
//!
//! Each stack costs seconds, so an ordinary run plays few, and every seed that ever failed.

use std::path::Path;
use std::process::Command;

use sluicegate_model::coverage::GapKind;
use sluicegate_scanner::{LayerFacts, Limits, scan_layer};
use sluicegate_tests::clients::containerd::Containerd;
use sluicegate_tests::clients::docker::Docker;
use sluicegate_tests::seeds;

use crate::applied::{FAILED, has_fatal, listing, merged};
use crate::laid_out::{self, Found, found_in};
use crate::stacks;

/// Stacks of an ordinary run and of a long one.
const STACKS: [u64; 2] = [24, 1_000];

/// What unpacks.
const APPLIERS: [&str; 3] = ["containerd, native", "containerd, overlayfs", "docker, vfs"];

#[tokio::test]
async fn containerd_and_docker_unpack_nothing_that_the_tree_lacks() {
    let seeds = seeds::seeds(STACKS[0], STACKS[1], &FAILED);
    let mut unpacked = [0; APPLIERS.len()];
    let mut wrong = Vec::new();
    for seed in &seeds {
        let stack = stacks::stack("s", &mut seeds::rng(*seed), seed.is_multiple_of(2));
        let layers = laid_out::ended(stack.layers);
        let left = left_behind(&layers).await;
        for (count, left) in unpacked.iter_mut().zip(&left) {
            *count += usize::from(left.is_some());
        }
        if let Err(why) = compare(&layers, &left) {
            wrong.push(format!("seed {seed}: {why}"));
        }
    }
    eprintln!("{} stacks, unpacked {unpacked:?}", seeds.len());
    let shown: Vec<_> = wrong.iter().take(3).collect();
    assert!(
        shown.is_empty(),
        "{} differ, such as {shown:#?}",
        wrong.len()
    );
    // Docker takes no path twice, and what overlay file systems mark as removed must not be there.
    let enough = |count: &usize| count * 5 > seeds.len();
    assert!(
        seeds.len() == 1 || unpacked.iter().all(enough),
        "{unpacked:?}"
    );
}

/// Gives what each applier leaves behind; nothing where it refuses.
async fn left_behind(layers: &[Vec<u8>]) -> [Option<Found>; APPLIERS.len()] {
    let directory = tempfile::tempdir().expect("make a directory");
    let at = |name: &str| directory.path().join(name);
    laid_out::layout(&at("layout"), layers);
    packed(&at("layout"), &at("layout.tar"));
    laid_out::docker_archive(&at("docker.tar"), "stack:it", layers);
    let (containerd, docker) = (Containerd::today().await, Docker::shared().await);
    let image = "stacks.example/stack:it";
    let archive = at("layout.tar");
    [
        containerd
            .unpacked(&archive, image, "native", found_in)
            .await,
        containerd
            .unpacked(&archive, image, "overlayfs", found_in)
            .await,
        docker
            .unpacked(&at("docker.tar"), "stack:it", found_in)
            .await,
    ]
}

fn compare(layers: &[Vec<u8>], left: &[Option<Found>; APPLIERS.len()]) -> Result<(), String> {
    let scan = |tar: &Vec<u8>| scan_layer(tar.as_slice(), &Limits::default());
    let facts: Vec<LayerFacts> = layers.iter().map(scan).collect();
    let (merged, gaps) = merged(&facts);
    if has_fatal(&facts) {
        return Ok(());
    }
    let is_ambiguous = gaps.iter().any(|gap| gap.kind == GapKind::AmbiguousLayer);
    let unpacked = APPLIERS
        .iter()
        .zip(left)
        .filter_map(|(name, left)| Some((name, left.as_ref()?)));
    for (name, left) in unpacked {
        let lacks: Vec<_> = left.difference(&merged).collect();
        let has: Vec<_> = merged.difference(left).collect();
        if !lacks.is_empty() || (!has.is_empty() && !is_ambiguous) {
            let layers: Vec<_> = layers.iter().map(|tar| listing(tar)).collect();
            return Err(format!(
                "only {name} has {lacks:?}, only the tree has {has:?}, gaps {gaps:?}, layers {layers:#?}"
            ));
        }
    }
    Ok(())
}

fn packed(directory: &Path, archive: &Path) {
    let packed = Command::new("tar")
        .arg("--create")
        .arg("--file")
        .arg(archive)
        .arg("--directory")
        .arg(directory)
        .arg(".")
        .status();
    assert!(packed.expect("run tar").success(), "pack a layout");
}
