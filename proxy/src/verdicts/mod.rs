//! What has been decided and which content belongs where: the store, its engines, typed records.
//!
//! A missing or damaged record means "not judged" and never "allowed". Callers use [`Records`];
//! only `app` names an engine.

mod envelope;
mod filter;
mod keys;
mod records;
mod rows;
mod store;
mod store_memory;
mod store_sled;
mod store_sled_open;
mod verdict_rows;

pub use filter::{Page, VerdictFilter};
pub use records::{Member, Records, TagRecord};
pub use store::{Key, Op, StoreError, VerdictStore};
pub use store_memory::MemoryStore;
pub use store_sled::{Opened, SledStore};

#[cfg(test)]
mod contract;
#[cfg(test)]
mod tests;
