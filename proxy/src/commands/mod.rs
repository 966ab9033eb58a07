//! The command line: one file for each command, exit codes in one place.
//!
//! 0 allowed, 1 refused by policy, 2 bad usage, configuration or policy file, 3 could not be done.

pub mod decision_rows;
pub mod decisions;
pub mod demo;
pub mod feed_bundles;
pub mod feed_status;
pub mod feeds;
pub mod finding_flags;
pub mod inspect_image;
pub mod inspect_progress;
pub mod plugins;
pub mod policy;
pub mod query;
pub mod serve;
pub mod verdict_table;
pub mod verdicts;
pub mod warm;

use std::io::Write;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use sluicegate_model::verdict::Decision;

/// A pull-through OCI registry proxy that scans every image on its first pull
#[derive(Parser, Debug)]
#[command(
    name = "sluicegate",
    version,
    after_help = "Example: sluicegate serve --feed ./osv-mirror --policy ./policies\n\n\
        With no command at all, sluicegate serves with built-in defaults."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Runs the proxy
    Serve(Box<serve::ServeArgs>),
    /// Shows one image allowed and one refused, through the real path, without any network
    Demo(demo::DemoArgs),
    /// Scans one image from any source and prints the verdict
    InspectImage(Box<inspect_image::InspectArgs>),
    /// Lets a running service import and judge images ahead of their first pull
    Warm(warm::WarmArgs),
    /// Cached verdicts
    #[command(subcommand)]
    Verdicts(verdicts::VerdictsCommand),
    /// The log of pulls and why each was allowed or refused
    #[command(subcommand)]
    Decisions(decisions::DecisionsCommand),
    /// Advisory feeds: how current they are, and updating them by hand
    #[command(subcommand)]
    Feeds(feeds::FeedsCommand),
    /// Policy files
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Every analyzer, matcher and feed: revision, what it claims, on or off
    #[command(subcommand)]
    Plugins(plugins::PluginsCommand),
}

/// Runs the command that the arguments name.
pub async fn run(cli: Cli, out: &mut (impl Write + Send)) -> Result<Done, CommandError> {
    let told = match cli.command {
        Some(Command::InspectImage(args)) => return inspect_image::run(*args, out).await,
        Some(Command::Warm(args)) => return warm::run(args, out).await,
        None => serve::run(serve::ServeArgs::default()).await,
        Some(Command::Serve(args)) => serve::run(*args).await,
        Some(Command::Demo(args)) => demo::run(args, out).await,
        Some(Command::Verdicts(command)) => verdicts::run(command, out).await,
        Some(Command::Decisions(command)) => decisions::run(command, out).await,
        Some(Command::Feeds(command)) => feeds::run(command, out).await,
        Some(Command::Policy(command)) => policy::run(command, out).await,
        Some(Command::Plugins(command)) => plugins::run(command, out),
    };
    told.map(|()| Done::Allowed)
}

/// What a command that could be carried out says by its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// Policy refuses nothing, or was not asked.
    Allowed,
    /// Policy refuses an image.
    Refused,
}

impl Done {
    /// Sums up a decision.
    pub fn of(decision: Decision) -> Self {
        match decision {
            Decision::Allow | Decision::Annotate => Self::Allowed,
            Decision::Refuse => Self::Refused,
        }
    }

    /// Gives the exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Allowed => 0,
            Self::Refused => 1,
        }
    }
}

/// Says why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The arguments, the configuration or a policy file make no sense.
    #[error("{0}")]
    Usage(String),
    /// What was asked for is not there.
    #[error("{0}")]
    NotFound(String),
    /// The service does not answer.
    #[error("cannot ask {url}: {reason}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// The data directory belongs to a running service.
    #[error("{0:?}: a service runs here; use --service")]
    InUse(PathBuf),
    /// Something else failed.
    #[error("{0}")]
    Failed(String),
    /// The output could not be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] std::io::Error),
}

impl CommandError {
    /// Gives the exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::NotFound(_)
            | Self::Unreachable { .. }
            | Self::InUse(_)
            | Self::Failed(_)
            | Self::Output(_) => 3,
        }
    }
}
