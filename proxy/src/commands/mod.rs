//! The command line: one file for each command, exit codes in one place.
//!
//! 0 allowed, 1 refused by policy, 2 bad usage, configuration or policy file, 3 could not be done.

pub mod completions;
pub mod config;
pub mod decisions;
pub mod demo;
pub mod events;
pub mod exceptions;
pub mod feed_bundles;
pub mod feed_jars;
pub mod feed_status;
pub mod feeds;
pub mod finding_flags;
pub mod health;
pub mod hints;
pub mod inspect_image;
mod inspect_plugins;
pub mod inspect_progress;
mod inspect_report;
mod inspect_written;
pub mod keys;
pub mod packages;
pub mod plugins;
mod plugins_add;
mod plugins_from;
mod plugins_new;
mod plugins_sign;
mod plugins_test;
pub mod policy;
mod policy_break_glass;
mod policy_draft;
mod policy_explain;
mod policy_replay;
mod policy_test;
pub mod query;
pub mod remedy;
pub mod scanner;
pub mod scanners;
pub mod schema;
pub mod serve;
pub mod status;
mod verdict_rows;
pub mod verdict_table;
pub mod verdicts;
mod verdicts_export;
pub mod vulnerabilities;
pub mod warm;

use std::io::Write;
use std::path::PathBuf;

use clap::{CommandFactory as _, Parser, Subcommand};
use sluicegate_config::Flags;
use sluicegate_model::verdict::Decision;

/// A pull-through OCI registry proxy that scans every image on its first pull
#[derive(Parser, Debug)]
#[command(
    name = "sluicegate",
    version,
    after_help = "Examples:\n  \
        sluicegate serve --feed ./osv-mirror --policy ./policies\n  \
        sluicegate inspect-image nginx:1.25\n  \
        sluicegate verdicts list --decision refuse\n\n\
        Exit code: 0 done, and allowed; 1 refused by policy; 2 bad usage, configuration or policy\n\
        file; 3 could not be done."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Runs the proxy
    #[command(after_help = serve::HELP)]
    Serve(Box<Flags>),
    /// Shows one image allowed and one refused, through the real path, without any network
    Demo(demo::DemoArgs),
    /// Scans one image from any source and prints the verdict
    InspectImage(Box<inspect_image::InspectArgs>),
    /// Lets a running service import and judge images ahead of their first pull
    Warm(warm::WarmArgs),
    /// Cached verdicts
    #[command(subcommand)]
    Verdicts(verdicts::VerdictsCommand),
    /// The upgrades after which policy would allow an image, as commands and for a Dockerfile
    Remedy(remedy::RemedyArgs),
    /// Which judged images hold a package
    Packages(packages::PackagesArgs),
    /// Which images have or had a weakness, since when, who pulled them, who allowed it
    Vulnerabilities(vulnerabilities::VulnerabilitiesArgs),
    /// Which verdicts changed without a pull, and whom that concerns
    #[command(subcommand)]
    Events(events::EventsCommand),
    /// Who answers for which finding, and what ends when
    #[command(subcommand)]
    Exceptions(exceptions::ExceptionsCommand),
    /// How a service stands: pulls under way, cache, feeds, policy, insecure settings
    Status(status::StatusArgs),
    /// The log of pulls and why each was allowed or refused
    #[command(subcommand)]
    Decisions(decisions::DecisionsCommand),
    /// Advisory feeds: how current they are, and updating them by hand
    #[command(subcommand)]
    Feeds(feeds::FeedsCommand),
    /// Policy files
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// What looks at images: every plugin, built in or fed; trying and beginning one
    #[command(subcommand)]
    Plugins(plugins::PluginsCommand),
    /// Access keys: who may pull, scan and read, and for how long
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Scans for a service elsewhere what only this machine reaches
    Scanner(Box<scanner::ScannerArgs>),
    /// Scanners elsewhere: linking, listing and ending them
    #[command(subcommand)]
    Scanners(scanners::ScannersCommand),
    /// The configuration of serve
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Prints JSON Schemas of configuration and policy files, for editors
    Schema(schema::SchemaArgs),
    /// Whether a service answers, as a container engine asks it
    Health(health::HealthArgs),
    /// Prints what completes commands in a shell
    Completions(completions::CompletionsArgs),
    /// Prints manual pages
    Man(completions::ManArgs),
}

/// Runs the command that the arguments name.
pub async fn run(cli: Cli, out: &mut (impl Write + Send)) -> Result<Done, CommandError> {
    let told = match cli.command {
        Some(Command::InspectImage(args)) => return inspect_image::run(*args, out).await,
        Some(Command::Remedy(args)) => return remedy::run(args, out).await,
        Some(Command::Warm(args)) => return warm::run(args, out).await,
        None => print_help(out),
        Some(Command::Serve(args)) => serve::run(*args).await,
        Some(Command::Demo(args)) => demo::run(args, out).await,
        Some(Command::Verdicts(command)) => verdicts::run(command, out).await,
        Some(Command::Packages(args)) => packages::run(args, out).await,
        Some(Command::Vulnerabilities(args)) => vulnerabilities::run(args, out).await,
        Some(Command::Events(command)) => events::run(command, out).await,
        Some(Command::Exceptions(command)) => exceptions::run(command, out).await,
        Some(Command::Status(args)) => status::run(args, out).await,
        Some(Command::Keys(command)) => keys::run(command, out).await,
        Some(Command::Scanner(args)) => scanner::run(*args).await,
        Some(Command::Scanners(command)) => scanners::run(command, out).await,
        Some(Command::Config(command)) => config::run(command, out),
        Some(Command::Schema(args)) => schema::run(&args, out),
        Some(Command::Health(args)) => health::run(args, out).await,
        Some(Command::Completions(args)) => completions::completions(&args, out),
        Some(Command::Man(args)) => completions::man(&args, out),
        Some(Command::Decisions(command)) => decisions::run(command, out).await,
        Some(Command::Feeds(command)) => feeds::run(command, out).await,
        Some(Command::Policy(command)) => return policy::run(command, out).await,
        Some(Command::Plugins(command)) => return plugins::run(command, out).await,
    };
    told.map(|()| Done::Allowed)
}

/// Says what there is to be asked for; nothing is served unasked.
fn print_help(out: &mut impl Write) -> Result<(), CommandError> {
    Ok(write!(out, "{}", Cli::command().render_long_help())?)
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
    /// The service has too much to do; the same can be asked again.
    #[error("{0}")]
    Busy(String),
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
            | Self::Busy(_)
            | Self::Failed(_)
            | Self::Output(_) => 3,
        }
    }
}
