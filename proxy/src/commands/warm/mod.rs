//! `sluicegate warm`: lets a running service import and judge images ahead of their first pull, and
//! says what each policy would refuse.

mod asked;
mod told;

use std::io::{Read as _, Write};
use std::time::Duration;

use clap::Args;
use futures_util::StreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use self::asked::Asked;
use self::told::Image;
use super::query::{Format, Print, Service, ServiceFlags, cell, members, note};
use super::{CommandError, Done};

/// Between two looks at how far the service is.
const PAUSE: Duration = Duration::from_millis(300);
/// Before a service that is busy is asked again.
const BUSY_PAUSE: Duration = Duration::from_secs(2);
/// Scans at a time: half of what the service runs, so that others can ask as well.
const PARALLEL: usize = 8;
/// Most text read from the standard input, in bytes: the images of the largest clusters.
const MAX_LIST_BYTES: u64 = 16 * 1024 * 1024;
/// How the images are shown.
const BAR: &str = "{msg:40} {pos}/{len} {bar:30} {elapsed}";

/// Which images, and which service.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  sluicegate warm docker.io/library/nginx\n  \
        sluicegate warm 'quay.io/team/app:1.*' ghcr.io/team/tool --service gate.example:5080\n  \
        kubectl get pods -A -o jsonpath='{.items[*].spec.containers[*].image}' | tr ' ' '\\n' |\n    \
        sluicegate warm -\n\n\
        The service fetches, scans and judges every image that matches; the pulls that follow are\n\
        answered from its cache. Nothing counts as pulled. What the rules of each policy would\n\
        refuse is told whatever its mode makes of it, so that it can be seen before it is enforced.\n\n\
        Exit code: 0 all allowed, 1 one is refused by policy, 2 bad usage, 3 could not be done."
)]
pub struct WarmArgs {
    /// A repository, all of its tags; or the tags that a pattern with * and ? matches; or -, the
    /// standard input: references, one a line
    #[arg(value_name = "REPOSITORY[:TAG-GLOB]", required = true)]
    images: Vec<String>,
    #[command(flatten)]
    service: ServiceFlags,
    #[command(flatten)]
    print: Print,
}

/// Runs the command.
pub async fn run(args: WarmArgs, out: &mut (impl Write + Send)) -> Result<Done, CommandError> {
    let asked = asked(&args.images)?;
    if asked.is_empty() {
        if !args.print.quiet {
            note("no images were named");
        }
        return Ok(Done::Allowed);
    }
    let service = args.service.running().await?;
    let bar = if args.print.quiet {
        ProgressBar::hidden()
    } else {
        bar()
    };
    bar.set_length(asked.len() as u64);
    let scans = asked.iter().map(|asked| scan(&service, asked, &bar));
    let mut running = futures_util::stream::iter(scans).buffered(PARALLEL);
    let mut images = Vec::new();
    while let Some(scanned) = running.next().await {
        images.extend(scanned?);
    }
    drop(running);
    for image in &mut images {
        image.explain(&service).await?;
    }
    bar.finish_and_clear();
    match args.print.format {
        Format::Json => told::write_json(out, &images)?,
        Format::Table => told::write_tables(out, &images, args.print.no_header)?,
    }
    outcome(&images)
}

/// Reads the arguments, and the standard input where one of them is `-`.
fn asked(images: &[String]) -> Result<Vec<Asked>, CommandError> {
    let mut asked = Vec::new();
    for image in images {
        if image == "-" {
            let mut text = String::new();
            let read = std::io::stdin()
                .take(MAX_LIST_BYTES)
                .read_to_string(&mut text);
            read.map_err(|error| {
                CommandError::Failed(format!("cannot read the standard input: {error}"))
            })?;
            asked.extend(asked::of_lines(&text));
        } else {
            asked.push(Asked::matching(image));
        }
    }
    let mut known = std::collections::BTreeSet::new();
    asked.retain(|asked| known.insert(asked.image.clone()));
    Ok(asked)
}

/// Has one question answered: what it matches, judged.
async fn scan(
    service: &Service,
    asked: &Asked,
    bar: &ProgressBar,
) -> Result<Vec<Image>, CommandError> {
    bar.set_message(asked.image.clone());
    let failed = |why: String| Ok(vec![Image::failed(&asked.image, why)]);
    let mut scan = match start(service, asked).await {
        Ok(scan) => scan,
        Err(CommandError::Usage(why)) if asked.is_one_of_many => return failed(why),
        Err(error) => return Err(error),
    };
    let path = format!("scans/{}", cell(&scan, "/id"));
    while cell(&scan, "/state") == "running" {
        tokio::time::sleep(PAUSE).await;
        scan = match service.get(&path).await {
            Ok(scan) => scan,
            Err(CommandError::NotFound(why)) => return failed(why),
            Err(error) => return Err(error),
        };
    }
    bar.inc(1);
    if let Some(problem) = scan.pointer("/problem").and_then(Value::as_str) {
        return failed(problem.to_owned());
    }
    Ok(members(&scan, "/images")
        .iter()
        .map(Image::of_scan)
        .collect())
}

/// Starts a scan, once the service has room for it.
async fn start(service: &Service, asked: &Asked) -> Result<Value, CommandError> {
    let body = json!({"image": asked.image});
    loop {
        match service.post("scans", &body).await {
            Err(CommandError::Busy(_)) => tokio::time::sleep(BUSY_PAUSE).await,
            answered => return answered,
        }
    }
}

fn outcome(images: &[Image]) -> Result<Done, CommandError> {
    let failed: Vec<String> = images.iter().filter_map(Image::failure).collect();
    if !failed.is_empty() {
        return Err(CommandError::Failed(failed.join("\n")));
    }
    let refused = images.iter().any(Image::is_refused);
    Ok(if refused {
        Done::Refused
    } else {
        Done::Allowed
    })
}

/// Shows nothing where standard error is no terminal.
fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template(BAR);
    ProgressBar::no_length().with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
