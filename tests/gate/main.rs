//! See tests/README.md: what this binary proves.

mod artifacts;
mod change;
mod claims;
mod hops;
mod indexes;
mod kubernetes;
mod listener;
mod matrix;
mod membership;
mod names;
mod private;
mod rejudge;
mod served;
mod stage;
mod stream;
mod together;
mod webhook;
mod words;
