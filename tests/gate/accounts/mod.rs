//! Access keys: who is let in, by which half of what, and what nobody learns without one.

mod attacks;
mod registry;
mod routes;
mod walk;
