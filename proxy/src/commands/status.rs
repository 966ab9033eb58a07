//! `sluicegate status`: how a service stands, as an operator asks first.

use std::io::Write;

use clap::Args;
use serde_json::Value;

use super::CommandError;
use super::feed_status::worded;
use super::query::{Format, Print, ServiceFlags, cell, members, print_json, write_rows};

/// Which service, and how to print.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    sluicegate status\n  \
    sluicegate status --service gate.example:5080 --format json\n\n\
    \"sluicegate feeds status\" has the feeds in detail.")]
pub struct StatusArgs {
    #[command(flatten)]
    service: ServiceFlags,
    #[command(flatten)]
    print: Print,
}

/// Runs the command.
pub async fn run(args: StatusArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let service = args.service.running().await?;
    let status = service.get("status").await?;
    if args.print.format == Format::Json {
        return print_json(out, &status);
    }
    print(&status, args.print.no_header, out)
}

fn print(status: &Value, no_header: bool, out: &mut impl Write) -> Result<(), CommandError> {
    let mut lines = vec![
        ("version", cell(status, "/version")),
        ("scanner", cell(status, "/scanner")),
        ("gate", cell(status, "/gate")),
        ("store", cell(status, "/store")),
        ("cache", cache(status)),
        ("policy", policy(status)),
        ("feeds", feeds(status)),
        ("judged anew", rejudged(status)),
        ("events", events(status)),
    ];
    // What is wrong is a line of its own, so that nobody has to look for it.
    for (name, at) in [
        ("policy error", "/policy/error"),
        ("plugin problem", "/plugins/problem"),
        ("feed problem", "/feeds/problem"),
        ("rejudge problem", "/rejudge/problem"),
    ] {
        if status.pointer(at).is_some_and(|problem| !problem.is_null()) {
            lines.push((name, cell(status, at)));
        }
    }
    lines.extend(receivers(status));
    for at in ["/warnings", "/policy/warnings"] {
        let warnings = members(status, at).iter();
        lines.extend(warnings.map(|warning| ("warning", cell(warning, ""))));
    }
    let fed = members(status, "/plugins/fed").iter();
    lines.extend(fed.map(|it| {
        (
            "plugin",
            format!("{} {}", cell(it, "/name"), cell(it, "/version")),
        )
    }));
    let let_through = members(status, "/break_glass").iter();
    lines.extend(let_through.map(|it| ("break-glass", broken(it))));
    let insecure = members(status, "/insecure").iter();
    lines.extend(insecure.map(|setting| ("insecure", cell(setting, ""))));
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, text) in lines {
        writeln!(out, "{name:width$}  {text}")?;
    }
    let pulls = members(status, "/pulls");
    if pulls.is_empty() {
        return Ok(writeln!(out, "\nno pull is under way")?);
    }
    writeln!(out)?;
    let titles = ["PULL", "DIGEST", "DONE", "EXPECTED", "SECONDS"];
    let row = |pull: &Value| {
        let columns = [
            "/repository",
            "/digest",
            "/bytes_done",
            "/bytes_expected",
            "/seconds",
        ];
        columns.map(|column| cell(pull, column))
    };
    write_rows(out, &titles, no_header, pulls.iter().map(row))
}

/// Says which receivers of events and of the log have not got all.
fn receivers(status: &Value) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    for webhook in members(status, "/webhooks") {
        if webhook.get("problem").is_some_and(Value::is_string) {
            let (name, problem) = (cell(webhook, "/name"), cell(webhook, "/problem"));
            lines.push(("webhook problem", format!("{name}: {problem}")));
        }
    }
    for sink in members(status, "/decision_log_to") {
        let of = |name: &str| cell(sink, &format!("/{name}"));
        let (to, behind) = (of("to"), of("behind"));
        lines.push(("log sent to", format!("{to}: {behind} lines behind")));
        if sink.get("problem").is_some_and(Value::is_string) {
            lines.push(("log problem", format!("{to}: {}", of("problem"))));
        }
    }
    lines
}

