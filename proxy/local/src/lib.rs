//! What one machine keeps on its disk: content by digest, the log of pulls, access keys, and the
//! engines under the verdicts.
//!
//! Nothing here decides: callers say what is kept, and everything acknowledged is durable.

pub mod cache;
pub mod chain;
pub mod decisions;
pub mod durable;
pub mod keys;
pub mod ledger;
pub mod linked;
pub mod record;
mod signed;
mod signed_book;
pub mod store;
