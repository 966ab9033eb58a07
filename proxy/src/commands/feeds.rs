//! `sluicegate feeds`: how current the advisories are, and bringing them up to date by hand.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use sluicegate_config::{Environment, FeedSource, Flags, Settings};
use sluicegate_feeds::bundle::Imported;
use sluicegate_feeds::mirror::{Mirror, Scope, Synced, told};
use sluicegate_formats::text::printable;

use super::CommandError;
use super::feed_bundles::{self, CreateKeyArgs, ExportArgs, ImportArgs};
use super::feed_jars::{self, JarsArgs};
use super::feed_status::{self, StatusArgs};
use super::inspect_progress::Shown;
use crate::app::proxy_variables;

/// Advisory feeds
#[derive(Subcommand, Debug)]
#[command(after_help = "Example: sluicegate feeds status")]
pub enum FeedsCommand {
    /// Shows each source and ecosystem of a service: records, newest, age, severities, problems
    #[command(after_help = "Example: sluicegate feeds status --problems\n\n\
        NEWEST and AGE are of the newest advisory, NO SEVERITY is the share of advisories that state none.")]
    Status(StatusArgs),
    /// Brings the local copies of all feed URLs up to date, once
    #[command(
        after_help = "Example: sluicegate feeds update --data /var/lib/sluicegate --ecosystem Go\n\n\
        A running service notices the new files within 30 s. Directories are not copied."
    )]
    Update(UpdateArgs),
    /// Writes the advisories that are here into one signed file
    #[command(
        after_help = "Example: sluicegate feeds update && sluicegate feeds export feeds.tar.zst --signing-key feeds.key\n\n\
        Take the file to a site without a network and run \"sluicegate feeds import\" there."
    )]
    Export(ExportArgs),
    /// Checks a signed file of advisories and uses it from now on
    #[command(
        after_help = "Example: sluicegate feeds import feeds.tar.zst --trust ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\n\
        A running service notices it within 30 s. Where no feed is configured it replaces the public\n\
        bucket; else name it: --feed imported. A bundle that is refused changes nothing."
    )]
    Import(ImportArgs),
    /// Makes a key that signs exports, and prints its public half for --trust
    #[command(after_help = "Example: sluicegate feeds create-key feeds.key")]
    CreateKey(CreateKeyArgs),
    /// Makes an index of JARs by their SHA-1, for archives that do not state what they are
    #[command(
        after_help = "Example: sluicegate feeds jars ~/.m2/repository --out /var/lib/sluicegate/knowledge/jars.idx\n\n\
        A running service with this data directory uses it within 30 s; images are judged anew.\n\
        Trivy's database is trivy-java.db in its cache directory."
    )]
    Jars(JarsArgs),
}

/// What to update, and where.
#[derive(Args, Debug)]
pub struct UpdateArgs {
    #[command(flatten)]
    place: FeedFlags,
    /// URL in the layout of the OSV bucket (repeatable) [default: the public OSV bucket]
    #[arg(long, value_name = "URL")]
    feed: Vec<String>,
    /// An ecosystem to fetch besides the usual ones, such as Debian:12 (repeatable)
    #[arg(long, value_name = "NAME")]
    ecosystem: Vec<String>,
}

/// Where settings and data are.
#[derive(Args, Debug)]
pub struct FeedFlags {
    /// Configuration file (YAML)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where everything is kept [default: $XDG_DATA_HOME/sluicegate, /var/lib/sluicegate as root]
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
}

/// Runs the command.
pub async fn run(command: FeedsCommand, out: &mut impl Write) -> Result<(), CommandError> {
    match command {
        FeedsCommand::Status(args) => feed_status::run(args, out).await,
        FeedsCommand::Update(args) => update(args, out).await,
        FeedsCommand::Export(args) => feed_bundles::export(args, out),
        FeedsCommand::Import(args) => feed_bundles::import(args, out),
        FeedsCommand::CreateKey(args) => feed_bundles::create_key(&args, out),
        FeedsCommand::Jars(args) => feed_jars::run(args, out).await,
    }
}

async fn update(args: UpdateArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let wanted: BTreeSet<String> = args.ecosystem.iter().cloned().collect();
    let settings = settings(args.place, args.feed, Vec::new())?;
    let feeds = settings.data.join("feeds");
    let (mut failed, mut is_any) = (Vec::new(), false);
    for source in &settings.feeds {
        let failure = |error: &dyn std::error::Error| CommandError::Failed(told(error));
        if let FeedSource::Usual(_) = source {
            let imported = Imported::under(&feeds).current();
            if imported.map_err(|error| failure(&error))?.is_some() {
                writeln!(out, "an imported bundle is in use; name a URL with --feed")?;
                continue;
            }
        }
        let Some(site) = source.site() else {
            continue;
        };
        is_any = true;
        let mirror =
            Mirror::new(&site, &feeds, proxy_variables(&settings)).map_err(|e| failure(&e))?;
        let mirror = mirror.with_plugins(!settings.plugin_trust.is_empty());
        let shown = Shown::new();
        let now = jiff::Timestamp::now();
        let on_fetch = shown.on_fetch();
        let outcome = mirror.sync(Scope::All, &wanted, now, &on_fetch).await;
        let severities = mirror.sync_severities(now, &on_fetch).await;
        shown.clear();
        match outcome {
            Ok(mut synced) => {
                match severities {
                    Ok(more) => synced.add(more),
                    Err(error) => synced.problems.push(told(&error)),
                }
                write_synced(out, &mirror, &synced)?;
                failed.extend(synced.problems);
            }
            Err(error) => failed.push(told(&error)),
        }
    }
    if !is_any {
        writeln!(out, "no feed is a URL: nothing to update")?;
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(CommandError::Failed(failed.join("\n")))
}

fn write_synced(out: &mut impl Write, mirror: &Mirror, synced: &Synced) -> std::io::Result<()> {
    for path in &synced.changed {
        writeln!(out, "new        {}", printable(path))?;
    }
    writeln!(
        out,
        "{}: {} new, {} unchanged, {} advisories one by one, {} problems; copy in {}",
        printable(mirror.url().as_str()),
        synced.changed.len(),
        synced.unchanged,
        synced.advisories,
        synced.problems.len(),
        mirror.directory().display()
    )
}

/// Loads the settings that feeds need.
pub(super) fn settings(
    place: FeedFlags,
    feed: Vec<String>,
    feed_trust: Vec<String>,
) -> Result<Settings, CommandError> {
    let flags = Flags {
        config: place.config,
        data: place.data,
        feed,
        feed_trust,
        ..Flags::default()
    };
    sluicegate_config::load_with_file(flags, &Environment::of_process())
        .map(|loaded| loaded.settings)
        .map_err(|errors| CommandError::Usage(format!("configuration has mistakes:\n{errors}")))
}
