//! What `inspect-image` writes: the verdict in every format, with what would have to be done about it.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;
use sluicegate_formats::answers::VerdictAnswer;
use sluicegate_formats::appearance::Appearance;
use sluicegate_formats::grid::{Cell, Grid};
use sluicegate_formats::text::name_of;
use sluicegate_formats::view::View;
use sluicegate_formats::{self as formats, Format};
use sluicegate_machine::private;
use sluicegate_model::form::WrittenAs;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::verdict::Verdict;
use sluicegate_remedy::answer::RemedyAnswer;
use sluicegate_remedy::text;

use super::CommandError;

/// An image that was judged.
pub(super) struct Inspected {
    pub(super) verdict: Verdict,
    /// What it holds.
    pub(super) inventory: Inventory,
    /// What would have to be done, where it is refused.
    pub(super) remedy: Option<RemedyAnswer>,
}

/// A verdict as programs are told of it, with what would have to be done.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    verdict: WrittenAs<'a, VerdictAnswer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<&'a RemedyAnswer>,
}

impl Inspected {
    /// Writes it for a place that has a width, and maybe colours.
    pub(super) fn write(
        &self,
        format: Format,
        appearance: Appearance,
        view: &View,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let (verdict, inventory) = (&self.verdict, &self.inventory);
        if format == Format::Json {
            let seen = view.of(verdict);
            return formats::json::write_document(&told(&seen, self.remedy.as_ref()), out);
        }
        formats::write_as(format, appearance, view, verdict, inventory, out)?;
        match &self.remedy {
            Some(remedy) if format == Format::Table => text::write_briefly(remedy, out),
            Some(_) | None => Ok(()),
        }
    }

    fn told(&self) -> Told<'_> {
        told(&self.verdict, self.remedy.as_ref())
    }
}

fn told<'a>(verdict: &'a Verdict, remedy: Option<&'a RemedyAnswer>) -> Told<'a> {
    Told {
        verdict: WrittenAs(verdict),
        remedy,
    }
}

/// Writes the report to its place. A reader that has seen enough changes no verdict.
pub(super) fn report(
    output: Option<&Path>,
    out: &mut (impl Write + Send),
    write: impl FnOnce(&mut dyn Write, Appearance) -> io::Result<()>,
) -> Result<(), CommandError> {
    if let Some(path) = output {
        let written = private::create_for_person(path).and_then(|file| {
            let mut file = BufWriter::new(file);
            write(&mut file, Appearance::plain())?;
            file.flush()
        });
        return written.map_err(|error| {
            CommandError::Failed(format!("cannot write {}: {error}", path.display()))
        });
    }
    let appearance = Appearance::of_standard_output();
    let mut buffered = BufWriter::new(out);
    match write(&mut buffered, appearance).and_then(|()| buffered.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Writes all verdicts as one array.
pub(super) fn write_json(inspected: &[Inspected], out: &mut dyn Write) -> io::Result<()> {
    let verdicts: Vec<_> = inspected.iter().map(Inspected::told).collect();
    formats::json::write_document(&verdicts, out)
}

/// Writes one line an image.
pub(super) fn write_lines(
    inspected: &[Inspected],
    appearance: Appearance,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut grid = Grid::new(["DECISION", "TAG", "FINDINGS", "WORST", "COVERAGE", "DIGEST"]);
    for Inspected { verdict, .. } in inspected {
        let tags: Vec<String> = verdict.tags.iter().map(ToString::to_string).collect();
        let worst = verdict
            .findings
            .iter()
            .filter(|finding| finding.bears() && finding.kind.has_severity())
            .map(|finding| finding.severity)
            .max();
        grid.row([
            Cell::text(verdict.decision.to_string()),
            Cell::text(tags.join(" ")),
            Cell::text(verdict.findings.len().to_string()),
            Cell::text(worst.map_or("-", |worst| worst.as_str())),
            Cell::text(name_of(verdict.coverage.status)),
            Cell::digest(verdict.digest.as_str()),
        ]);
    }
    grid.write(appearance, out)
}
