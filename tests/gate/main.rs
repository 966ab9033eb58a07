//! See tests/README.md: what this binary proves.

mod artifacts;
mod change;
mod claims;
mod earlier;
mod embedded;
mod hops;
mod indexes;
mod kubernetes;
mod listener;
mod lists;
mod log;
mod matrix;
mod membership;
mod names;
mod operations;
mod presence;
mod private;
mod questions;
mod reasons;
mod rejudge;
mod served;
mod stage;
mod stream;
mod together;
mod webhook;
mod words;
