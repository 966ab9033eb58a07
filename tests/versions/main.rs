//! The orders of versions against the programs that define them: dpkg, rpm, pacman, npm's semver,
//! Composer, RubyGems and Python's packaging.
//!
//! The versions are made up from what real ones are made of, one pair a line, and each program reads
//! all of its pairs at once. `SLUICEGATE_TEST_SEED=N` plays one round again; where
//! `SLUICEGATE_TEST_DATA` has feeds, their versions are compared as well.

mod against;
mod made_up;
mod program;
mod recorded;