fn cache(status: &Value) -> String {
    let bytes = |at: &str| status.pointer(at).and_then(Value::as_u64).unwrap_or(0);
    let (used, capacity) = (bytes("/cache/bytes"), bytes("/cache/capacity_bytes"));
    format!(
        "{} of {}",
        indicatif::BinaryBytes(used),
        indicatif::BinaryBytes(capacity)
    )
}

fn policy(status: &Value) -> String {
    let names: Vec<String> = members(status, "/policy/names")
        .iter()
        .map(|name| cell(name, ""))
        .collect();
    format!("{} ({})", names.join(", "), cell(status, "/policy/digest"))
}

fn feeds(status: &Value) -> String {
    if status.pointer("/feeds/loaded").and_then(Value::as_bool) != Some(true) {
        return "not loaded yet".to_owned();
    }
    let ecosystems = members(status, "/feeds/ecosystems");
    let records: u64 = ecosystems
        .iter()
        .filter_map(|it| it.get("records")?.as_u64())
        .sum();
    let confirmed = worded(status.pointer("/feeds/age_seconds"));
    match ecosystems.len() {
        0 => "none".to_owned(),
        count => format!("{records} records in {count} ecosystems, confirmed {confirmed} ago"),
    }
}

/// Says what is let through against what policy says, until when, and who did it.
fn broken(waiver: &Value) -> String {
    let of = |at: &str| cell(waiver, at);
    let (repository, digest, until) = (of("/repository"), of("/digest"), of("/until"));
    let (by, reason) = (of("/by"), of("/reason"));
    format!("{repository}@{digest} until {until} by {by}: {reason}")
}

fn rejudged(status: &Value) -> String {
    let number = |name: &str| cell(status, &format!("/rejudge/{name}"));
    let state = match status.pointer("/rejudge/running").and_then(Value::as_bool) {
        Some(true) => "running",
        _ => "idle",
    };
    let (done, total, skipped) = (number("done"), number("total"), number("skipped"));
    format!("{state}: {done} of {total}, {skipped} skipped")
}

fn events(status: &Value) -> String {
    let webhooks = members(status, "/webhooks").iter();
    let sent: Vec<String> = webhooks.map(sent).collect();
    if sent.is_empty() {
        return "kept here, sent nowhere".to_owned();
    }
    format!("sent to {}", sent.join("; "))
}

fn sent(webhook: &Value) -> String {
    let of = |name: &str| cell(webhook, &format!("/{name}"));
    let (target, waiting, delivered) = (of("target"), of("waiting"), of("delivered"));
    format!("{target}: {delivered} delivered, {waiting} waiting")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_has_a_line_of_its_own() {
        let status = json!({
            "version": "1", "gate": "hold", "store": "redb", "pulls": [],
            "cache": {"bytes": 1_048_576, "capacity_bytes": 2_097_152},
            "policy": {"names": ["a", "b"], "digest": "sha256:1", "error": "p.yaml:1:1: no"},
            "feeds": {"loaded": true, "age_seconds": 61, "problem": null,
                "ecosystems": [{"records": 2}, {"records": 3}]},
            "rejudge": {"running": false, "done": 4, "total": 4, "skipped": 1},
            "break_glass": [{"repository": "r.test/a", "digest": "sha256:2", "by": "ops",
                "reason": "the site is down", "until": "2026-06-01T04:00:00Z"}],
            "webhooks": [{"name": "soc", "target": "https://h.test", "waiting": 2, "delivered": 7,
                "problem": null}], "insecure": ["x is open\u{1b}[2J"],
        });
        let mut out = Vec::new();
        print(&status, false, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        for line in [
            "store         redb\n",
            "cache         1.00 MiB of 2.00 MiB\n",
            "policy        a, b (sha256:1)\n",
            "feeds         5 records in 2 ecosystems, confirmed 1m ago\n",
            "judged anew   idle: 4 of 4, 1 skipped\n",
            "events        sent to https://h.test: 7 delivered, 2 waiting\n",
            "policy error  p.yaml:1:1: no\n",
            "break-glass   r.test/a@sha256:2 until 2026-06-01T04:00:00Z by ops: the site is down\n",
            "insecure      x is open\\u{1b}[2J\n",
            "no pull is under way\n",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("feed problem"), "{text}");
    }
}
