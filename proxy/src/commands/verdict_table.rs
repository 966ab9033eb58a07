//! What the API says of one digest, for a person: its verdict, or what an index holds.

use std::io::Write;

use serde_json::Value;
use sluicegate_formats::appearance::Appearance;
use sluicegate_formats::table;
use sluicegate_formats::view::View;
use sluicegate_model::finding::Finding;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::verdict::Verdict;

use super::CommandError;
use super::query::{cell, members};

/// Prints one verdict, or what an index holds.
pub fn print(out: &mut impl Write, verdict: &Value, view: &View) -> Result<(), CommandError> {
    if verdict.pointer("/index").and_then(Value::as_bool) == Some(true) {
        return print_index(out, verdict);
    }
    let verdict: Verdict = serde_json::from_value(verdict.clone()).map_err(|error| {
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
            let finding: Result<Finding, _> = serde_json::from_value(finding.clone());
            finding.map_or(true, |finding| view.shows(&finding))
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
