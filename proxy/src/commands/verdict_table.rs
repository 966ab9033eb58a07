//! A verdict for a person: worst finding first, the fix beside each, and what was not looked at.

use std::io::Write;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde_json::Value;

use super::CommandError;
use super::query::{cell, members};

/// Prints one verdict, or what an index holds.
pub fn print(out: &mut impl Write, verdict: &Value) -> Result<(), CommandError> {
    if verdict.pointer("/index").and_then(Value::as_bool) == Some(true) {
        return print_index(out, verdict);
    }
    writeln!(
        out,
        "{}  {}",
        cell(verdict, "/repository"),
        cell(verdict, "/digest")
    )?;
    writeln!(
        out,
        "{} by policy \"{}\", {} packages, coverage {}",
        cell(verdict, "/decision"),
        cell(verdict, "/policy/name"),
        cell(verdict, "/packages"),
        cell(verdict, "/coverage/status"),
    )?;
    for reason in members(verdict, "/reasons") {
        let (action, rule) = (cell(reason, "/action"), cell(reason, "/rule"));
        writeln!(out, "  {action}: {rule}: {}", cell(reason, "/message"))?;
    }
    print_findings(out, verdict)?;
    for gap in members(verdict, "/coverage/gaps") {
        let (kind, path) = (cell(gap, "/kind"), cell(gap, "/path"));
        writeln!(
            out,
            "  not looked at: {kind} {path}: {}",
            cell(gap, "/detail")
        )?;
    }
    Ok(())
}

fn print_findings(out: &mut impl Write, verdict: &Value) -> Result<(), CommandError> {
    let findings = members(verdict, "/findings");
    if findings.is_empty() {
        return Ok(writeln!(out, "  no findings")?);
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header([
        "SEVERITY",
        "ID",
        "PACKAGE",
        "VERSION",
        "FIX",
        "EXPLOITED",
        "PATH",
    ]);
    for finding in findings {
        table.add_row([
            cell(finding, "/severity"),
            cell(finding, "/id"),
            cell(finding, "/package/name"),
            cell(finding, "/package/version"),
            cell(finding, "/fixed"),
            if finding.pointer("/kev").and_then(Value::as_bool) == Some(true) {
                "yes".into()
            } else {
                "-".to_owned()
            },
            cell(finding, "/package/path"),
        ]);
    }
    Ok(writeln!(out, "{table}")?)
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
