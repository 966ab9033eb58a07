//! `sluicegate policy replay`: a draft of policies over the pulls that were recorded.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use sluicegate_formats::text::{counted, printable};

use super::CommandError;
use super::policy_draft::draft;
use super::query::{Format, QuerySource, Service, cell, members, note, print_json, write_rows};
use crate::moment::{Moment, NoMoment};

/// How often it is asked how far a replay is.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Clients that are named in a row.
const NAMED: usize = 3;
/// Characters of a digest that tell images apart.
const SHORT: usize = 19;

/// Which draft, and which pulls.
#[derive(Args, Debug)]
pub struct ReplayArgs {
    /// Files and directories of the draft
    #[arg(required = true, value_name = "DRAFT")]
    draft: Vec<PathBuf>,
    /// Pulls from this instant, this day (UTC) or so long ago on
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = checked)]
    since: String,
    #[command(flatten)]
    source: QuerySource,
}

/// Tells of a text whether it is a moment; the service reads it.
fn checked(text: &str) -> Result<String, NoMoment> {
    text.parse().map(|_: Moment| text.to_owned())
}

/// Has a service replay, and shows what came out.
pub(super) async fn run(args: &ReplayArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let asked = json!({"draft": draft(&args.draft)?, "since": args.since});
    let service = args.source.connect().await?;
    let begun = service.post("policies/replays", &asked).await?;
    let ended = until_ended(&service, begun).await?;
    if let Some(problem) = ended.get("problem").and_then(Value::as_str) {
        return Err(CommandError::Failed(printable(problem)));
    }
    if args.source.print.format == Format::Json {
        return print_json(out, &ended);
    }
    let no_header = args.source.print.no_header;
    for (what, of) in [
        ("newly refused", "/newly_refused"),
        ("newly allowed", "/newly_allowed"),
    ] {
        if let Some(changed) = ended.pointer(of) {
            write_changed(what, changed, no_header, out)?;
        }
    }
    let count = |pointer: &str| number(&ended, pointer);
    let since = cell(&ended, "/since");
    writeln!(
        out,
        "{} of {} since {since} were held against the draft",
        counted(count("/pulls"), "pull"),
        counted(count("/images"), "image"),
    )?;
    if count("/not_known") > 0 {
        note(&format!(
            "{} are of images of which it is not kept any more what they hold",
            counted(count("/not_known"), "pull")
        ));
    }
    Ok(())
}

/// Shows how far it is until it has ended.
async fn until_ended(service: &Service, begun: Value) -> Result<Value, CommandError> {
    let id = cell(&begun, "/id");
    let bar = ProgressBar::new(0);
    let style =
        ProgressStyle::with_template("{msg:30} {human_pos:>12} {bar:30} of {human_len} images");
    bar.set_style(style.unwrap_or_else(|_wrong_template| ProgressStyle::default_bar()));
    let mut replay = begun;
    while replay.get("state").and_then(Value::as_str) == Some("running") {
        tokio::time::sleep(LOOK_AGAIN).await;
        replay = service.get(&format!("policies/replays/{id}")).await?;
        let lines = number(&replay, "/lines");
        bar.set_message(format!("replaying, {} read", counted(lines, "line")));
        bar.set_length(number(&replay, "/images") as u64);
        bar.set_position(number(&replay, "/images_done") as u64);
    }
    bar.finish_and_clear();
    Ok(replay)
}

fn write_changed(
    what: &str,
    changed: &Value,
    no_header: bool,
    out: &mut impl Write,
) -> Result<(), CommandError> {
    let count = |pointer: &str| number(changed, pointer);
    if count("/pulls") == 0 {
        return Ok(writeln!(out, "{what}: none")?);
    }
    let (pulls, images) = (
        counted(count("/pulls"), "pull"),
        counted(count("/images"), "image"),
    );
    writeln!(out, "{what}: {pulls} of {images}")?;
    let titles = [
        "PULLS", "IMAGE", "RECORDED", "IN FORCE", "DRAFT", "RULE", "CLIENTS",
    ];
    let rows = members(changed, "/rows").iter().map(row);
    write_rows(out, &titles, no_header, rows)?;
    match count("/more_rows") {
        0 => Ok(()),
        more => Ok(writeln!(out, "and {more} more")?),
    }
}

fn row(row: &Value) -> [String; 7] {
    let text = |pointer: &str| cell(row, pointer);
    let digest = row.get("digest").and_then(Value::as_str);
    let short = digest.map(|digest| digest.chars().take(SHORT).collect::<String>());
    let tag = row.get("tag").and_then(Value::as_str);
    let image = match (tag, short) {
        (Some(tag), _) => format!("{}:{tag}", text("/repository")),
        (None, Some(digest)) => format!("{}@{digest}", text("/repository")),
        (None, None) => text("/repository"),
    };
    let client = |it: &Value| format!("{} ({})", cell(it, "/client"), cell(it, "/pulls"));
    let clients = members(row, "/clients").iter().take(NAMED).map(client);
    let mut clients: Vec<String> = clients.collect();
    let all = members(row, "/clients").len() + number(row, "/more_clients");
    if all > NAMED {
        clients.push(format!("and {} more", all - NAMED));
    }
    [
        text("/pulls"),
        image,
        text("/recorded"),
        text("/in_force"),
        text("/draft"),
        text("/rule"),
        clients.join(", "),
    ]
}

fn number(value: &Value, pointer: &str) -> usize {
    let number = value.pointer(pointer).and_then(Value::as_u64);
    number.and_then(|it| usize::try_from(it).ok()).unwrap_or(0)
}
