//! `sluicegate warm`: lets a running service import and judge images ahead of their first pull.

use std::io::Write;
use std::time::Duration;

use clap::Args;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::query::{Format, Source, cell, members, print_json};
use super::{CommandError, Done};

/// Between two looks at how far the service is.
const PAUSE: Duration = Duration::from_millis(300);
/// How the images are shown.
const BAR: &str = "{msg:40} {pos}/{len} {bar:30} {elapsed}";

/// Which images, and which service.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  sluicegate warm docker.io/library/nginx\n  \
        sluicegate warm 'quay.io/team/app:1.*' --service http://gate.example:5080\n\n\
        The service fetches, scans and judges every image that matches; the pulls that follow are\n\
        answered from its cache. Nothing counts as pulled.\n\n\
        Exit code: 0 all allowed, 1 one is refused by policy, 2 bad usage, 3 could not be done."
)]
pub struct WarmArgs {
    /// A repository, all of its tags; or the tags that a pattern with * and ? matches
    #[arg(value_name = "REPOSITORY[:TAG-GLOB]")]
    images: String,
    /// URL of the service's API [default: http://127.0.0.1:5080]
    #[arg(long, value_name = "URL")]
    service: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Runs the command.
pub async fn run(args: WarmArgs, out: &mut impl Write) -> Result<Done, CommandError> {
    let service = Source {
        service: args.service,
        data: None,
        format: args.format,
    };
    let image = json!({"image": with_tags(&args.images)});
    let mut scan = service.post("scans", &image).await?;
    let path = format!("scans/{}", cell(&scan, "/id"));
    let bar = bar();
    while cell(&scan, "/state") == "running" {
        show(&bar, &scan);
        tokio::time::sleep(PAUSE).await;
        scan = service.get(&path).await?;
    }
    bar.finish_and_clear();
    match args.format {
        Format::Json => print_json(out, &scan)?,
        Format::Table => print_table(out, &scan)?,
    }
    outcome(&scan)
}

/// Means all tags where none is written.
fn with_tags(images: &str) -> String {
    let last = images.rsplit('/').next().unwrap_or_default();
    if last.contains([':', '@']) {
        return images.to_owned();
    }
    format!("{images}:*")
}

fn outcome(scan: &Value) -> Result<Done, CommandError> {
    if let Some(problem) = scan.pointer("/problem").and_then(Value::as_str) {
        return Err(CommandError::Failed(problem.to_owned()));
    }
    let images = members(scan, "/images").iter();
    let failed: Vec<String> = images
        .filter(|image| cell(image, "/state") == "failed")
        .map(|image| format!("{}: {}", cell(image, "/image"), cell(image, "/problem")))
        .collect();
    if !failed.is_empty() {
        return Err(CommandError::Failed(failed.join("\n")));
    }
    let refused = cell(scan, "/decision") == "refuse";
    Ok(if refused {
        Done::Refused
    } else {
        Done::Allowed
    })
}

fn print_table(out: &mut impl Write, scan: &Value) -> Result<(), CommandError> {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["DECISION", "IMAGE", "DIGEST"]);
    for image in members(scan, "/images") {
        let columns = ["/decision", "/image", "/digest"];
        table.add_row(columns.map(|pointer| cell(image, pointer)));
    }
    Ok(writeln!(out, "{table}")?)
}

/// Shows nothing where standard error is no terminal.
fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template(BAR);
    ProgressBar::no_length().with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn show(bar: &ProgressBar, scan: &Value) {
    let images = members(scan, "/images");
    let has_ended = |image: &&Value| ["done", "failed"].contains(&cell(image, "/state").as_str());
    bar.set_length(images.len() as u64);
    bar.set_position(images.iter().filter(has_ended).count() as u64);
    let running = images.iter().find(|i| cell(i, "/state") == "running");
    bar.set_message(running.map_or_else(String::new, |image| cell(image, "/image")));
}

#[cfg(test)]
mod tests {
    use super::with_tags;

    #[test]
    fn a_repository_alone_means_all_of_its_tags() {
        for (images, asked) in [
            ("nginx", "nginx:*"),
            ("localhost:5000/team/app", "localhost:5000/team/app:*"),
            ("quay.io/team/app:1.*", "quay.io/team/app:1.*"),
            ("quay.io/team/app@sha256:12", "quay.io/team/app@sha256:12"),
        ] {
            assert_eq!(with_tags(images), asked);
        }
    }
}
