//! `sluicegate plugins list`: what looks at images, and what for.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sluicegate_config::{Environment, Flags};
use sluicegate_engine::plugins::Plugins;
use sluicegate_formats::text::printable;
use sluicegate_machine::clock::system;

use super::query::{AdminFlags, Column, Listing, PrintList, Shape, note};
use super::{CommandError, Done, plugins_add, plugins_new, plugins_sign, plugins_test};
use crate::fed_in_force::FedPlugins;
use crate::fed_plugins::FedFileError;
use crate::fed_shown::shown;
use crate::fed_sources::FedSources;

const LISTED: Listing = Listing {
    noun: "plugins",
    columns: &[
        Column::text("KIND", "/kind"),
        Column::text("NAME", "/name"),
        Column::of("REVISION", "", Shape::Made(version)),
        Column::of("STATE", "/enabled", Shape::Made(state)),
        Column::text("SOURCE", "/source"),
        Column::of("SIGNED BY", "/signed_by", Shape::Texts),
        Column::text("ASKED", "/seen/asked"),
        Column::text("MS", "/seen/took_ms"),
        Column::text("FAILED", "/seen/failed"),
        Column::of("LAST ASKED", "/seen/last_asked", Shape::Time),
        Column::of("CLAIMS", "/claims", Shape::Texts),
    ],
};

/// Analyzers, detectors, matchers and feeds
#[derive(Subcommand, Debug)]
#[command(after_help = "Example: sluicegate plugins list --format json")]
pub enum PluginsCommand {
    /// Lists every plugin: where it comes from, who signed it, what it claims, how often it failed
    #[command(after_help = "Examples:\n  \
        sluicegate plugins list --format csv\n  \
        sluicegate plugins list --plugin ./plugins\n\n\
        A service that runs here is asked, and says what it counted; where none does, files are read.")]
    List(ListArgs),
    /// Begins a plugin: writes a Rust project that builds to one
    #[command(after_help = plugins_new::HELP)]
    New(plugins_new::NewArgs),
    /// Puts a plugin in force for the service on this machine
    #[command(after_help = plugins_add::ADD_HELP)]
    Add(plugins_add::AddArgs),
    /// Takes a plugin away that was added
    #[command(after_help = plugins_add::REMOVE_HELP)]
    Remove(plugins_add::RemoveArgs),
    /// Signs the plugins of a directory, for services that subscribe to a URL
    #[command(after_help = plugins_sign::HELP)]
    Sign(plugins_sign::SignArgs),
    /// Runs a plugin over a directory and prints what it would say of such an image
    #[command(after_help = plugins_test::HELP)]
    Test(plugins_test::TestArgs),
}

/// Which plugins, and how to print.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// Directory with plugins, each a file NAME.wasm, shown without asking a service; can be given
    /// several times
    #[arg(long, value_name = "DIR", conflicts_with_all = ["service", "data"])]
    plugin: Vec<PathBuf>,
    #[command(flatten)]
    place: AdminFlags,
    #[command(flatten)]
    print: PrintList,
}

/// Runs the command.
pub async fn run(command: PluginsCommand, out: &mut impl Write) -> Result<Done, CommandError> {
    match command {
        PluginsCommand::List(args) => list(&args, out).await.map(|()| Done::Allowed),
        PluginsCommand::New(args) => plugins_new::run(&args, out).map(|()| Done::Allowed),
        PluginsCommand::Add(args) => plugins_add::add(args, out).await,
        PluginsCommand::Remove(args) => plugins_add::remove(args, out),
        PluginsCommand::Sign(args) => plugins_sign::run(&args, out),
        PluginsCommand::Test(args) => plugins_test::run(&args, out),
    }
}

/// Shows what a running service has in force, or where none runs what its files would give.
async fn list(args: &ListArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let page = if args.plugin.is_empty() {
        match args.place.connect().await {
            Ok(service) => service.get("plugins").await?,
            Err(CommandError::NotFound(_)) => {
                if !args.print.quiet {
                    note(
                        "no service runs here: this is what lies in files, and nothing was counted",
                    );
                }
                of_files(args)?
            }
            Err(error) => return Err(error),
        }
    } else {
        of_files(args)?
    };
    if let Some(problem) = page.get("problem").and_then(Value::as_str)
        && !args.print.quiet
    {
        note(&format!(
            "plugins have a mistake, and the last good set is in force: {}",
            printable(problem)
        ));
    }
    args.print.page(out, &LISTED, &page)
}

/// Shows what lies in the directories that are named, or in those of the settings.
fn of_files(args: &ListArgs) -> Result<Value, CommandError> {
    let data = args.place.data();
    let flags = Flags {
        data: data.map(|data| data.display().to_string()),
        ..Flags::default()
    };
    let sources = if args.plugin.is_empty() {
        let loaded = sluicegate_config::load_with_file(flags, &Environment::of_process());
        let loaded = loaded.map_err(|errors| {
            CommandError::Usage(format!("configuration has mistakes:\n{errors}"))
        })?;
        FedSources::of(&loaded.settings).map_err(refused)?
    } else {
        FedSources::of_directories(args.plugin.clone())
    };
    let plugins = Plugins::default();
    let fed = FedPlugins::load_once(sources, plugins.clone(), system()).map_err(refused)?;
    let page = serde_json::to_value(shown(&plugins.now(), Some(&*fed), false));
    page.map_err(|error| CommandError::Failed(error.to_string()))
}

/// Says what is wrong with a file: with its content, or with reading it.
pub(super) fn refused(error: FedFileError) -> CommandError {
    match error {
        FedFileError::Unreadable { .. } => CommandError::Failed(error.to_string()),
        _ => CommandError::Usage(error.to_string()),
    }
}

/// Gives the version of a fed plugin, the revision of one of ours.
fn version(plugin: &Value) -> String {
    let version = plugin.get("version").and_then(Value::as_str);
    version.map_or_else(
        || {
            plugin
                .get("revision")
                .map(Value::to_string)
                .unwrap_or_default()
        },
        str::to_owned,
    )
}

/// Tells whether it is on; detectors of the program are off here, for policies switch them in a service.
fn state(enabled: &Value) -> String {
    let word = if *enabled == json!(true) { "on" } else { "off" };
    word.to_owned()
}
