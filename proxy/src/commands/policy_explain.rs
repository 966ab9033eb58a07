//! `sluicegate policy explain`: every rule, hit or not, and the value that decided.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use sluicegate_formats::text::{counted, printable};
use sluicegate_model::Digest;

use super::CommandError;
use super::policy_draft::draft;
use super::query::{Format, QuerySource, cell, members, print_json};

/// Which decision.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// The image's manifest digest
    #[arg(value_name = "DIGEST")]
    digest: Digest,
    /// The repository, as it is pulled or by its canonical name [default: that of its newest verdict]
    #[arg(long, value_name = "NAME")]
    repository: Option<String>,
    /// Files and directories of a draft [default: the policies in force]
    #[arg(long = "policy", value_name = "DRAFT")]
    draft: Vec<PathBuf>,
    #[command(flatten)]
    source: QuerySource,
}

/// Asks a service, and shows what it says.
pub(super) async fn run(args: &ExplainArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let drafted = if args.draft.is_empty() {
        None
    } else {
        Some(draft(&args.draft)?)
    };
    let asked = json!({
        "digest": args.digest,
        "repository": args.repository,
        "draft": drafted,
    });
    let service = args.source.connect().await?;
    let told = service.post("policies/explain", &asked).await?;
    if args.source.print.format == Format::Json {
        return print_json(out, &told);
    }
    write(&told, out)
}

fn write(told: &Value, out: &mut impl Write) -> Result<(), CommandError> {
    let text = |value: &Value, pointer: &str| printable(&cell(value, pointer));
    let decision = text(told, "/decision");
    let (repository, digest) = (text(told, "/repository"), text(told, "/digest"));
    writeln!(out, "{decision}  {repository}@{digest}")?;
    let allowed_by: Vec<&str> = strings(told, "/allowed_by");
    if !allowed_by.is_empty() {
        writeln!(out, "allowed by {}", printable(&allowed_by.join(", ")))?;
    }
    for policy in members(told, "/policies") {
        let ceiling = text(policy, "/ceiling");
        let mode = match ceiling.as_str() {
            "refuse" => String::new(),
            ceiling => format!(" (at most {ceiling})"),
        };
        writeln!(out, "\npolicy {}{mode}", text(policy, "/name"))?;
        for reason in members(policy, "/built_in") {
            let (rule, action) = (text(reason, "/rule"), text(reason, "/action"));
            writeln!(out, "  SPEAKS  {rule}: {action}")?;
            writeln!(out, "          {}", text(reason, "/message"))?;
        }
        for rule in members(policy, "/rules") {
            write_rule(rule, out)?;
        }
    }
    write_turn(told, out)
}

fn write_rule(rule: &Value, out: &mut impl Write) -> Result<(), CommandError> {
    let text = |value: &Value, pointer: &str| printable(&cell(value, pointer));
    let word = match rule.get("speaks").and_then(Value::as_bool) {
        Some(true) => "SPEAKS",
        Some(false) => "silent",
        None => "name  ",
    };
    let hits = rule.get("hits").and_then(Value::as_u64).unwrap_or(0);
    let found = match hits {
        0 => String::new(),
        hits => {
            let hits = usize::try_from(hits).unwrap_or(usize::MAX);
            format!(", hits {}", counted(hits, "finding"))
        }
    };
    let (id, action) = (text(rule, "/id"), text(rule, "/action"));
    writeln!(out, "  {word}  {id}: {action}{found}")?;
    if word.starts_with("name") {
        writeln!(out, "          decides by the name an image is asked for")?;
    }
    for asked in members(rule, "/image") {
        write_asked("image ", asked, out)?;
    }
    for finding in members(rule, "/findings") {
        let (id, package) = (text(finding, "/id"), text(finding, "/package"));
        let is_hit = finding.get("is_hit") == Some(&Value::Bool(true));
        let nearest = if is_hit { "" } else { "nearest: " };
        let version = text(finding, "/version");
        writeln!(out, "          {nearest}{id} in {package} {version}")?;
        for asked in members(finding, "/asked") {
            write_asked("  ", asked, out)?;
        }
    }
    Ok(())
}

fn write_asked(before: &str, asked: &Value, out: &mut impl Write) -> Result<(), CommandError> {
    let text = |pointer: &str| printable(&cell(asked, pointer));
    let holds = match asked.get("holds").and_then(Value::as_bool) {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not known",
    };
    let (condition, got, wanted) = (text("/condition"), text("/got"), text("/wanted"));
    writeln!(
        out,
        "          {before}{condition}: {got}, wanted {wanted}: {holds}"
    )?;
    Ok(())
}

fn write_turn(told: &Value, out: &mut impl Write) -> Result<(), CommandError> {
    let Some(turn) = told.get("turn").filter(|turn| turn.is_object()) else {
        return Ok(writeln!(out, "\nno rule is near to deciding otherwise")?);
    };
    writeln!(out, "\nwould be {} if", printable(&cell(turn, "/to")))?;
    for change in members(turn, "/changes") {
        let text = |pointer: &str| printable(&cell(change, pointer));
        writeln!(
            out,
            "  {} ({}): {}",
            text("/what"),
            text("/rule"),
            text("/how")
        )?;
    }
    Ok(())
}

fn strings<'a>(value: &'a Value, pointer: &str) -> Vec<&'a str> {
    let all = members(value, pointer).iter();
    all.filter_map(Value::as_str).collect()
}
