//! `sluicegate plugins list`: what looks at images, and what for.

use std::io::Write;

use clap::{Args, Subcommand};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde_json::json;

use super::CommandError;
use super::query::{Format, print_json};

/// Analyzers, matchers and feeds
#[derive(Subcommand, Debug)]
#[command(after_help = "Example: sluicegate plugins list --format json")]
pub enum PluginsCommand {
    /// Lists every plugin: revision, what it claims, on or off
    #[command(after_help = "Example: sluicegate plugins list")]
    List(ListArgs),
}

/// How to print.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Runs the command.
pub fn run(command: PluginsCommand, out: &mut impl Write) -> Result<(), CommandError> {
    let PluginsCommand::List(args) = command;
    let plugins = sluicegate_scanner::plugins();
    if args.format == Format::Json {
        let items = json!({
            "fingerprint": crate::fingerprint::fingerprint(),
            "items": plugins,
        });
        return print_json(out, &items);
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["KIND", "NAME", "REVISION", "STATE", "CLAIMS"]);
    for plugin in plugins {
        table.add_row([
            json!(plugin.kind).as_str().unwrap_or_default().to_owned(),
            plugin.name,
            plugin.revision.to_string(),
            if plugin.enabled {
                "on".to_owned()
            } else {
                "off".to_owned()
            },
            plugin.claims.join(" "),
        ]);
    }
    Ok(writeln!(out, "{table}")?)
}
