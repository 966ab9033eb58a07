//! What the API says of one digest, for a person: its verdict, or what an index holds.

use std::io::Write;

use serde_json::Value;
use sluicegate_formats::answers::{FindingAnswer, VerdictAnswer};
use sluicegate_formats::appearance::Appearance;
use sluicegate_formats::table;
use sluicegate_formats::view::View;
use sluicegate_model::form::ReadAs;
use sluicegate_model::inventory::Inventory;

use super::CommandError;
use super::query::{cell, members};

/// Prints one verdict, or what an index holds.
pub fn print(out: &mut impl Write, verdict: &Value, view: &View) -> Result<(), CommandError> {
    if verdict.pointer("/index").and_then(Value::as_bool) == Some(true) {
        return print_index(out, verdict);
    }
    let read = serde_json::from_value(verdict.clone());
    let ReadAs::<VerdictAnswer>(verdict) = read.map_err(|error| {
        CommandError::Failed(format!(
            "the service's verdict is not understood ({error}); --format json shows it as it is"
        ))
    })?;
    let appearance = Appearance::of_standard_output();
    Ok(table::write(
        &verdict,
        &Inventory::default(),
        view,
        appearance,
        out,
    )?)
}

/// Leaves of a verdict the findings that are to be seen.
pub fn seen(mut verdict: Value, view: &View) -> Value {
    if let Some(Value::Array(findings)) = verdict.get_mut("findings") {
        // What is not understood is shown.
        findings.retain(|finding| {
            let read = serde_json::from_value::<ReadAs<FindingAnswer>>(finding.clone());
            read.map_or(true, |ReadAs(finding)| view.shows(&finding))
        });
    }
    verdict
}

fn print_index(out: &mut impl Write, index: &Value) -> Result<(), CommandError> {
    writeln!(out, "{} is an index of:", cell(index, "/digest"))?;
    for child in members(index, "/children") {
        writeln!(
            out,
            "  {}  {}",
            cell(child, "/digest"),
            cell(child, "/platform")
        )?;
    }
    Ok(())
}
