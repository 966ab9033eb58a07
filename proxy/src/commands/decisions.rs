//! `sluicegate decisions list|show|export|verify`: the log of pulls, and who allowed them.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sluicegate_formats::text::{printable, printable_lines};
use sluicegate_local::decisions::{self, LogError, VerifyReport};
use sluicegate_local::record;

use super::CommandError;
use super::query::{
    Column, ExportSource, Format, ListSource, Listing, Pages, QuerySource, Shape, cell, members,
    print_json, query_string,
};

/// What a list shows of a line.
const LISTED: Listing = Listing {
    noun: "lines",
    columns: &[
        Column::text("SEQ", "/seq"),
        Column::of("TIME", "/time", Shape::Time),
        Column::text("TYPE", "/type"),
        Column::text("COUNT", "/count"),
        Column::text("CLIENT", "/client"),
        Column::text("DECISION", "/decision"),
        Column::text("RULE", "/reasons/0/rule"),
        Column::text("REPOSITORY", "/repository"),
        Column::text("TAG", "/tag"),
        Column::of("DIGEST", "/asked", Shape::Digest),
        Column::text("ALLOWED BY", "/allowed_by/0"),
    ],
};

/// What a spreadsheet has of a line.
const EXPORTED: Listing = Listing {
    noun: "lines",
    columns: &[
        Column::text("SEQ", "/seq"),
        Column::of("TIME", "/time", Shape::Time),
        Column::text("TYPE", "/type"),
        Column::text("CLIENT", "/client"),
        Column::text("USER AGENT", "/user_agent"),
        Column::text("PRINCIPAL", "/principal"),
        Column::text("REPOSITORY", "/repository"),
        Column::text("TAG", "/tag"),
        Column::of("ASKED", "/asked", Shape::Digest),
        Column::of("SERVED", "/served", Shape::Digest),
        Column::text("PLATFORM", "/platform"),
        Column::text("DECISION", "/decision"),
        Column::text("POLICY", "/policy"),
        Column::of("POLICIES", "/policies", Shape::Digest),
        Column::text("FEEDS", "/feeds"),
        Column::text("FINGERPRINT", "/fingerprint"),
        Column::of("ALLOWED BY", "/allowed_by", Shape::Texts),
        Column::text("COUNT", "/count"),
        Column::of("PREV", "/prev", Shape::Digest),
        Column::of("HASH", "/hash", Shape::Digest),
        Column::of("RULES", "/reasons", Shape::Made(rules)),
        Column::of("VULNERABILITIES", "/reasons", Shape::Made(vulnerabilities)),
    ],
};

/// The log of pulls and why each was allowed or refused
#[derive(Subcommand, Debug)]
#[command(after_help = "Example: sluicegate decisions list --decision refuse")]
pub enum DecisionsCommand {
    /// Lists lines, newest first
    #[command(after_help = "Examples:\n  \
        sluicegate decisions list --repository docker.io/library/nginx\n  \
        sluicegate decisions list --vulnerability CVE-2021-44228\n  \
        sluicegate decisions list --type denied")]
    List(ListArgs),
    /// Shows one line with the policies that decided, or the policies of a digest
    #[command(after_help = "Examples:\n  \
        sluicegate decisions show 14\n  \
        sluicegate decisions show sha256:f63685c6...")]
    Show(ShowArgs),
    /// Writes all lines as JSON lines or CSV, oldest first
    #[command(after_help = "Examples:\n  \
        sluicegate decisions export > decisions.jsonl\n  \
        sluicegate decisions export --format csv > decisions.csv")]
    Export(ExportArgs),
    /// Checks that no line of the log was changed or removed
    #[command(after_help = "Example: sluicegate decisions verify --data /var/lib/sluicegate")]
    Verify(VerifyArgs),
}

