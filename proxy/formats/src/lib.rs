//! Writers of one image's judgement: for people, for programs, and as the field's own documents.
//!
//! Called by commands and by the API. A writer says only what verdict and inventory say; the same
//! two give the same bytes. Everything is written as it is made, never as one text in memory.
//!
//! Reading order: [`answers`] (what programs are told), [`appearance`] and [`text`] (what a terminal may see), [`grid`] (tables), [`view`]
//! (which findings are shown), [`table`], [`json`],
//! `document` (what documents share), [`sarif`], [`cyclonedx`], [`spdx`], [`defectdojo`],
//! [`attestation`].

pub mod answers;
pub mod appearance;
pub mod attestation;
pub mod cyclonedx;
pub mod defectdojo;
mod document;
pub mod grid;
pub mod json;
pub mod sarif;
pub mod spdx;
pub mod table;
pub mod text;
pub mod view;

use std::io::{self, Write};

use clap::ValueEnum;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::verdict::Verdict;

use appearance::Appearance;
use view::View;

/// How a judgement is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person.
    #[default]
    Table,
    /// The verdict, as the API shows it.
    Json,
    /// SARIF 2.1.0: findings, for code scanning.
    Sarif,
    /// CycloneDX 1.6: packages and findings.
    Cyclonedx,
    /// SPDX 2.3: packages only.
    Spdx,
    /// Findings, as DefectDojo's Generic Findings Import takes them.
    Defectdojo,
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
    let view = View::default();
    write_as(format, Appearance::plain(), &view, verdict, inventory, out)
}

/// Writes what is to be seen of one image for a place that has a width, and maybe colours.
///
/// Only the table looks different there, and says what is not shown.
pub fn write_as(
    format: Format,
    appearance: Appearance,
    view: &View,
    verdict: &Verdict,
    inventory: &Inventory,
    out: &mut dyn Write,
) -> io::Result<()> {
    if format == Format::Table {
        return table::write(verdict, inventory, view, appearance, out);
    }
    let seen = view.of(verdict);
    let verdict = seen.as_ref();
    match format {
        Format::Table => Ok(()),
        Format::Json => json::write(verdict, out),
        Format::Sarif => sarif::write(verdict, out),
        Format::Cyclonedx => cyclonedx::write(verdict, inventory, out),
        Format::Spdx => spdx::write(verdict, inventory, out),
        Format::Defectdojo => defectdojo::write(verdict, out),
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use sluicegate_model::samples;

    use super::{Format, write};

    #[test]
    fn every_format_is_the_same_each_time_and_ends_with_a_line_feed() {
        let (verdict, inventory) = (samples::verdict(), samples::inventory());
        for format in Format::value_variants() {
            let written = || {
                let mut out = Vec::new();
                write(*format, &verdict, &inventory, &mut out).unwrap();
                out
            };
            assert_eq!(written(), written(), "{format:?}");
            assert!(written().ends_with(b"\n"), "{format:?}");
            let unprintable = |byte: &u8| byte.is_ascii_control() && *byte != b'\n';
            assert!(!written().iter().any(unprintable), "{format:?}");
        }
    }

    #[test]
    fn large_images_are_written_whole_in_every_format() {
        let (verdict, inventory) = samples::large(500, 2_000);
        for format in Format::value_variants() {
            let mut out = Vec::new();
            write(*format, &verdict, &inventory, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            let last = match format {
                Format::Spdx => "package-499",
                _ => "CVE-2024-666",
            };
            assert!(text.contains(last), "{format:?}");
        }
    }
}
