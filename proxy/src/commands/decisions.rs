//! `sluicegate decisions list|show|export|verify`: the log of pulls, and who allowed them.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::CommandError;
use super::decision_rows::{write_csv, write_json_line, write_titles};
use super::query::{
    Column, Format, ListSource, Listing, Shape, Source, cell, items, members, next, parsed,
    print_json, query_string,
};
use crate::decisions::{self, DecisionFilter, LineKind, Order, PageOf, PolicyTexts, VerifyReport};
use crate::formats::text::{printable, printable_lines};
use crate::moment::Moment;

/// Lines asked for at a time.
const PAGE: usize = 1_000;

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
        value_parser = ["pull", "count", "key", "policy", "break-glass", "denied"])]
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
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// Continue below this sequence number
    #[arg(long, value_name = "SEQ")]
    after: Option<u64>,
}

/// Which line, or which policies.
#[derive(Args, Debug)]
pub struct ShowArgs {
    #[command(flatten)]
    source: Source,
    /// The number of a line, or a digest that a line has under `policies`
    #[arg(value_name = "SEQ|DIGEST")]
    what: String,
}

/// What is written, and how.
#[derive(Args, Debug)]
pub struct ExportArgs {
    /// The service's API: a URL or HOST:PORT [default: $SLUICEGATE_SERVICE, else the local one]
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    service: Option<String>,
    /// Data directory of a stopped service
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t = ExportFormat::Jsonl)]
    format: ExportFormat,
    /// Leaves the titles of CSV out
    #[arg(long)]
    no_header: bool,
    #[command(flatten)]
    filters: Filters,
}

/// How all of the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// One line of the log a line.
    Jsonl,
    /// One row a line.
    Csv,
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
    let source = Source {
        service: args.source.service.clone(),
        data: args.source.data.clone(),
        format: Format::Json,
        no_header: false,
        quiet: true,
    };
    let mut after = args.after.map(|seq| seq.to_string());
    let mut found: Vec<Value> = Vec::new();
    let page = loop {
        let limit = args.limit.max(1).saturating_sub(found.len()).min(PAGE);
        let page = page(&source, &args.filters, "newest", after, limit).await?;
        found.extend_from_slice(items(&page));
        after = next(&page).map(str::to_owned);
        // A page that found nothing within what it may look at goes on by itself.
        if after.is_none() || found.len() >= args.limit.max(1) {
            break json!({"items": found, "next": after});
        }
    };
    args.source.print_page(out, &LISTED, &page)
}

async fn export(args: ExportArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let source = Source {
        service: args.service,
        data: args.data,
        format: Format::Json,
        no_header: args.no_header,
        quiet: true,
    };
    if args.format == ExportFormat::Csv && !args.no_header {
        write_titles(out)?;
    }
    let mut after = None;
    loop {
        let page = page(&source, &args.filters, "oldest", after, PAGE).await?;
        for line in items(&page) {
            match args.format {
                ExportFormat::Jsonl => write_json_line(out, line)?,
                ExportFormat::Csv => write_csv(out, line)?,
            }
        }
        after = next(&page).map(str::to_owned);
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Asks for one page, the service or the log of a directory.
async fn page(
    source: &Source,
    filters: &Filters,
    order: &str,
    after: Option<String>,
    limit: usize,
) -> Result<Value, CommandError> {
    let Some(data) = &source.data else {
        let query = filters.query(order, after, limit);
        return source.get(&format!("decisions?{query}")).await;
    };
    let page = PageOf {
        order: Order::from_name(order).unwrap_or_default(),
        after: parsed(after.as_deref())?,
        limit,
    };
    let filter = filters.parsed()?;
    let page = decisions::read(&log_of(data)?, &filter, page)
        .map_err(|error| CommandError::Failed(error.to_string()))?;
    let next = page.next.map(|seq| seq.to_string());
    Ok(json!({"items": page.items, "next": next}))
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
    fn query(&self, order: &str, after: Option<String>, limit: usize) -> String {
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
            ("limit", Some(limit.to_string())),
            ("after", after),
        ])
    }

    fn parsed(&self) -> Result<DecisionFilter, CommandError> {
        let decision = self.decision.as_deref();
        let decision = decision.map(crate::api::verdicts::parse_decision);
        Ok(DecisionFilter {
            kind: self.kind.as_deref().and_then(LineKind::from_name),
            repository: parsed(self.repository.as_deref())?,
            digests: parsed(self.digest.as_deref())?.into_iter().collect(),
            decision: decision.transpose().map_err(|_| {
                CommandError::Usage("--decision is none of allow, annotate, refuse".into())
            })?,
            client: self.client.clone(),
            principal: self.principal.clone(),
            rule: self.rule.clone(),
            vulnerability: self.vulnerability.clone(),
            since: moment(self.since.as_deref())?,
            until: moment(self.until.as_deref())?,
        })
    }
}

/// Reads when something was, as an instant, a day or an age.
fn moment(text: Option<&str>) -> Result<Option<Timestamp>, CommandError> {
    let moment: Option<Moment> = parsed(text)?;
    Ok(moment.map(|moment| moment.instant(Timestamp::now())))
}

async fn show(args: ShowArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let shown = match &args.source.data {
        Some(data) => shown_from(&log_of(data)?, &args.what)?,
        None if args.what.contains(':') => {
            args.source.get(&format!("policies/{}", args.what)).await?
        }
        None => args.source.get(&format!("decisions/{}", args.what)).await?,
    };
    if args.source.format == Format::Json {
        return print_json(out, &shown);
    }
    let fields = shown.as_object().into_iter().flatten();
    for (name, value) in fields.filter(|(name, _)| *name != "documents") {
        if !value.is_null() && *value != json!([]) {
            writeln!(out, "{name:<11} {}", cell(&shown, &format!("/{name}")))?;
        }
    }
    for document in members(&shown, "/documents") {
        let text = |name| {
            document
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        writeln!(
            out,
            "\n# {} {} of {}\n{}",
            printable(text("kind")),
            printable(text("name")),
            printable(text("file")),
            printable_lines(text("text"))
        )?;
    }
    if shown.get("documents").is_some_and(Value::is_null) {
        writeln!(out, "\nThe policies of this line are not kept.")?;
    }
    Ok(())
}

/// Finds a line with its policies, or policies by their digest, in the log of a directory.
fn shown_from(log: &Path, what: &str) -> Result<Value, CommandError> {
    let failed = |error: &dyn std::fmt::Display| CommandError::Failed(error.to_string());
    let kept = |digest| PolicyTexts::find(log, digest).map_err(|error| failed(&error));
    if what.contains(':') {
        let digest = what
            .parse()
            .map_err(|error| CommandError::Usage(format!("{error}")))?;
        let nothing = || CommandError::NotFound(format!("no policies are kept under {what}"));
        return Ok(json!(kept(&digest)?.ok_or_else(nothing)?));
    }
    let wrong = || CommandError::Usage(format!("{what:?} is no number of a line"));
    let seq = what.parse().map_err(|_| wrong())?;
    let line = decisions::read_line(log, seq).map_err(|error| failed(&error))?;
    let nothing = || CommandError::NotFound(format!("no line has the number {seq}"));
    let line = line.ok_or_else(nothing)?;
    let kept = line.policies.as_ref().map(kept).transpose()?.flatten();
    let mut shown = json!(line);
    if let Some(fields) = shown.as_object_mut() {
        fields.insert(
            "documents".to_owned(),
            json!(kept.map(|kept| kept.documents)),
        );
    }
    Ok(shown)
}

fn verify(args: &VerifyArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let report = decisions::verify(&log_of(&args.data)?)
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
