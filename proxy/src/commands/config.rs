//! `sluicegate config check`: the settings of `serve`, looked at without serving.

use std::io::Write;

use clap::{Args, Subcommand};
use serde_json::json;
use sluicegate_config::{Environment, Flags};
use sluicegate_formats::text::printable;

use super::CommandError;
use super::query::{Format, note, print_json};
use crate::app::unstarted;

/// The configuration of serve
#[derive(Subcommand, Debug)]
#[command(after_help = "Example: sluicegate config check --config /etc/sluicegate/sluicegate.yaml")]
pub enum ConfigCommand {
    /// Checks flags, variables, file, policies, certificates and feeds, and starts nothing
    #[command(after_help = "Examples:\n  \
        sluicegate config check --config /etc/sluicegate/sluicegate.yaml\n  \
        sluicegate config check --config new.yaml && kill -HUP \"$(pidof sluicegate)\"\n\n\
        It takes every flag of serve and reads the same variables. Nothing is listened on, nothing is\n\
        written, no registry is asked.\n\n\
        Exit code: 0 fine, 2 with every mistake and its place.")]
    Check(Box<CheckArgs>),
}

/// What is checked.
#[derive(Args, Debug)]
pub struct CheckArgs {
    #[command(flatten)]
    flags: Flags,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Says nothing but mistakes
    #[arg(long, short)]
    quiet: bool,
}

/// Runs the command.
pub fn run(command: ConfigCommand, out: &mut impl Write) -> Result<(), CommandError> {
    let ConfigCommand::Check(args) = command;
    check(*args, out)
}

fn check(args: CheckArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let loaded = sluicegate_config::load_with_file(args.flags, &Environment::of_process())
        .map_err(|errors| CommandError::Usage(format!("configuration has mistakes:\n{errors}")))?;
    let settings = &loaded.settings;
    let problems = unstarted::problems(settings);
    if !problems.is_empty() {
        let problems = problems.join("\n");
        return Err(CommandError::Usage(format!(
            "serve would not start:\n{problems}"
        )));
    }
    if args.quiet {
        return Ok(());
    }
    for warning in &loaded.warnings {
        note(&format!("warning: {warning}"));
    }
    let upstreams: Vec<&str> = settings.upstreams.keys().map(String::as_str).collect();
    let paths = |paths: &[std::path::PathBuf]| -> Vec<String> {
        paths
            .iter()
            .map(|path| path.display().to_string())
            .collect()
    };
    let insecure = unstarted::insecure(settings);
    if args.format == Format::Json {
        let document = json!({
            "listen": settings.listen,
            "api_listen": settings.api_listen,
            "data": settings.data,
            "policy": paths(&settings.policy),
            "upstreams": upstreams,
            "default_upstream": settings.default_upstream,
            "warnings": loaded.warnings,
            "insecure": insecure,
        });
        return print_json(out, &document);
    }
    let policy = match settings.policy.as_slice() {
        [] => "the built-in one".to_owned(),
        given => paths(given).join(", "),
    };
    writeln!(out, "the configuration is fine")?;
    for (name, text) in [
        ("listen", settings.listen.to_string()),
        ("api_listen", settings.api_listen.to_string()),
        ("data", settings.data.display().to_string()),
        ("policy", policy),
        ("upstreams", upstreams.join(", ")),
    ] {
        writeln!(out, "{name:10}  {}", printable(&text))?;
    }
    for setting in insecure {
        writeln!(out, "insecure    {}", printable(&setting))?;
    }
    Ok(())
}
