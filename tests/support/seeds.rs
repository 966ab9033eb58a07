//! How many random cases there are, and which.

use rand::Rng as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

/// First seed of an ordinary run, the same each time: what fails there fails for whoever broke it.
const FIRST: u64 = 20_261_128;

/// Gives the seeds of this run: `ordinary` many that are always the same; with `tests/run --long` as
/// many as `long` that no run had before; and those of `failed`, which failed once. Or the one that
/// `SLUICEGATE_TEST_SEED` names.
pub fn seeds(ordinary: u64, long: u64, failed: &[u64]) -> Vec<u64> {
    if let Some(seed) = std::env::var_os("SLUICEGATE_TEST_SEED") {
        let seed = seed.to_string_lossy().parse();
        return vec![seed.expect("SLUICEGATE_TEST_SEED is a number")];
    }
    // The kind of a case follows from its seed, so seeds in a row are of all kinds.
    let some = if std::env::var_os("SLUICEGATE_TEST_LONG").is_some() {
        let first = u64::from(rand::rng().random::<u32>());
        first..first + long
    } else {
        FIRST..FIRST + ordinary
    };
    failed.iter().copied().chain(some).collect()
}

/// Gives a case's source of randomness.
pub fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// Takes one of several.
pub fn pick<'a, T: ?Sized>(rng: &mut StdRng, from: &[&'a T]) -> &'a T {
    from[rng.random_range(0..from.len())]
}
