//! The real clients, each run as its users run it, with state of its own.
//!
//! Every call returns the exit code and both outputs, so that a test can assert the exact words a
//! person sees. A `reference` is `host:port/repository:tag` everywhere.

pub mod conformance;
pub mod containerd;
pub mod cri;
pub mod docker;
pub mod podman;
pub mod skopeo;
pub mod tools;

use std::time::Duration;

/// How long a pull may take; a gate may hold it for minutes.
pub const PULL_LIMIT: Duration = Duration::from_secs(300);
