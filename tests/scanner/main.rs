//! The scanner against hostile archives, and its merged tree against what an applier unpacks.
//!
//! Both are random; every archive and every stack has its seed, and `SLUICEGATE_TEST_SEED=N` plays
//! that one again.

mod applied;
mod archives;
mod beneath;
mod claims;
mod contents;
mod endless;
mod hostile;
mod seeds;
mod stacks;
