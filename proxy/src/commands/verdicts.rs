//! `sluicegate verdicts list|show|export`: cached verdicts.

use std::io::Write;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sluicegate_formats::text::{counted, printable};
use sluicegate_model::Digest;

use super::CommandError;
use super::finding_flags::FindingFlags;
use super::query::{
    AdminFlags, Column, Format, ListSource, Listing, Pages, Print, QuerySource, Shape, cell,
    print_json, query_string,
};
use super::verdicts_export::ExportArgs;

/// What a list shows of a verdict.
const LISTED: Listing = Listing {
    noun: "verdicts",
    columns: &[
        Column::of("DECISION", "", Shape::Made(decision)),
        Column::text("REPOSITORY", "/repository"),
        Column::of("TAGS", "/tags", Shape::Texts),
        Column::of("DIGEST", "/digest", Shape::Digest),
        Column::text("FINDINGS", "/counts/findings"),
        Column::of("WORST", "/worst", Shape::Made(worst)),
        Column::text("COVERAGE", "/coverage/status"),
        Column::of("DECIDED", "/provenance/decided_at", Shape::Time),
        Column::text("REPORTED BY", "/reported_by"),
    ],
};

/// Cached verdicts
#[derive(Subcommand, Debug)]
#[command(
    after_help = "Example: sluicegate verdicts list --decision refuse --vulnerability CVE-2021-44228"
)]
pub enum VerdictsCommand {
    /// Lists verdicts, newest first
    #[command(after_help = "Examples:\n  \
        sluicegate verdicts list --repository library/nginx --since 7d\n  \
        sluicegate verdicts list --would-refuse --format csv\n  \
        sluicegate verdicts list --package log4j-core")]
    List(ListArgs),
    /// Shows one verdict in full
    #[command(after_help = "Example: sluicegate verdicts show sha256:4f06b3... --format json")]
    Show(ShowArgs),
    /// Writes all verdicts, their findings or their packages: as lines, CSV or one document
    #[command(after_help = super::verdicts_export::HELP)]
    Export(ExportArgs),
    /// Forgets what somebody reported, with all verdicts on it
    #[command(after_help = "Examples:\n  \
        sluicegate keys revoke ci && sluicegate verdicts withdraw --reported-by key:ci\n  \
        sluicegate verdicts withdraw --reported-by key:ci --repository team/app\n\n\
        For a key that was not in the hands of whom it was made for. No pull ever rested on what it\n\
        said; after this no list does.")]
    Withdraw(WithdrawArgs),
}

/// Which verdicts.
#[derive(Args, Debug)]
pub struct Filters {
    /// Only this repository, by its canonical name or as it is pulled
    #[arg(long, value_name = "NAME")]
    repository: Option<String>,
    /// Only this manifest digest
    #[arg(long, value_name = "DIGEST")]
    digest: Option<String>,
    /// Only those that came out like this
    #[arg(long, value_parser = ["allow", "annotate", "refuse"])]
    decision: Option<String>,
    /// Only those that a rule asked to refuse and the policy's mode let through
    #[arg(long)]
    would_refuse: bool,
    /// Only images with this finding, by CVE or other id
    #[arg(long, value_name = "ID")]
    vulnerability: Option<String>,
    /// Only images with a finding in this package: its name, its source's, or a Maven artifact's
    #[arg(long, value_name = "NAME")]
    package: Option<String>,
    /// Only on what this reporter or scanner says, such as key:ci; * for all that was not looked at by
    /// the service itself
    #[arg(long, value_name = "WHO")]
    reported_by: Option<String>,
    /// Decided since this instant, day (UTC) or age: 2026-11-28T10:00:00Z, 2026-11-28, 7d
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Decided before this instant, day (UTC) or age
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
    /// Continue after this cursor
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
}

/// Which verdict.
#[derive(Args, Debug)]
pub struct ShowArgs {
    #[command(flatten)]
    source: QuerySource,
    #[command(flatten)]
    findings: FindingFlags,
    /// The manifest's digest
    digest: String,
    /// The repository, where the image was pulled from several
    #[arg(long, value_name = "NAME")]
    repository: Option<String>,
    /// The verdict on what this reporter or scanner says, such as key:ci
    #[arg(long, value_name = "WHO")]
    reported_by: Option<String>,
}

