//! The ledger over an engine of keys and values.
//!
//! A missing or damaged record means "not judged" and never "allowed".

mod basis_rows;
mod earlier;
mod event_rows;
mod head;
mod index;
mod keys;
mod lists;
mod package_rows;
mod pull_follow;
mod pull_row;
mod record_earlier;
mod record_follow;
mod record_row;
mod record_rows;
mod records;
mod removal;
mod replace;
mod rows;
mod step_rows;
mod texts;
mod verdict_rows;
mod version;
mod waiver_rows;
mod word_rows;

pub use records::Records;

#[cfg(test)]
mod tests;
