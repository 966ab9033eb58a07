//! Every parser over the inputs that fuzzing begins with, and over changes of each: none panics.
//!
//! libFuzzer, which looks for more, takes minutes to build: it runs with `--long`, on the same targets.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use rand::Rng as _;
use rand::rngs::StdRng;
use sluicegate_tests::seeds;

use crate::contents::{damage, noise};
use crate::targets::{self, Target};

/// Changed inputs of each parser, in an ordinary run and a long one.
const CHANGED: [u64; 2] = [200, 20_000];

#[test]
fn no_parser_panics_at_its_inputs_and_changes_of_them() {
    let targets = targets::all();
    assert!(targets.len() > 60, "only {} parsers", targets.len());
    let seeds = seeds::seeds(CHANGED[0], CHANGED[1], &[]);
    let failed = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found = play(target, &seeds);
            let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
            failed.extend(found);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let failed = failed.into_inner().expect("no player panicked");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Plays what a target begins with and its changes; says which panicked.
fn play(target: &Target, seeds: &[u64]) -> Vec<String> {
    let holds = |input: &[u8]| catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_ok();
    let begun = target.seeds.iter().enumerate();
    let begun = begun.filter(|(_, input)| !holds(input));
    let begun = begun.map(|(which, _)| format!("{}: input {which}", target.name));
    let changed = seeds.iter().filter(|seed| {
        let input = changed(&target.seeds, &mut seeds::rng(**seed));
        !holds(&input)
    });
    let changed = changed.map(|seed| format!("{}: seed {seed}", target.name));
    begun.chain(changed).collect()
}

/// Changes an input: some bytes, its end, or a piece of another in its midst. Where there is none, makes
/// one up.
fn changed(inputs: &[Vec<u8>], rng: &mut StdRng) -> Vec<u8> {
    if inputs.is_empty() {
        return noise(rng, 2_000);
    }
    let mut input = inputs[rng.random_range(0..inputs.len())].clone();
    let other = &inputs[rng.random_range(0..inputs.len())];
    if rng.random_ratio(1, 4) {
        let from = rng.random_range(0..=other.len());
        let to = rng.random_range(from..=other.len());
        let at = rng.random_range(0..=input.len());
        input.splice(at..at, other[from..to].iter().copied());
    }
    damage(rng, &mut input, 0);
    input
}
