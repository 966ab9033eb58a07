//! `sluicegate plugins list`: what looks at images, and what for.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sluicegate_engine::plugins::Plugins;
use sluicegate_scanner::fed::FedPlugin;
use sluicegate_scanner::{PluginSet, describe_fed};

use super::query::{Column, Listing, PrintList, Shape};
use super::{CommandError, Done, plugins_add, plugins_new, plugins_test};
use crate::fed_plugins::{FedFileError, load_directory};

const LISTED: Listing = Listing {
    noun: "plugins",
    columns: &[
        Column::text("KIND", "/kind"),
        Column::text("NAME", "/name"),
        Column::of("REVISION", "", Shape::Made(version)),
        Column::of("STATE", "/enabled", Shape::Made(state)),
        Column::of("CLAIMS", "/claims", Shape::Texts),
    ],
};

/// Analyzers, detectors, matchers and feeds
#[derive(Subcommand, Debug)]
#[command(after_help = "Example: sluicegate plugins list --format json")]
pub enum PluginsCommand {
    /// Lists every plugin: revision, what it claims, on or off
    #[command(after_help = "Examples:\n  \
        sluicegate plugins list --format csv\n  \
        sluicegate plugins list --plugin ./plugins")]
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
    /// Runs a plugin over a directory and prints what it would say of such an image
    #[command(after_help = plugins_test::HELP)]
    Test(plugins_test::TestArgs),
}

/// Which plugins, and how to print.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// Directory with plugins, each a file NAME.wasm; can be given several times
    #[arg(long, value_name = "DIR")]
    plugin: Vec<PathBuf>,
    #[command(flatten)]
    print: PrintList,
}

/// Runs the command.
pub fn run(command: PluginsCommand, out: &mut impl Write) -> Result<Done, CommandError> {
    match command {
        PluginsCommand::List(args) => list(&args, out).map(|()| Done::Allowed),
        PluginsCommand::New(args) => plugins_new::run(&args, out).map(|()| Done::Allowed),
        PluginsCommand::Add(args) => plugins_add::add(args, out),
        PluginsCommand::Remove(args) => plugins_add::remove(args, out),
        PluginsCommand::Test(args) => plugins_test::run(&args, out),
    }
}

fn list(args: &ListArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let mut items = Vec::new();
    let mut fed: Vec<Arc<dyn FedPlugin>> = Vec::new();
    for directory in &args.plugin {
        for (path, plugin) in load_directory(directory).map_err(refused)? {
            let mut item = json!(describe_fed(&*plugin));
            let source = json!(path.display().to_string());
            if let Some(members) = item.as_object_mut() {
                members.insert("source".to_owned(), source);
            }
            items.push(item);
            fed.push(plugin);
        }
    }
    // Two of one name, or too many, make no set.
    let set = PluginSet::with_fed(fed).map_err(|error| CommandError::Usage(error.to_string()))?;
    let plugins = Plugins::default();
    plugins.take(set);
    let mut page = json!({ "fingerprint": plugins.now().fingerprint() });
    let built_in = sluicegate_scanner::plugins().into_iter();
    let all: Vec<Value> = built_in.map(|plugin| json!(plugin)).chain(items).collect();
    if let Some(members) = page.as_object_mut() {
        members.insert("items".to_owned(), json!(all));
    }
    args.print.page(out, &LISTED, &page)
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

fn state(enabled: &Value) -> String {
    let word = if *enabled == json!(true) { "on" } else { "off" };
    word.to_owned()
}
