//! `sluicegate exceptions list`: who answers for which finding, and what ends when.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::Value;
use sluicegate_model::access::Reach;
use sluicegate_policy::PolicySet;

use super::CommandError;
use super::feed_status::worded;
use super::query::{Column, Listing, PrintList, ServiceFlags, Shape, query_string};
use crate::api::exceptions::{ExceptionFilter, shown};
use crate::moment::Moment;
use crate::policies;

const LISTED: Listing = Listing {
    noun: "exceptions",
    columns: &[
        Column::text("NAME", "/name"),
        Column::text("FINDING", "/id"),
        Column::text("STATE", "/state"),
        Column::of("ENDS", "/expires_at", Shape::Time),
        Column::of("LEFT", "/seconds_left", Shape::Made(left)),
        Column::of("PACKAGES", "/purls", Shape::Texts),
        Column::of("IMAGES", "/images", Shape::Texts),
        Column::text("AUTHOR", "/author"),
        Column::text("TICKET", "/ticket"),
        Column::text("STATEMENT", "/statement"),
        Column::text("FILE", "/file"),
    ],
};

/// Who answers for what, until when
#[derive(Subcommand, Debug)]
#[command(after_help = "Example: sluicegate exceptions list --ending 30d")]
pub enum ExceptionsCommand {
    /// Lists the exceptions of the policies in force, the ones that end first at the beginning
    #[command(after_help = "Examples:\n  \
        sluicegate exceptions list --ending 30d\n  \
        sluicegate exceptions list --repository library/php --format csv\n  \
        sluicegate exceptions list --policy ./policies")]
    List(ListArgs),
}

/// Which exceptions.
#[derive(Args, Debug)]
pub struct ListArgs {
    #[command(flatten)]
    service: ServiceFlags,
    /// Reads these policy files and directories instead of asking a service (repeatable)
    #[arg(long, value_name = "PATH", conflicts_with = "service")]
    policy: Vec<PathBuf>,
    /// Only those in force that end before this instant or day (UTC), or within this time: 30d
    #[arg(long, value_name = "WHEN")]
    ending: Option<Moment>,
    /// Only those that hold in this repository, by its canonical name or as it is pulled
    #[arg(long, value_name = "NAME")]
    repository: Option<String>,
    #[command(flatten)]
    print: PrintList,
}

/// Runs the command.
pub async fn run(command: ExceptionsCommand, out: &mut impl Write) -> Result<(), CommandError> {
    let ExceptionsCommand::List(args) = command;
    let page = if args.policy.is_empty() {
        of_service(&args).await?
    } else {
        of_files(&args)?
    };
    args.print.page(out, &LISTED, &page)
}

async fn of_service(args: &ListArgs) -> Result<Value, CommandError> {
    let service = args.service.running().await?;
    let before = |ending| ExceptionFilter::ends_before(ending, Timestamp::now()).to_string();
    let query = query_string(&[
        ("ending", args.ending.map(before)),
        ("repository", args.repository.clone()),
    ]);
    service.get(&format!("exceptions?{query}")).await
}

fn of_files(args: &ListArgs) -> Result<Value, CommandError> {
    let usage = |error: &dyn std::fmt::Display| CommandError::Usage(error.to_string());
    let read = policies::read_all(&args.policy).map_err(|error| usage(&error))?;
    let now = Timestamp::now();
    // A file with a mistake has no exceptions that anybody could rely on.
    PolicySet::load(&read.sources(now)).map_err(|errors| usage(&errors))?;
    let files = read.files;
    let repository = args.repository.as_deref().map(super::query::named_here);
    let filter = ExceptionFilter {
        ending: args.ending.map(|it| ExceptionFilter::ends_before(it, now)),
        repository: repository.transpose()?,
        reach: Reach::EVERYTHING,
    };
    Ok(shown(&sluicegate_policy::exceptions(&files), &filter, now))
}

/// Words the time that is left.
fn left(seconds: &Value) -> String {
    worded(Some(seconds))
}