/// Which lines.
#[derive(Args, Debug)]
pub struct Filters {
    /// Only lines of this type
    #[arg(long = "type", value_name = "TYPE",
        value_parser = ["pull", "count", "key", "scanner", "policy", "break-glass", "denied"])]
    kind: Option<String>,
    /// Only this repository, by its canonical name or as it is pulled
    #[arg(long, value_name = "NAME")]
    repository: Option<String>,
    /// Only this manifest digest, asked for or given
    #[arg(long, value_name = "DIGEST")]
    digest: Option<String>,
    /// Only what came out like this
    #[arg(long, value_parser = ["allow", "annotate", "refuse"])]
    decision: Option<String>,
    /// Only this client address
    #[arg(long, value_name = "ADDRESS")]
    client: Option<String>,
    /// Only this access key or user
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    /// Only where this rule spoke
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    /// Only where a rule spoke of this vulnerability, by CVE or other id
    #[arg(long, value_name = "ID")]
    vulnerability: Option<String>,
    /// Written since this instant, day (UTC) or age: 2026-11-28T10:00:00Z, 2026-11-28, 7d
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Written before this instant, day (UTC) or age
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
}

/// The filters of the list.
#[derive(Args, Debug)]
pub struct ListArgs {
    #[command(flatten)]
    source: ListSource,
    #[command(flatten)]
    filters: Filters,
    /// At most this many
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// Continue below this sequence number
    #[arg(long, value_name = "SEQ")]
    after: Option<String>,
}

/// Which line, or which policies.
#[derive(Args, Debug)]
pub struct ShowArgs {
    #[command(flatten)]
    source: QuerySource,
    /// The number of a line, or a digest that a line has under `policies`
    #[arg(value_name = "SEQ|DIGEST")]
    what: String,
}

/// What is written, and how.
#[derive(Args, Debug)]
pub struct ExportArgs {
    #[command(flatten)]
    source: ExportSource,
    #[command(flatten)]
    filters: Filters,
}

/// Which log.
#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// Data directory of the service, running or not
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Runs the command.
pub async fn run(command: DecisionsCommand, out: &mut impl Write) -> Result<(), CommandError> {
    match command {
        DecisionsCommand::List(args) => list(args, out).await,
        DecisionsCommand::Show(args) => show(args, out).await,
        DecisionsCommand::Export(args) => export(args, out).await,
        DecisionsCommand::Verify(args) => verify(&args, out),
    }
}

async fn list(args: ListArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let service = args.source.connect().await?;
    // A page that found nothing within what it may look at goes on by itself.
    let mut pages = Pages::of(
        &service,
        "decisions",
        args.filters.query("newest"),
        args.after,
    );
    let page = pages.gather(args.limit).await?;
    args.source.print.page(out, &LISTED, &page)
}

async fn export(args: ExportArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let filters = args.filters.query("oldest");
    args.source
        .write_all("decisions", filters, &EXPORTED, out)
        .await
}

/// Gives where the log of a data directory lies.
fn log_of(data: &Path) -> Result<PathBuf, CommandError> {
    let directory = data.join("decisions");
    if directory.is_dir() {
        return Ok(directory);
    }
    let what = format!("{} holds no decision log", data.display());
    Err(CommandError::NotFound(what))
}

impl Filters {
    fn query(&self, order: &str) -> String {
        query_string(&[
            ("order", Some(order.to_owned())),
            ("type", self.kind.clone()),
            ("repository", self.repository.clone()),
            ("digest", self.digest.clone()),
            ("decision", self.decision.clone()),
            ("client", self.client.clone()),
            ("principal", self.principal.clone()),
            ("rule", self.rule.clone()),
            ("vulnerability", self.vulnerability.clone()),
            ("since", self.since.clone()),
            ("until", self.until.clone()),
        ])
    }
}

