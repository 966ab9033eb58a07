//! Sluicegate: a pull-through OCI registry proxy that scans on pull.
//!
//! Modules in the order of the flow: a request (`http`), the steps of a pull (`pull`), what decides
//! (`policies`) and decides anew (`rejudge`), whom it asks (`origins`), what remembers (`verdicts`, `events`, `history`), who is
//! told (`webhook`), who looks (`api`, `metrics`), and the program around it. What they ask and where they
//! keep it are crates of their own: `sluicegate_upstream`, `sluicegate_feeds`, `sluicegate_local`.

pub mod api;
pub mod app;
pub mod commands;
mod data_directory;
pub mod demo;
pub mod history;
pub mod http;
mod insecure;
pub mod inspect;
mod instance_key;
pub mod metrics;
pub mod moment;
pub mod origins;
pub mod policies;
pub mod pull;
pub mod rejudge;
pub mod telemetry;
pub mod webhook;
