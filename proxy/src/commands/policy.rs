//! `sluicegate policy lint|test|explain|replay|show-default`: policy files, and what they decide.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sluicegate_formats::text::printable;
use sluicegate_policy::{PolicySet, Seen, built_in_text};

use super::policy_break_glass::{self, BreakGlassArgs};
use super::policy_explain::{self, ExplainArgs};
use super::policy_replay::{self, ReplayArgs};
use super::policy_test::{self, TestArgs};
use super::query::{Format, QuerySource, members, print_json, query_string};
use super::{CommandError, Done};
use crate::policies::{self, PolicyError, PolicyFiles};

/// Policy files
#[derive(Subcommand, Debug)]
#[command(after_help = "Example: sluicegate policy lint ./policies")]
pub enum PolicyCommand {
    /// Checks policy files: every mistake with its place, and a warning of what surprises
    #[command(
        after_help = "Example: sluicegate policy lint ./policies extra.yaml\n\n\
        With --service it also warns of bindings and exceptions that concern nothing which that\n\
        service has seen. A mistake is exit code 2, a warning alone is 0."
    )]
    Lint(LintArgs),
    /// Plays the cases beside policy files: what comes out of each, and what was expected
    #[command(after_help = "Example: sluicegate policy test ./policies\n\n\
        A case is a document of kind PolicyTest in a file beside the policies. Exit code 1 says that\n\
        one of them came out otherwise.")]
    Test(TestArgs),
    /// Explains a decision: every rule, hit or not, and the value that decided
    #[command(after_help = "Example: sluicegate policy explain \
        sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1 --policy ./draft.yaml\n\n\
        A service says it that has judged the image, of the policies in force or of a draft. At the\n\
        end stands the smallest change that would turn the decision.")]
    Explain(ExplainArgs),
    /// Holds a draft against recorded pulls: what would be newly refused or allowed
    #[command(
        after_help = "Example: sluicegate policy replay ./draft.yaml --since 30d\n\n\
        A service does it that has logged the pulls, by what the images hold and the advisories in\n\
        force: no layer is read. IN FORCE is what comes out today without the draft."
    )]
    Replay(ReplayArgs),
    /// Lets one image of one repository through for a while, against what policy says
    #[command(
        name = "break-glass",
        after_help = "Example: sluicegate policy break-glass \
        sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1 \
        --repository docker.io/team/app --reason \"logins are down, SEC-1412\" --for 4h\n\n\
        Needs an admin's key that knows of the repository. It is in the decision log, an event, and in\n\
        the warning of every pull; it ends by itself, and covers nothing that is broken."
    )]
    BreakGlass(BreakGlassArgs),
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
    #[command(flatten)]
    source: QuerySource,
}

/// Most exceptions whose ids are looked for, one question each.
const MAX_ASKED: usize = 1_000;

/// Runs the command.
pub async fn run(command: PolicyCommand, out: &mut impl Write) -> Result<Done, CommandError> {
    match command {
        PolicyCommand::ShowDefault => out.write_all(built_in_text().as_bytes())?,
        PolicyCommand::Lint(args) => lint(&args, out).await?,
        PolicyCommand::BreakGlass(args) => policy_break_glass::run(args, out).await?,
        PolicyCommand::Explain(args) => policy_explain::run(&args, out).await?,
        PolicyCommand::Replay(args) => policy_replay::run(&args, out).await?,
        PolicyCommand::Test(args) => return policy_test::run(&args, out).await,
    }
    Ok(Done::Allowed)
}

async fn lint(args: &LintArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let read = policies::read_all(&args.paths).map_err(usage)?;
    if read.files.is_empty() {
        return Err(CommandError::Usage("there is no policy file there".into()));
    }
    let now = jiff::Timestamp::now();
    let set = PolicySet::load(&read.sources(now));
    let set = set.map_err(|errors| CommandError::Usage(errors.to_string()))?;
    let PolicyFiles { files, unread, .. } = read;
    let mut warnings = unread;
    warnings.extend(set.lint(now));
    if args.source.service.service.is_some() || args.source.data.is_some() {
        warnings.extend(set.lint_seen(&seen(&args.source, &set).await?));
    }
    if args.source.print.format == Format::Json {
        let report = json!({
            "files": files.len(),
            "policies": set.policy_names(),
            "digest": set.digest(),
            "warnings": warnings,
        });
        return print_json(out, &report);
    }
    for warning in &warnings {
        writeln!(out, "warning: {}", printable(warning))?;
    }
    let count = match warnings.len() {
        0 => "are fine".to_owned(),
        1 => "load, with 1 warning".to_owned(),
        many => format!("load, with {many} warnings"),
    };
    writeln!(
        out,
        "{} files {count}: policies {}",
        files.len(),
        printable(&set.policy_names().join(", "))
    )?;
    Ok(writeln!(out, "digest {}", set.digest())?)
}

/// Asks a service which repositories it has verdicts on, and which ids of exceptions they name.
async fn seen(source: &QuerySource, set: &PolicySet) -> Result<Seen, CommandError> {
    // Once for all questions: the directory of a stopped service is opened and locked by it.
    let service = source.connect().await?;
    let mut seen = Seen::default();
    let mut after = None;
    loop {
        let query = query_string(&[("limit", Some("1000".to_owned())), ("after", after)]);
        let page = service.get(&format!("verdicts?{query}")).await?;
        let names = members(&page, "/items").iter();
        let names = names.filter_map(|item| item.get("repository")?.as_str());
        seen.repositories.extend(names.map(str::to_owned));
        after = page.get("next").and_then(Value::as_str).map(str::to_owned);
        if after.is_none() {
            break;
        }
    }
    for id in set.excepted_ids().into_iter().take(MAX_ASKED) {
        let filters = [
            ("vulnerability", Some(id.clone())),
            ("limit", Some("1".to_owned())),
        ];
        let page = service
            .get(&format!("verdicts?{}", query_string(&filters)))
            .await?;
        if !members(&page, "/items").is_empty() {
            seen.ids.insert(id);
        }
    }
    Ok(seen)
}

fn usage(error: PolicyError) -> CommandError {
    CommandError::Usage(error.to_string())
}
