//! What the API says of one digest, for a person: its verdict, or what an index holds.

use std::io::{self, Write};

use serde_json::Value;
use sluicegate_formats::answers::{FindingAnswer, VerdictAnswer};
use sluicegate_formats::appearance::Appearance;
use sluicegate_formats::table;
use sluicegate_formats::view::View;
use sluicegate_model::form::ReadAs;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_remedy::first::first_step;

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
    table::write(&verdict, &Inventory::default(), view, appearance, out)?;
    Ok(write_first_step(&verdict, out)?)
}

/// Says what the author of an image that is refused can begin with, as the line of the refusal does.
fn write_first_step(verdict: &Verdict, out: &mut impl Write) -> io::Result<()> {
    if verdict.decision != Decision::Refuse {
        return Ok(());
    }
    let Some(first) = first_step(verdict, sluicegate_scanner::compare_versions) else {
        return Ok(());
    };
    let first = sluicegate_policy::one_line(&first);
    let digest = &verdict.digest;
    writeln!(out, "\nFirst step: {first}")?;
    writeln!(out, "All of it: sluicegate remedy {digest}")
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

#[cfg(test)]
mod tests {
    use sluicegate_model::samples;

    use super::*;

    #[test]
    fn of_what_is_refused_the_first_step_is_told_and_of_nothing_else() {
        let said = |decision| {
            let (mut out, verdict) = (
                Vec::new(),
                Verdict {
                    decision,
                    ..samples::verdict()
                },
            );
            write_first_step(&verdict, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let refused = said(Decision::Refuse);
        let all = format!(
            "All of it: sluicegate remedy {}\n",
            samples::verdict().digest
        );
        assert!(refused.starts_with("\nFirst step: upgrade "), "{refused}");
        assert!(refused.ends_with(&all), "{refused}");
        assert_eq!(said(Decision::Annotate), "");
    }
}
