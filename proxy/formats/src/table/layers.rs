//! Which instruction of the build brought findings in: one line for each layer that has any.
//!
//! The instruction is what the image's author says of it; where the history does not fit the
//! layers, nothing is said.

use std::collections::HashSet;
use std::io::{self, Write};

use sluicegate_model::inventory::Inventory;
use sluicegate_model::verdict::Verdict;

use super::super::appearance::Appearance;
use super::super::text::printable;
use super::{layer_digest, write_line};

/// Most of an instruction that a terminal is shown, in characters.
const MAX_INSTRUCTION: usize = 160;

/// Writes the layers with findings, base first.
pub(super) fn write(
    verdict: &Verdict,
    inventory: &Inventory,
    appearance: Appearance,
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
        let instruction = match appearance.width {
            Some(_) => printable(instruction)
                .chars()
                .take(MAX_INSTRUCTION)
                .collect(),
            None => printable(instruction),
        };
        let digest = layer_digest(&layer.digest, appearance);
        let label = format!("  {digest}  {number} of {count}: ");
        write_line(&label, &instruction, appearance, out)?;
    }
    Ok(())
}
