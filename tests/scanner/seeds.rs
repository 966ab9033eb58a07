//! How many random cases there are, and which.

use rand::Rng as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

/// Gives the seeds of this run: `ordinary` many, `long` many with `tests/run --long`, or the one
/// that `SLUICEGATE_TEST_SEED` names.
pub fn seeds(ordinary: u64, long: u64) -> Vec<u64> {
    if let Some(seed) = std::env::var_os("SLUICEGATE_TEST_SEED") {
        let seed = seed.to_string_lossy().parse();
        return vec![seed.expect("SLUICEGATE_TEST_SEED is a number")];
    }
    let is_long = std::env::var_os("SLUICEGATE_TEST_LONG").is_some();
    // The kind of a case follows from its seed, so seeds in a row are of all kinds.
    let first = u64::from(rand::rng().random::<u32>());
    (first..first + if is_long { long } else { ordinary }).collect()
}

/// Gives a case's source of randomness.
pub fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// Takes one of several.
pub fn pick<'a, T: ?Sized>(rng: &mut StdRng, from: &[&'a T]) -> &'a T {
    from[rng.random_range(0..from.len())]
}
