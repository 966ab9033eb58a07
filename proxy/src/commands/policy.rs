//! `sluicegate policy lint|show-default`: policy files, without a service.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use sluicegate_policy::{PolicySet, built_in_text};

use super::CommandError;
use crate::formats::text::printable;
use crate::policies::{self, PolicyError};

/// Policy files
#[derive(Subcommand, Debug)]
#[command(after_help = "Example: sluicegate policy lint ./policies")]
pub enum PolicyCommand {
    /// Checks policy files and says every mistake with its line and column
    #[command(after_help = "Example: sluicegate policy lint ./policies extra.yaml")]
    Lint(LintArgs),
    /// Prints the built-in policy as a file
    #[command(after_help = "Example: sluicegate policy show-default > policies/default.yaml")]
    ShowDefault,
}

/// Which files.
#[derive(Args, Debug)]
pub struct LintArgs {
    /// Files and directories
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// Runs the command.
pub fn run(command: PolicyCommand, out: &mut impl Write) -> Result<(), CommandError> {
    match command {
        PolicyCommand::ShowDefault => Ok(out.write_all(built_in_text().as_bytes())?),
        PolicyCommand::Lint(args) => lint(&args, out),
    }
}

fn lint(args: &LintArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let files = policies::read_all(&args.paths).map_err(usage)?;
    if files.is_empty() {
        return Err(CommandError::Usage("there is no policy file there".into()));
    }
    let set = PolicySet::parse(&files).map_err(|errors| CommandError::Usage(errors.to_string()))?;
    writeln!(
        out,
        "{} files are fine: policies {}",
        files.len(),
        printable(&set.policy_names().join(", "))
    )?;
    Ok(writeln!(out, "digest {}", set.digest())?)
}

fn usage(error: PolicyError) -> CommandError {
    CommandError::Usage(error.to_string())
}
