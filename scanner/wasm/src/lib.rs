//! Plugins in WebAssembly behind the scanner's traits: what a module is, what it may do, and what of
//! its words counts.
//!
//! Synchronous: no socket, no clock, no file. [`load`] takes a module's bytes and gives a
//! [`WasmPlugin`], which is the scanner's `FedPlugin`; whoever has several makes a
//! `sluicegate_scanner::PluginSet` of them, a value that is swapped whole. A guest is handed the
//! bytes of one claimed file, or the text of an inventory, and nothing else.
//!
//! Reading order: [`limits`], [`manifest`], `sections` (bytes to a manifest), `module` (bytes to
//! something that runs), `call` (one question to one fresh instance), `answer` (its words),
//! `plugin`, `kit`. The ABI is written down in `docs/plugins.md`.

pub mod limits;
pub mod manifest;

mod answer;
mod call;
mod claims;
mod error;
mod kit;
mod module;
mod names;
mod plugin;
mod question;
mod sections;
#[cfg(test)]
mod tests;

pub use answer::{AnswerError, check_answer};
pub use error::PluginError;
pub use kit::{Trial, try_on};
pub use manifest::{Kind, Manifest};
pub use names::namespace;
pub use plugin::{Heard, WasmPlugin, load};
