//! See tests/README.md: what this binary proves.

mod hops;
mod matrix;
mod stage;
mod stream;
mod together;
