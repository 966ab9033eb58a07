//! Access keys: who is let in, by which half of what, and what nobody learns without one.

mod attacks;
mod holder;
mod registry;
mod walk;

pub use holder::{Holder, Keys};
