//! `sluicegate decisions list|verify`: the log of pulls.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde_json::{Value, json};

use super::CommandError;
use super::query::{Format, Source, cell, items, next, parsed, print_json, query_string};
use crate::decisions::{self, DecisionFilter, VerifyReport};
use crate::formats::text::printable;

/// The log of pulls and why each was allowed or refused
#[derive(Subcommand, Debug)]
#[command(after_help = "Example: sluicegate decisions list --decision refuse")]
pub enum DecisionsCommand {
    /// Lists pulls, newest first
    #[command(
        after_help = "Example: sluicegate decisions list --repository docker.io/library/nginx"
    )]
    List(ListArgs),
    /// Checks that no line of the log was changed or removed
    #[command(after_help = "Example: sluicegate decisions verify --data /var/lib/sluicegate")]
    Verify(VerifyArgs),
}

/// The filters of the list.
#[derive(Args, Debug)]
pub struct ListArgs {
    #[command(flatten)]
    source: Source,
    /// Only this repository, in full: upstream/path
    #[arg(long)]
    repository: Option<String>,
    /// Only this manifest digest
    #[arg(long)]
    digest: Option<String>,
    /// Only allow, annotate or refuse
    #[arg(long)]
    decision: Option<String>,
    /// Only this client address
    #[arg(long)]
    client: Option<String>,
    /// At or after this time (RFC 3339)
    #[arg(long)]
    since: Option<String>,
    /// Before this time (RFC 3339)
    #[arg(long)]
    until: Option<String>,
    /// At most this many
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// Continue below this sequence number
    #[arg(long)]
    after: Option<u64>,
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
        DecisionsCommand::Verify(args) => verify(&args, out),
    }
}

async fn list(args: ListArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let page = match &args.source.data {
        Some(data) => list_from(data, &args)?,
        None => {
            args.source
                .get(&format!("decisions?{}", list_query(&args)))
                .await?
        }
    };
    if args.source.format == Format::Json {
        return print_json(out, &page);
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header([
        "SEQ",
        "TIME",
        "CLIENT",
        "DECISION",
        "RULE",
        "REPOSITORY",
        "TAG",
        "DIGEST",
    ]);
    for line in items(&page) {
        let columns = [
            "/seq",
            "/time",
            "/client",
            "/decision",
            "/rule",
            "/repository",
            "/tag",
            "/digest",
        ];
        table.add_row(columns.map(|column| cell(line, column)));
    }
    writeln!(out, "{table}")?;
    if let Some(next) = next(&page) {
        writeln!(out, "more: --after {}", printable(next))?;
    }
    Ok(())
}

fn list_query(args: &ListArgs) -> String {
    query_string(&[
        ("repository", args.repository.clone()),
        ("digest", args.digest.clone()),
        ("decision", args.decision.clone()),
        ("client", args.client.clone()),
        ("since", args.since.clone()),
        ("until", args.until.clone()),
        ("limit", Some(args.limit.to_string())),
        ("after", args.after.map(|seq| seq.to_string())),
    ])
}

fn list_from(data: &std::path::Path, args: &ListArgs) -> Result<Value, CommandError> {
    let decision = args
        .decision
        .as_deref()
        .map(crate::api::verdicts::parse_decision);
    let filter = DecisionFilter {
        repository: parsed(args.repository.as_deref())?,
        digest: parsed(args.digest.as_deref())?,
        decision: decision.transpose().map_err(|_| {
            CommandError::Usage("--decision is none of allow, annotate, refuse".into())
        })?,
        client: args.client.clone(),
        since: parsed(args.since.as_deref())?,
        until: parsed(args.until.as_deref())?,
    };
    let page = decisions::read(&data.join("decisions"), &filter, args.after, args.limit)
        .map_err(|error| CommandError::Failed(error.to_string()))?;
    Ok(json!({"items": page.items, "next": page.next.map(|seq| seq.to_string())}))
}

fn verify(args: &VerifyArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let report = decisions::verify(&args.data.join("decisions"))
        .map_err(|error| CommandError::Failed(error.to_string()))?;
    match args.format {
        Format::Json => print_json(out, &json!(report))?,
        Format::Table => print_report(out, &report)?,
    }
    if report.is_sound() {
        Ok(())
    } else {
        Err(CommandError::Failed("the log is damaged".into()))
    }
}

fn print_report(out: &mut impl Write, report: &VerifyReport) -> Result<(), CommandError> {
    writeln!(
        out,
        "{} lines fit, the last is number {}",
        report.lines, report.last_seq
    )?;
    if report.torn_bytes > 0 {
        writeln!(
            out,
            "{} bytes behind the last line: a write in progress",
            report.torn_bytes
        )?;
    }
    for fault in &report.faults {
        let kind = printable(&json!(fault.kind).to_string());
        writeln!(out, "line {}: {kind}", fault.line)?;
    }
    if report.fault_count > 0 {
        let plural = if report.fault_count == 1 {
            "fault"
        } else {
            "faults"
        };
        let count = report.fault_count;
        writeln!(out, "{count} {plural}: the log was changed")?;
    }
    Ok(())
}
