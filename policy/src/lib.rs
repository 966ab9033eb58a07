//! Report and rules and time to decision: pure, no clock, no file, no network.
//!
//! Laws, each with a test: unknown severity satisfies no threshold; more findings never loosen a
//! decision; an exception or a VEX document never tightens one; `mode` is a ceiling for everything a
//! policy decides; a file in a delegated directory never reaches past its bounds.
//!
//! Reading order: what documents mean (`pattern`, `purl`, `vers`, `conditions`, `image`, `rules`, `exception`, `askers`,
//! `vex`, `delegation`), how they are read (`attached`, `read`, `trivyignore`, `load`), how they were written (`document`), which of them apply (`set`), the
//! decision (`named`, `spared`, `spoken`, `decide`), why it came out so (`parts`, `explain`), how it is told (`words`, `listed`), what nobody meant (`lint`, `needs`),
//! what moves with every feed (`moving`), what was expected (`case`, `play`), and what editors are told of
//! documents (`schema`).

mod askers;
mod asks;
mod attached;
mod binding;
mod built_in;
mod case;
mod conditions;
mod decide;
mod delegation;
mod document;
mod duration;
mod error;
mod exception;
mod explain;
mod image;
mod licence;
mod lint;
mod listed;
mod load;
mod moving;
mod named;
mod needs;
mod parts;
mod pattern;
mod play;
mod purl;
mod read;
mod rules;
mod schema;
mod set;
mod spared;
mod spoken;
mod trivyignore;
mod unasked;
mod vers;
mod vex;
mod words;

pub use askers::Asker;
pub use attached::{AttachedFile, AttachedText, NamedFile, Sources, named_files};
pub use binding::SourceFile;
pub use built_in::{BUILT_IN_NAME, built_in_text};
pub use case::{Case, Held};
pub use decide::{FeedStanding, Outcome, Subject, decide};
pub use document::{PolicyDocument, digest_of_documents};
pub use error::{LoadError, LoadErrors};
pub use explain::{
    Change, ExplainedFinding, ExplainedPolicy, ExplainedRule, Explanation, Turn, explain,
};
pub use image::AskedName;
pub use lint::Seen;
pub use listed::{ListedException, exceptions};
pub use moving::{Ages, TooOld};
pub use named::NameRefusal;
pub use needs::Lacks;
pub use parts::Asked;
pub use play::{CaseResult, JudgedImage};
pub use schema::schema;
pub use set::PolicySet;
pub use spared::{RunningGrace, rests_on_grace};
pub use spoken::Refusing;
pub use trivyignore::is_named as is_trivyignore;
pub use vers::{SCHEMES, VersionOrder};
pub use vex::{NotHeard, said_in};
pub use words::{one_line, refusal_message, warning_text};

#[cfg(test)]
mod tests;