/// Whose reports are taken back.
#[derive(Args, Debug)]
pub struct WithdrawArgs {
    /// Who said it, as lists of verdicts name it, such as key:ci
    #[arg(long, value_name = "WHO")]
    reported_by: String,
    /// Only of this repository
    #[arg(long, value_name = "NAME")]
    repository: Option<String>,
    #[command(flatten)]
    place: AdminFlags,
    #[command(flatten)]
    print: Print,
}

/// Runs the command.
pub async fn run(command: VerdictsCommand, out: &mut impl Write) -> Result<(), CommandError> {
    match command {
        VerdictsCommand::List(args) => list(args, out).await,
        VerdictsCommand::Show(args) => show(args, out).await,
        VerdictsCommand::Export(args) => super::verdicts_export::run(args, out).await,
        VerdictsCommand::Withdraw(args) => withdraw(args, out).await,
    }
}

async fn list(args: ListArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let service = args.source.connect().await?;
    let mut pages = Pages::of(&service, "verdicts", args.filters.query(), args.after);
    let page = pages.gather(args.limit).await?;
    args.source.print.page(out, &LISTED, &page)
}

async fn withdraw(args: WithdrawArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let service = args.place.connect().await?;
    let asked = json!({"reported_by": args.reported_by, "repository": args.repository});
    let answer = service.post("reports/withdraw", &asked).await?;
    if args.print.format == Format::Json {
        return print_json(out, &answer);
    }
    let verdicts = answer.get("verdicts").and_then(Value::as_u64);
    let verdicts = usize::try_from(verdicts.unwrap_or(0)).unwrap_or(usize::MAX);
    let (who, forgotten) = (printable(&args.reported_by), counted(verdicts, "verdict"));
    Ok(writeln!(
        out,
        "forgotten: {forgotten} on what {who} reported"
    )?)
}

impl Filters {
    /// Writes them as the API takes them.
    pub(super) fn query(&self) -> String {
        query_string(&[
            ("repository", self.repository.clone()),
            ("digest", self.digest.clone()),
            ("decision", self.decision.clone()),
            ("would_refuse", self.would_refuse.then(|| "true".to_owned())),
            ("vulnerability", self.vulnerability.clone()),
            ("package", self.package.clone()),
            ("reported_by", self.reported_by.clone()),
            ("since", self.since.clone()),
            ("until", self.until.clone()),
        ])
    }
}

async fn show(args: ShowArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let digest: Digest = args.digest.parse().map_err(|error| {
        CommandError::Usage(format!(
            "{error}; \"verdicts list --repository NAME\" lists the digests of a repository"
        ))
    })?;
    let query = query_string(&[
        ("repository", args.repository.clone()),
        ("reported_by", args.reported_by.clone()),
    ]);
    let verdict = args
        .source
        .get(&format!("verdicts/{digest}?{query}"))
        .await?;
    let view = args.findings.view();
    if args.source.print.format == Format::Json {
        return print_json(out, &super::verdict_table::seen(verdict, &view));
    }
    super::verdict_table::print(out, &verdict, &view)
}

/// Says what came out, and where a rule asked for more than the policy's mode carried out.
fn decision(verdict: &Value) -> String {
    let decision = cell(verdict, "/decision");
    match verdict.get("would_refuse").and_then(Value::as_bool) {
        Some(true) => format!("{decision}, would refuse"),
        _ => decision,
    }
}

/// Says how bad the worst finding is, and which it is.
fn worst(worst: &Value) -> String {
    match worst {
        Value::Null => "-".to_owned(),
        worst => format!("{} {}", cell(worst, "/severity"), cell(worst, "/id")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_says_what_came_out_and_what_is_worst() {
        let verdict = json!({"decision": "allow", "would_refuse": true,
            "worst": {"id": "CVE-1", "severity": "high"}});
        assert_eq!(decision(&verdict), "allow, would refuse");
        assert_eq!(
            decision(&json!({"decision": "allow", "would_refuse": false})),
            "allow"
        );
        assert_eq!(worst(&verdict["worst"]), "high CVE-1");
        assert_eq!(worst(&Value::Null), "-");
    }
}
