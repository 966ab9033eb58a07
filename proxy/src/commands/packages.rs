//! `sluicegate packages NAME`: which judged images hold a package.

use std::io::Write;

use clap::Args;
use serde_json::Value;

use super::CommandError;
use super::query::{Column, ListSource, Listing, Pages, Shape, query_string};

const LISTED: Listing = Listing {
    noun: "packages",
    columns: &[
        Column::text("NAME", "/name"),
        Column::text("VERSION", "/version"),
        Column::text("ECOSYSTEM", "/ecosystem"),
        Column::text("DECISION", "/decision"),
        Column::text("REPOSITORY", "/repository"),
        Column::of("TAGS", "/tags", Shape::Texts),
        Column::of("DIGEST", "/digest", Shape::Digest),
        Column::text("WHERE", "/path"),
    ],
};

/// Which package.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    sluicegate packages log4j-core\n  \
    sluicegate packages openssl --version 3.0.15-1~deb12u1 --format csv\n\n\
    Every image whose inventory is kept is looked at, with or without a finding. NAME is the\n\
    package's own, its source's (openssl finds libssl3), or a Maven artifact's without its group.")]
pub struct PackagesArgs {
    #[command(flatten)]
    source: ListSource,
    /// The package's name, in any letter case
    name: String,
    /// Only this installed version, exactly
    #[arg(long)]
    version: Option<String>,
    /// At most this many
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// Continue after this cursor
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
}

/// Runs the command.
pub async fn run(args: PackagesArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let service = args.source.connect().await?;
    let query = query_string(&[("name", Some(args.name)), ("version", args.version)]);
    let mut pages = Pages::of(&service, "packages", query, args.after);
    let page = pages.gather(args.limit).await?;
    args.source.print.page(out, &LISTED, &page)?;
    let incomplete = page.get("incomplete").and_then(Value::as_u64).unwrap_or(0);
    if incomplete > 0 {
        args.source.print.note(&format!(
            "{incomplete} more images may hold it: their inventory is no longer kept, and their \
             next pull makes it again"
        ));
    }
    Ok(())
}
