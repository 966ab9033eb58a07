//! Lines of the log as rows: JSON lines, or CSV for a spreadsheet.

use std::io::Write;

use serde_json::Value;

use super::CommandError;
use super::query::members;
use crate::formats::json::compact;
use crate::formats::text::printable;

/// The columns of CSV: their names, and where a line has them.
const COLUMNS: [(&str, &str); 20] = [
    ("seq", "/seq"),
    ("time", "/time"),
    ("type", "/type"),
    ("client", "/client"),
    ("user_agent", "/user_agent"),
    ("principal", "/principal"),
    ("repository", "/repository"),
    ("tag", "/tag"),
    ("asked", "/asked"),
    ("served", "/served"),
    ("platform", "/platform"),
    ("decision", "/decision"),
    ("policy", "/policy"),
    ("policies", "/policies"),
    ("feeds", "/feeds"),
    ("fingerprint", "/fingerprint"),
    ("allowed_by", "/allowed_by"),
    ("count", "/count"),
    ("prev", "/prev"),
    ("hash", "/hash"),
];

/// Writes the titles of CSV.
pub fn write_titles(out: &mut impl Write) -> Result<(), CommandError> {
    let names = COLUMNS.map(|(name, _)| name).join(",");
    Ok(writeln!(out, "{names},rules,vulnerabilities")?)
}

/// Writes a line as a row of CSV.
pub fn write_csv(out: &mut impl Write, line: &Value) -> Result<(), CommandError> {
    let texts = COLUMNS.iter().map(|(_, place)| text(line, place));
    let reasons = members(line, "/reasons");
    let rules = reasons.iter().map(|reason| text(reason, "/rule"));
    let mut ids: Vec<String> = Vec::new();
    for id in reasons
        .iter()
        .flat_map(|reason| members(reason, "/findings"))
    {
        let id = text(id, "");
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    let named = [rules.collect::<Vec<_>>().join(" "), ids.join(" ")];
    let fields: Vec<String> = texts.chain(named).map(|text| field(&text)).collect();
    Ok(writeln!(out, "{}", fields.join(","))?)
}

/// Writes a line as JSON on one line, which acts on no terminal.
pub fn write_json_line(out: &mut impl Write, line: &Value) -> Result<(), CommandError> {
    let mut bytes = compact(line).map_err(std::io::Error::from)?;
    bytes.push(b'\n');
    Ok(out.write_all(&bytes)?)
}

/// Gives a value as text: nothing for nothing, lists with spaces between.
fn text(value: &Value, place: &str) -> String {
    match value.pointer(place) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => printable(text),
        Some(Value::Array(items)) => {
            let items: Vec<String> = items.iter().map(|item| text(item, "")).collect();
            items.join(" ")
        }
        Some(other) => printable(&other.to_string()),
    }
}

/// Makes a text a field. One that a spreadsheet would take for a formula is made harmless: clients
/// choose what they are called. Source: RFC 4180; OWASP, "CSV Injection".
fn field(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@']);
    let guard = if is_formula { "'" } else { "" };
    if text.contains([',', '"', '\n', '\r']) {
        return format!("\"{guard}{}\"", text.replace('"', "\"\""));
    }
    format!("{guard}{text}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_is_quoted_lists_what_decided_and_holds_no_formula() {
        let line = json!({"seq": 7, "user_agent": "=HYPERLINK(\"x\",1)\n", "principal": null,
            "allowed_by": ["a", "b"],
            "reasons": [{"rule": "r", "findings": ["CVE-1", "CVE-2"]}, {"rule": "s", "findings": ["CVE-1"]}]});
        let mut out = Vec::new();
        write_titles(&mut out).unwrap();
        write_csv(&mut out, &line).unwrap();
        let text = String::from_utf8(out).unwrap();
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(rows.len(), 2, "{text}");
        assert!(
            rows[0].starts_with("seq,time,type,") && rows[0].ends_with(",rules,vulnerabilities")
        );
        assert!(
            rows[1].starts_with("7,,,,\"'=HYPERLINK(\"\"x\"\",1)"),
            "{text}"
        );
        assert!(rows[1].ends_with(",r s,CVE-1 CVE-2"), "{text}");
        assert!(rows[1].contains(",a b,"), "{text}");
    }
}
