//! What could not be looked at, for a person: one line for each kind, then a few examples.

use std::collections::BTreeMap;
use std::io::{self, Write};

use sluicegate_model::coverage::{Coverage, Gap, GapKind};

use super::super::appearance::{Appearance, Colour};
use super::super::text::{counted, name_of, printable};
use super::write_line;

/// Gaps of one kind that a terminal is shown one by one.
const EXAMPLES: usize = 3;

/// Writes the gaps: kinds that leave the image unscannable first, then from the whole image to
/// single files, as the vocabulary lists them.
pub(super) fn write(
    coverage: &Coverage,
    appearance: Appearance,
    out: &mut dyn Write,
) -> io::Result<()> {
    if coverage.gaps.is_empty() {
        return Ok(());
    }
    let mut kinds: BTreeMap<(bool, GapKind), Vec<&Gap>> = BTreeMap::new();
    for gap in &coverage.gaps {
        kinds.entry((!gap.fatal, gap.kind)).or_default().push(gap);
    }
    let examples = match appearance.width {
        Some(_) => EXAMPLES,
        None => usize::MAX,
    };
    let heading = appearance.paint("Could not be looked at", Colour::Yellow);
    writeln!(out, "\n{heading}")?;
    for ((bearable, kind), gaps) in &kinds {
        let weight = if *bearable {
            ""
        } else {
            ", leaves the image unscannable"
        };
        let count = counted(gaps.len(), "gap");
        writeln!(out, "  {} ({count}{weight})", name_of(kind))?;
        for gap in gaps.iter().take(examples) {
            let detail = printable(&gap.detail);
            let text = match &gap.path {
                Some(path) => format!("{}: {detail}", printable(path)),
                None => detail,
            };
            write_line("    ", &text, appearance, out)?;
        }
        let more = gaps.len().saturating_sub(examples);
        if more > 0 {
            writeln!(out, "    and {more} more")?;
        }
    }
    Ok(())
}
