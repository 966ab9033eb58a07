//! What has been decided and which content belongs where: typed records over an engine.
//!
//! A missing or damaged record means "not judged" and never "allowed". Callers use [`Records`];
//! only `app` names an engine.

mod earlier;
mod event_rows;
mod filter;
mod head;
mod index;
mod judged;
mod keys;
mod lists;
mod package_rows;
mod records;
mod replace;
mod rows;
mod summary;
mod term;
mod verdict_rows;

pub use event_rows::{EventFilter, EventPage};
pub use filter::{Page, VerdictFilter};
pub use judged::{Judged, JudgedPage};
pub use package_rows::Holder;
pub use records::{Member, Records, TagRecord};
pub use replace::{Known, Replacement};
pub use summary::{Counts, CoverageSummary, Summary, WithFindings, Worst};
pub use term::names_of;

#[cfg(test)]
mod tests;
