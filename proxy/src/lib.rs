//! Sluicegate: a pull-through OCI registry proxy that scans on pull.
//!
//! What is done with a pull is `sluicegate_engine`. Here is what it runs on, in the order of the
//! flow: a request (`http`), what the engine asks (`origins`, `in_force` over `policies`), who is
//! told (`history`, `webhook`, `sinks`), who tells of pushes (`hooks`), what would have been (`replay`), who
//! looks (`api`, `metrics`), which plugins come from where (`fed_sources`) and are in force (`fed_in_force`), and the
//! program around it. Where things come from and are kept are crates of their own:
//! `sluicegate_upstream`, `sluicegate_feeds`, `sluicegate_local`.

mod admin_socket;
pub mod agent;
pub mod api;
pub mod app;
mod attestation;
mod attestation_key;
pub mod commands;
mod data_directory;
pub mod demo;
pub mod fed_counts;
pub mod fed_held;
pub mod fed_in_force;
pub mod fed_kept;
pub mod fed_origin;
pub mod fed_plugins;
pub mod fed_registry;
#[cfg(test)]
pub mod fed_sample;
pub mod fed_shown;
pub mod fed_sources;
pub mod fed_trust;
pub mod history;
pub mod hooks;
pub mod http;
mod in_force;
mod insecure;
pub mod inspect;
mod instance_key;
pub mod looks_for;
pub mod metrics;
pub mod moment;
pub mod origins;
pub mod policies;
pub mod replay;
pub mod sinks;
pub mod telemetry;
pub mod webhook;
