//! `sluicegate verdicts list|show`: cached verdicts.

use std::io::Write;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sluicegate_model::Digest;

use super::CommandError;
use super::finding_flags::FindingFlags;
use super::query::{Format, Source, cell, items, members, next, parsed, print_json, query_string};
use crate::cache::ContentStore;
use crate::formats::appearance::Appearance;
use crate::formats::grid::{Cell, Grid};
use crate::formats::text::printable;
use crate::verdicts::{Records, SledStore, StoreError, VerdictFilter};

/// Capacity given to a content store that is only read.
const READ_ONLY_CAPACITY: u64 = u64::MAX;
/// Memory for records, in bytes, while listing.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// Cached verdicts
#[derive(Subcommand, Debug)]
#[command(
    after_help = "Example: sluicegate verdicts list --decision refuse --vulnerability CVE-2021-44228"
)]
pub enum VerdictsCommand {
    /// Lists verdicts, newest first
    #[command(
        after_help = "Example: sluicegate verdicts list --repository docker.io/library/nginx"
    )]
    List(ListArgs),
    /// Shows one verdict in full
    #[command(after_help = "Example: sluicegate verdicts show sha256:4f06b3... --format json")]
    Show(ShowArgs),
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
    /// Only images with this finding, by CVE or other id
    #[arg(long)]
    vulnerability: Option<String>,
    /// Only images with a finding in this package
    #[arg(long)]
    package: Option<String>,
    /// Decided at or after this time (RFC 3339)
    #[arg(long)]
    since: Option<String>,
    /// Decided before this time (RFC 3339)
    #[arg(long)]
    until: Option<String>,
    /// At most this many
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// Continue after this cursor
    #[arg(long)]
    after: Option<String>,
}

/// Which verdict.
#[derive(Args, Debug)]
pub struct ShowArgs {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    findings: FindingFlags,
    /// The manifest's digest
    digest: String,
    /// The repository, where the image was pulled from several
    #[arg(long)]
    repository: Option<String>,
}

/// Runs the command.
pub async fn run(command: VerdictsCommand, out: &mut impl Write) -> Result<(), CommandError> {
    match command {
        VerdictsCommand::List(args) => list(args, out).await,
        VerdictsCommand::Show(args) => show(args, out).await,
    }
}

async fn list(args: ListArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let page = match &args.source.data {
        Some(data) => list_from(&open(data)?, &args).await?,
        None => {
            args.source
                .get(&format!("verdicts?{}", list_query(&args)))
                .await?
        }
    };
    if args.source.format == Format::Json {
        return print_json(out, &page);
    }
    print_list(out, &page)
}

/// Prints a page of the list for a person.
fn print_list(out: &mut impl Write, page: &Value) -> Result<(), CommandError> {
    let mut grid = Grid::new([
        "DECISION",
        "REPOSITORY",
        "TAGS",
        "DIGEST",
        "FINDINGS",
        "WORST",
        "COVERAGE",
        "DECIDED",
    ]);
    for verdict in items(page) {
        let tags: Vec<&str> = members(verdict, "/tags")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let decision = match verdict.pointer("/would_refuse").and_then(Value::as_bool) {
            Some(true) => format!("{}, would refuse", cell(verdict, "/decision")),
            _ => cell(verdict, "/decision"),
        };
        let worst = match verdict.pointer("/worst/id") {
            Some(_) => format!(
                "{} {}",
                cell(verdict, "/worst/severity"),
                cell(verdict, "/worst/id")
            ),
            None => "-".to_owned(),
        };
        grid.row([
            Cell::text(decision),
            Cell::text(cell(verdict, "/repository")),
            Cell::text(tags.join(",")),
            Cell::digest(cell(verdict, "/digest")),
            Cell::text(cell(verdict, "/counts/findings")),
            Cell::text(worst),
            Cell::text(cell(verdict, "/coverage/status")),
            Cell::time(cell(verdict, "/provenance/decided_at")),
        ]);
    }
    grid.write(Appearance::of_standard_output(), out)?;
    if let Some(next) = next(page) {
        writeln!(out, "more: --after {}", printable(next))?;
    }
    Ok(())
}

fn list_query(args: &ListArgs) -> String {
    query_string(&[
        ("repository", args.repository.clone()),
        ("digest", args.digest.clone()),
        ("decision", args.decision.clone()),
        ("vulnerability", args.vulnerability.clone()),
        ("package", args.package.clone()),
        ("since", args.since.clone()),
        ("until", args.until.clone()),
        ("limit", Some(args.limit.to_string())),
        ("after", args.after.clone()),
    ])
}

async fn list_from(records: &Records, args: &ListArgs) -> Result<Value, CommandError> {
    let decision = args
        .decision
        .as_deref()
        .map(crate::api::verdicts::parse_decision);
    let filter = VerdictFilter {
        repository: parsed(args.repository.as_deref())?,
        digest: parsed(args.digest.as_deref())?,
        decision: decision.transpose().map_err(|_| {
            CommandError::Usage("--decision is none of allow, annotate, refuse".into())
        })?,
        vulnerability: args.vulnerability.clone(),
        package: args.package.clone(),
        would_refuse: None,
        since: parsed(args.since.as_deref())?,
        until: parsed(args.until.as_deref())?,
    };
    let page = records
        .list_summaries(&filter, args.limit, args.after.as_deref())
        .await;
    let page = page.map_err(|error| CommandError::Failed(error.to_string()))?;
    Ok(json!({"items": page.items, "next": page.next}))
}

async fn show(args: ShowArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let digest: Digest = args
        .digest
        .parse()
        .map_err(|error| CommandError::Usage(format!("{error}")))?;
    let verdict = if let Some(data) = &args.source.data {
        show_from(&open(data)?, &digest, args.repository.as_deref()).await?
    } else {
        let query = query_string(&[("repository", args.repository.clone())]);
        args.source
            .get(&format!("verdicts/{digest}?{query}"))
            .await?
    };
    let view = args.findings.view();
    if args.source.format == Format::Json {
        return print_json(out, &super::verdict_table::seen(verdict, &view));
    }
    super::verdict_table::print(out, &verdict, &view)
}

async fn show_from(
    records: &Records,
    digest: &Digest,
    repository: Option<&str>,
) -> Result<Value, CommandError> {
    let failed = |error: StoreError| CommandError::Failed(error.to_string());
    let mut verdicts = records.verdicts_of(digest).await.map_err(failed)?;
    verdicts.sort_by_key(|verdict| std::cmp::Reverse(verdict.provenance.decided_at));
    let wanted = |name: &String| repository.is_none_or(|wanted| wanted == name);
    let found = verdicts
        .into_iter()
        .find(|verdict| wanted(&verdict.repository.to_string()));
    let found = found.ok_or_else(|| CommandError::NotFound("no verdict on this digest".into()))?;
    serde_json::to_value(found).map_err(|error| CommandError::Failed(error.to_string()))
}

/// Opens the verdicts of a stopped service.
fn open(data: &std::path::Path) -> Result<Records, CommandError> {
    let (store, _opened) =
        SledStore::open(&data.join("verdicts"), CACHE_BYTES).map_err(|error| match error {
            StoreError::Open { why, .. } if why.contains("lock") => {
                CommandError::InUse(data.to_owned())
            }
            other => CommandError::Failed(other.to_string()),
        })?;
    let content = ContentStore::open(&data.join("content"), READ_ONLY_CAPACITY)
        .map_err(|error| CommandError::Failed(error.to_string()))?;
    Ok(Records::new(Arc::new(store), content))
}
