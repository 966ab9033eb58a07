//! Whole-system tests: the real program between a real registry and real clients.

mod artifacts;
mod commands;
mod conformance;
mod documents;
mod evasions;
mod first_pull;
mod image;
mod indexes;
mod inspect;
mod kinds;
mod linked;
mod listeners;
mod logins;
mod membership;
mod operations;
mod own_logins;
mod policy_changes;
mod pull_secrets;
mod real_images;
mod restart;
mod runtimes;
mod scene;
mod secure_upstream;
mod today;
mod upstream_load;
mod waiting;
