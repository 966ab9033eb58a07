//! The scanner against hostile archives, its merged tree against what an applier unpacks, its
//! findings against those of an evaluation of its own, and every parser at changed inputs.
//!
//! The first two and the last are made by chance from seeds that are the same in every run, but with
//! `--long`, which looks for new ones; `SLUICEGATE_TEST_SEED=N` plays one again.

mod applied;
mod archives;
mod beneath;
mod claims;
mod contents;
mod endless;
mod evaluation;
mod headers;
mod hostile;
mod known_answers;
mod laid_out;
mod overlaid;
mod parsers;
mod readings;
mod runtimes;
mod stacks;
#[path = "../../fuzz/src/targets/mod.rs"]
mod targets;
