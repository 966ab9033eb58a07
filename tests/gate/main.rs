//! See tests/README.md: what this binary proves.

mod artifacts;
mod change;
mod embedded;
mod hops;
mod indexes;
mod lists;
mod matrix;
mod membership;
mod names;
mod presence;
mod rejudge;
mod stage;
mod stream;
mod together;
mod webhook;
mod words;
