//! Writers of one image's judgement: for people, for programs, and as the field's own documents.
//!
//! Called by commands and by the API. A writer says only what verdict and inventory say; the same
//! two give the same bytes. Everything is written as it is made, never as one text in memory.
//!
//! Reading order: [`appearance`] and [`text`] (what a terminal may see), [`table`], [`json`].

pub mod appearance;
pub mod json;
pub mod table;
pub mod text;

use std::io::{self, Write};

use clap::ValueEnum;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::verdict::Verdict;

use appearance::Appearance;

/// How a judgement is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person.
    #[default]
    Table,
    /// The verdict, as the API shows it.
    Json,
}

/// Writes what is known of one image, plain: for a file, a pipe or an answer.
///
/// *Shape*: the text ends with a line feed.
pub fn write(
    format: Format,
    verdict: &Verdict,
    inventory: &Inventory,
    out: &mut dyn Write,
) -> io::Result<()> {
    write_as(format, Appearance::plain(), verdict, inventory, out)
}

/// Writes what is known of one image for a place that has a width, and maybe colours.
///
/// Only the table looks different there.
pub fn write_as(
    format: Format,
    appearance: Appearance,
    verdict: &Verdict,
    inventory: &Inventory,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Table => table::write(verdict, inventory, appearance, out),
        Format::Json => json::write(verdict, out),
    }
}

#[cfg(test)]
pub(crate) mod samples;
