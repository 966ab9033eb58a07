//! Which instruction of the build brought findings in: one line for each layer that has any.
//!
//! The instruction is what the image's author says of it; where the history does not fit the
//! layers, nothing is said.

use std::collections::HashSet;
use std::io::{self, Write};

use sluicegate_model::inventory::Inventory;
use sluicegate_model::verdict::Verdict;

use super::super::text::shown;
use super::short_digest;

/// Most of an instruction that is shown, in characters.
const MAX_INSTRUCTION: usize = 160;

/// Writes the layers with findings, base first.
pub(super) fn write(
    verdict: &Verdict,
    inventory: &Inventory,
    out: &mut dyn Write,
) -> io::Result<()> {
    let findings = verdict.findings.iter();
    let blamed: HashSet<_> = findings.map(|finding| &finding.package.layer).collect();
    let mut is_first = true;
    let count = inventory.layers.len();
    for (number, layer) in (1..).zip(&inventory.layers) {
        let Some(instruction) = &layer.created_by else {
            continue;
        };
        if !blamed.contains(&layer.digest) {
            continue;
        }
        if std::mem::take(&mut is_first) {
            writeln!(out, "\nLayers with findings")?;
        }
        let instruction: String = shown(instruction).chars().take(MAX_INSTRUCTION).collect();
        let digest = short_digest(&layer.digest);
        writeln!(out, "  {digest}  {number} of {count}: {instruction}")?;
    }
    Ok(())
}
