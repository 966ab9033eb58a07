//! `sluicegate scanners`: links scanners elsewhere, lists and ends them.

use std::io::Write;

use clap::{Args, Subcommand};
use serde_json::json;

use super::CommandError;
use super::query::{
    AdminFlags, Column, Format, Listing, Print, PrintList, Shape, cell, members, note, print_json,
    seconds,
};
use crate::moment::Moment;

const LISTED: Listing = Listing {
    noun: "scanners",
    columns: &[
        Column::text("NAME", "/name"),
        Column::text("STATE", "/state"),
        Column::text("AWAY", "/away"),
        Column::of("REPOSITORIES", "/repositories", Shape::Texts),
        Column::text("VERSION", "/version"),
        Column::text("LAG S", "/lag_seconds"),
        Column::text("LEASES", "/leases"),
        Column::of("LAST SEEN", "/last_seen", Shape::Time),
    ],
};

/// Scanners elsewhere
#[derive(Subcommand, Debug)]
#[command(
    after_help = "On the service's machine, its user and root need no key. Elsewhere\n\
    SLUICEGATE_ACCESS_KEY and SLUICEGATE_SECRET_KEY are those of an admin.\n\n\
    Example: sluicegate scanners link --name eu-west --repositories 'registry.local/**'"
)]
pub enum ScannersCommand {
    /// Makes a linking key, with which one scanner enrols once, and prints it
    #[command(after_help = "Example:\n  \
        sluicegate scanners link --name eu-west --repositories 'registry.local/**' --expires 1h")]
    Link(LinkArgs),
    /// Lists linked scanners: which are there, what waits for them
    #[command(after_help = "Example: sluicegate scanners list --format json")]
    List(ListArgs),
    /// Ends a scanner and its leases; nothing that it says is taken from then on
    #[command(after_help = "Example: sluicegate scanners revoke eu-west")]
    Revoke(RevokeArgs),
}

/// A scanner that is wanted.
#[derive(Args, Debug)]
pub struct LinkArgs {
    /// What scan_by and the log call it: small letters, digits, '.', '_' and '-' [default: made up]
    #[arg(long)]
    name: Option<String>,
    /// A pattern of repositories that it may speak of (repeatable) [default: all]
    #[arg(long, value_name = "GLOB")]
    repositories: Vec<String>,
    /// How long the linking key is good
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    expires: Moment,
    #[command(flatten)]
    place: AdminFlags,
    #[command(flatten)]
    print: Print,
}

/// How to print.
#[derive(Args, Debug)]
pub struct ListArgs {
    #[command(flatten)]
    place: AdminFlags,
    #[command(flatten)]
    print: PrintList,
}

/// A scanner that is to end.
#[derive(Args, Debug)]
pub struct RevokeArgs {
    /// Its name
    scanner: String,
    #[command(flatten)]
    place: AdminFlags,
    #[command(flatten)]
    print: Print,
}

/// Runs the command.
pub async fn run(command: ScannersCommand, out: &mut impl Write) -> Result<(), CommandError> {
    match command {
        ScannersCommand::Link(args) => link(args, out).await,
        ScannersCommand::List(args) => {
            let page = args.place.connect().await?.get("scanners").await?;
            args.print.page(out, &LISTED, &page)
        }
        ScannersCommand::Revoke(args) => revoke(args, out).await,
    }
}

async fn link(args: LinkArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let wanted = json!({
        "name": args.name,
        "repositories": args.repositories,
        "expires_in_seconds": seconds("--expires", args.expires)?,
    });
    let service = args.place.connect().await?;
    let issued = service.post("scanners/link", &wanted).await?;
    if args.print.format == Format::Json {
        return print_json(out, &issued);
    }
    writeln!(out, "scanner      {}", cell(&issued, "/name"))?;
    writeln!(out, "linking key  {}", cell(&issued, "/linking_key"))?;
    if !args.print.quiet {
        note(
            "the linking key is shown this once, and good once; keep it in a file of the scanner's",
        );
    }
    Ok(())
}

async fn revoke(args: RevokeArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let which = json!({"scanner": args.scanner});
    let service = args.place.connect().await?;
    let ended = service.post("scanners/revoke", &which).await?;
    if args.print.format == Format::Json {
        return print_json(out, &ended);
    }
    for name in members(&ended, "/revoked") {
        writeln!(out, "revoked {}", cell(name, ""))?;
    }
    Ok(())
}
