//! The harness proven by itself: real registry, real clients, no product between them.
//!
//! When a whole-system test fails, these say whether the test's own parts still work.

mod clients;
mod fault;
mod process;
mod registry;
mod rootfs;
