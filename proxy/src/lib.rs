//! Sluicegate: a pull-through OCI registry proxy that scans on pull.
//!
//! Modules in the order of the flow: a request (`http`), the steps of a pull (`pull`), what they
//! ask (`upstream`, `cache`), what decides (`feeds`, `policies`) and decides anew (`rejudge`), what
//! remembers (`verdicts`, `decisions`, `events`), who is told (`webhook`), who looks (`api`, `metrics`), in which `formats`, and the program around it.

pub mod api;
pub mod app;
pub mod cache;
pub mod clock;
pub mod commands;
mod data_directory;
pub mod decisions;
pub mod demo;
pub mod durable;
pub mod events;
pub mod feeds;
pub mod fingerprint;
pub mod formats;
pub mod http;
mod insecure;
pub mod inspect;
mod instance_key;
pub mod metrics;
pub mod moment;
pub mod policies;
pub mod private;
pub mod pull;
pub mod rejudge;
pub mod secrets;
pub mod telemetry;
pub mod trace;
pub mod upstream;
pub mod verdicts;
pub mod webhook;
