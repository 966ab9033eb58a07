//! `sluicegate plugins list`: what looks at images, and what for.

use std::io::Write;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sluicegate_engine::plugins::ActivePlugins;

use super::CommandError;
use super::query::{Column, Listing, PrintList, Shape};

const LISTED: Listing = Listing {
    noun: "plugins",
    columns: &[
        Column::text("KIND", "/kind"),
        Column::text("NAME", "/name"),
        Column::text("REVISION", "/revision"),
        Column::of("STATE", "/enabled", Shape::Made(state)),
        Column::of("CLAIMS", "/claims", Shape::Texts),
    ],
};

/// Analyzers, matchers and feeds
#[derive(Subcommand, Debug)]
#[command(after_help = "Example: sluicegate plugins list --format json")]
pub enum PluginsCommand {
    /// Lists every plugin: revision, what it claims, on or off
    #[command(after_help = "Example: sluicegate plugins list --format csv")]
    List(ListArgs),
}

/// How to print.
#[derive(Args, Debug)]
pub struct ListArgs {
    #[command(flatten)]
    print: PrintList,
}

/// Runs the command.
pub fn run(command: PluginsCommand, out: &mut impl Write) -> Result<(), CommandError> {
    let PluginsCommand::List(args) = command;
    let items = json!({
        "fingerprint": ActivePlugins::built_in().fingerprint(),
        "items": sluicegate_scanner::plugins(),
    });
    args.print.page(out, &LISTED, &items)
}

fn state(enabled: &Value) -> String {
    let word = if *enabled == json!(true) { "on" } else { "off" };
    word.to_owned()
}