async fn show(args: ShowArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let list = if args.what.contains(':') {
        "policies"
    } else {
        "decisions"
    };
    let shown = args.source.get(&format!("{list}/{}", args.what)).await?;
    if args.source.print.format == Format::Json {
        return print_json(out, &shown);
    }
    let fields = shown.as_object().into_iter().flatten();
    for (name, value) in fields.filter(|(name, _)| *name != "documents") {
        if !value.is_null() && *value != json!([]) {
            writeln!(out, "{name:<11} {}", cell(&shown, &format!("/{name}")))?;
        }
    }
    for document in members(&shown, "/documents") {
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        let [kind, name, file] =
            ["kind", "name", "file"].map(|it| printable(text(it).unwrap_or_default()));
        let text = printable_lines(text("text").unwrap_or_default());
        writeln!(out, "\n# {kind} {name} of {file}\n{text}")?;
    }
    if shown.get("documents").is_some_and(Value::is_null) {
        writeln!(out, "\nThe policies of this line are not kept.")?;
    }
    Ok(())
}

/// Names the rules that spoke.
fn rules(reasons: &Value) -> String {
    let reasons = members(reasons, "").iter();
    let rules = reasons.filter_map(|reason| reason.get("rule")?.as_str());
    rules.collect::<Vec<&str>>().join(" ")
}

/// Names what the rules spoke of, each once.
fn vulnerabilities(reasons: &Value) -> String {
    let mut named: Vec<&str> = Vec::new();
    for reason in members(reasons, "") {
        for id in members(reason, "/findings")
            .iter()
            .filter_map(Value::as_str)
        {
            if !named.contains(&id) {
                named.push(id);
            }
        }
    }
    named.join(" ")
}

fn verify(args: &VerifyArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let log = log_of(&args.data)?;
    let failed = |error: LogError| CommandError::Failed(error.to_string());
    let report = decisions::verify(&log).map_err(failed)?;
    let of_record = record::verify(&log).map_err(failed)?;
    match args.format {
        Format::Json => {
            let mut both = json!(report);
            if let Some(members) = both.as_object_mut() {
                members.insert("record".to_owned(), json!(of_record));
            }
            print_json(out, &both)?;
        }
        Format::Table => {
            print_report(out, "", "the log was changed", &report)?;
            let was_changed = "the record of findings was changed";
            print_report(out, "record of findings: ", was_changed, &of_record)?;
        }
    }
    match (report.is_sound(), of_record.is_sound()) {
        (true, true) => Ok(()),
        (false, _) => Err(CommandError::Failed("the log is damaged".into())),
        (true, false) => Err(CommandError::Failed(
            "the record of findings is damaged".into(),
        )),
    }
}

fn print_report(
    out: &mut impl Write,
    of: &str,
    was_changed: &str,
    report: &VerifyReport,
) -> Result<(), CommandError> {
    writeln!(
        out,
        "{of}{} lines fit, the last is number {}",
        report.lines, report.last_seq
    )?;
    if report.torn_bytes > 0 {
        writeln!(
            out,
            "{of}{} bytes behind the last line: a write in progress",
            report.torn_bytes
        )?;
    }
    for fault in &report.faults {
        let kind = printable(&json!(fault.kind).to_string());
        writeln!(out, "{of}line {}: {kind}", fault.line)?;
    }
    if report.fault_count > 0 {
        let plural = if report.fault_count == 1 {
            "fault"
        } else {
            "faults"
        };
        let count = report.fault_count;
        writeln!(out, "{count} {plural}: {was_changed}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::query::{ListFormat, Rows};
    use super::*;

    #[test]
    fn a_row_lists_what_decided_and_holds_no_formula() {
        let line = json!({"seq": 7, "user_agent": "=HYPERLINK(\"x\",1)\n", "principal": null,
            "allowed_by": ["a", "b"],
            "reasons": [{"rule": "r", "findings": ["CVE-1", "CVE-2"]}, {"rule": "s", "findings": ["CVE-1"]}]});
        let mut out = Vec::new();
        let mut rows = Rows::new(&mut out, &EXPORTED, ListFormat::Csv, false).unwrap();
        rows.write(&[line]).unwrap();
        rows.finish().unwrap();
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
