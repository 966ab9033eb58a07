//! An image as its layers give it: one tree, its history, and what is judged of both.
//!
//! Arrows go one way: `tree` knows facts alone; `places` and `history` know the tree; `stack` lays
//! layers over each other and gives what is [`merged`]; `judge` reads that. `inventory.rs` asks for
//! all of it and is asked by none.

pub(crate) mod history;
mod instructions;
pub(crate) mod judge;
pub(crate) mod layers;
mod links;
mod listed;
pub(crate) mod merged;
mod origins;
mod places;
mod presence;
pub(crate) mod proof;
mod spellings;
pub(crate) mod stack;
pub(crate) mod told;
pub(crate) mod tree;
