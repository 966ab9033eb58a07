//! `sluicegate keys`: makes, lists, rotates and ends access keys.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sluicegate_model::access::Role;

use super::CommandError;
use super::query::{
    AdminFlags, Column, Format, Listing, Print, PrintList, Shape, cell, members, print_json,
    seconds,
};
use crate::app::forget_keys;
use crate::moment::Moment;

const LISTED: Listing = Listing {
    noun: "keys",
    columns: &[
        Column::text("NAME", "/name"),
        Column::text("ACCESS KEY", "/access_key"),
        Column::text("ROLE", "/role"),
        Column::of("REPOSITORIES", "/repositories", Shape::Texts),
        Column::text("OWNER", "/owner"),
        Column::text("STATE", "/state"),
        Column::of("CREATED", "/created", Shape::Time),
        Column::of("EXPIRES", "/expires", Shape::Time),
        Column::of("LAST USED", "/last_used", Shape::Time),
    ],
};

/// Who may pull, scan and read
#[derive(Subcommand, Debug)]
#[command(
    after_help = "On the service's machine, its user and root need no key. Elsewhere\n\
    SLUICEGATE_ACCESS_KEY and SLUICEGATE_SECRET_KEY are those of an admin.\n\n\
    Example: sluicegate keys create --name ci --role puller --repositories 'docker.io/team/**'"
)]
pub enum KeysCommand {
    /// Makes a key and prints both halves of it, once
    #[command(after_help = "Examples:\n  \
        sluicegate keys create --name ci --role puller --repositories 'docker.io/team/**'\n  \
        sluicegate keys create --name audit --role auditor --owner a.lopez --expires 90d\n\n\
        A puller pulls; a scanner asks for scans and reads the verdicts on them; an auditor reads\n\
        everything and starts nothing; an admin may everything.")]
    Create(CreateArgs),
    /// Lists keys, without their secrets
    #[command(after_help = "Example: sluicegate keys list --format csv")]
    List(ListArgs),
    /// Makes a successor to a key, which stays good for a while beside it
    #[command(after_help = "Example: sluicegate keys rotate ci --overlap 12h")]
    Rotate(RotateArgs),
    /// Ends a key, or all that somebody has; in force within a second
    #[command(after_help = "Examples:\n  \
        sluicegate keys revoke ci\n  \
        sluicegate keys revoke --owner a.lopez")]
    Revoke(RevokeArgs),
    /// Gives all keys of a stopped service up, where their file is lost
    #[command(
        after_help = "Example: sluicegate keys forget --data /var/lib/sluicegate\n\n\
        Nobody is let in by it: every key has to be made anew. The decision log tells of it."
    )]
    Forget(ForgetArgs),
}

/// A key that is wanted.
#[derive(Args, Debug)]
pub struct CreateArgs {
    /// What the log and bindings call it: small letters, digits, '.', '_' and '-'
    #[arg(long)]
    name: String,
    /// What it is for: puller, scanner, auditor or admin
    #[arg(long)]
    role: Role,
    /// A pattern of repositories that it knows of (repeatable) [default: all]
    #[arg(long, value_name = "GLOB")]
    repositories: Vec<String>,
    /// Who answers for it
    #[arg(long)]
    owner: Option<String>,
    /// How long it is good for, such as 90d [default: until it is revoked]
    #[arg(long, value_name = "DURATION")]
    expires: Option<Moment>,
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

/// A key that is to have a successor.
#[derive(Args, Debug)]
pub struct RotateArgs {
    /// Its name, or its access key
    key: String,
    /// How long it stays good beside its successor
    #[arg(long, value_name = "DURATION", default_value = "24h")]
    overlap: Moment,
    #[command(flatten)]
    place: AdminFlags,
    #[command(flatten)]
    print: Print,
}

/// Keys that are to end.
#[derive(Args, Debug)]
pub struct RevokeArgs {
    /// The name of a key, or one access key
    #[arg(required_unless_present = "owner")]
    key: Option<String>,
    /// All that this owner has
    #[arg(long, conflicts_with = "key")]
    owner: Option<String>,
    #[command(flatten)]
    place: AdminFlags,
    #[command(flatten)]
    print: Print,
}

/// Whose keys are to be forgotten.
#[derive(Args, Debug)]
pub struct ForgetArgs {
    /// Data directory of the stopped service
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

/// Runs the command.
pub async fn run(command: KeysCommand, out: &mut impl Write) -> Result<(), CommandError> {
    match command {
        KeysCommand::Create(args) => create(args, out).await,
        KeysCommand::List(args) => {
            let page = args.place.connect().await?.get("keys").await?;
            args.print.page(out, &LISTED, &page)
        }
        KeysCommand::Rotate(args) => rotate(args, out).await,
        KeysCommand::Revoke(args) => revoke(args, out).await,
        KeysCommand::Forget(args) => {
            let forgotten = forget_keys(&args.data).await;
            forgotten.map_err(|error| CommandError::Failed(error.to_string()))?;
            Ok(writeln!(
                out,
                "all access keys are given up; make them anew"
            )?)
        }
    }
}

async fn create(args: CreateArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let expires = args.expires.map(|expires| seconds("--expires", expires));
    let wanted = json!({
        "name": args.name,
        "role": args.role,
        "repositories": args.repositories,
        "owner": args.owner,
        "expires_in_seconds": expires.transpose()?,
    });
    let issued = args.place.connect().await?.post("keys", &wanted).await?;
    print(out, args.print, &issued)
}

async fn rotate(args: RotateArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let overlap = seconds("--overlap", args.overlap)?;
    let wanted = json!({"key": args.key, "overlap_seconds": overlap});
    let service = args.place.connect().await?;
    let issued = service.post("keys/rotate", &wanted).await?;
    print(out, args.print, &issued)
}

async fn revoke(args: RevokeArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let which = json!({"key": args.key, "owner": args.owner});
    let service = args.place.connect().await?;
    let ended = service.post("keys/revoke", &which).await?;
    if args.print.format == Format::Json {
        return print_json(out, &ended);
    }
    for key in members(&ended, "/revoked") {
        let (name, access) = (cell(key, "/name"), cell(key, "/access_key"));
        writeln!(out, "revoked {name} ({access})")?;
    }
    Ok(())
}

/// Prints both halves of a key; the second is never seen again.
fn print(out: &mut impl Write, print: Print, issued: &Value) -> Result<(), CommandError> {
    if print.format == Format::Json {
        return print_json(out, issued);
    }
    writeln!(out, "access key  {}", cell(issued, "/access_key"))?;
    writeln!(out, "secret key  {}", cell(issued, "/secret_key"))?;
    if !print.quiet {
        super::query::note("the secret key is shown this once; keep it now");
    }
    Ok(())
}
