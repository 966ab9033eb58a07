//! `sluicegate health`: whether the service answers, as a container engine asks it.

use std::io::Write;

use clap::Args;

use super::CommandError;
use super::query::{Format, ServiceFlags, cell, print_json};

/// Which service, and what of it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    sluicegate health\n  \
    sluicegate health --ready --service gate.example:5080\n\n\
    In a Dockerfile: HEALTHCHECK CMD [\"/sluicegate\", \"health\", \"--quiet\"]\n\n\
    Exit code: 0 healthy, 3 not.")]
pub struct HealthArgs {
    #[command(flatten)]
    service: ServiceFlags,
    /// Asks whether it can serve anything, not only whether it lives
    #[arg(long)]
    ready: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Prints nothing but errors
    #[arg(long, short)]
    quiet: bool,
}

/// Runs the command.
pub async fn run(args: HealthArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let service = args.service.running().await?;
    let (path, name) = if args.ready {
        ("/readyz", "ready")
    } else {
        ("/healthz", "healthy")
    };
    let (is_well, said) = service.probe(path).await?;
    if args.format == Format::Json && !args.quiet {
        print_json(out, &said)?;
    } else if is_well && !args.quiet {
        writeln!(out, "{name}: {}", cell(&said, ""))?;
    }
    if is_well {
        return Ok(());
    }
    let said = cell(&said, "");
    Err(CommandError::Failed(format!(
        "the service is not {name}: {said}"
    )))
}
