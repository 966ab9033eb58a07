//! The scanner against hostile archives, its merged tree against what an applier unpacks, and its
//! findings against those of an evaluation of its own.
//!
//! The first two are random; every archive and every stack has its seed, and `SLUICEGATE_TEST_SEED=N` plays
//! that one again.

mod applied;
mod archives;
mod beneath;
mod claims;
mod contents;
mod endless;
mod evaluation;
mod hostile;
mod known_answers;
mod seeds;
mod stacks;
