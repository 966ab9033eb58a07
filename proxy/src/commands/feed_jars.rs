//! `sluicegate feeds jars`: an index of well-known JARs, made from a Maven repository or from Trivy's
//! database.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use serde_json::json;
use sluicegate_feeds::mirror::told;
use sluicegate_formats::text::printable;
use sluicegate_machine::private;
use sluicegate_scanner::jars::{
    Digests, JarsBuilder, JarsError, Written, add_repository, add_trivy,
};

use super::CommandError;
use super::inspect_progress::Shown;
use super::query::{Format, print_json};

/// Archives between two reports of progress.
const PROGRESS_EVERY: u64 = 1_000;

/// From what to make an index, and where to put it.
#[derive(Args, Debug)]
pub struct JarsArgs {
    /// A directory laid out as a Maven repository, or Trivy's database of Java archives
    from: PathBuf,
    /// The file to write: knowledge/jars.idx in a feed's directory or in the data directory
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Takes the digests from the .sha1 files of the repository, with or without their archives
    #[arg(long)]
    sidecars: bool,
    /// How to print what was done
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Makes an index.
pub async fn run(args: JarsArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let shown = Shown::new();
    let (progress, from, file) = (shown.clone(), args.from.clone(), args.out.clone());
    let digests = if args.sidecars {
        Digests::Sidecars
    } else {
        Digests::Hashed
    };
    let make = move || make(&from, &file, digests, &progress);
    let made = tokio::task::spawn_blocking(make).await;
    shown.clear();
    let made = made.map_err(|panic| CommandError::Failed(panic.to_string()))?;
    let (written, of) = made.map_err(|error| CommandError::Failed(told(&error)))?;
    let Written {
        archives,
        bytes,
        odd,
        alike,
    } = written;
    if args.format == Format::Json {
        let made = json!({
            "file": args.out, "archives": archives, "bytes": bytes, "newest": of,
            "left_out": {"odd": odd, "alike": alike},
        });
        return print_json(out, &made);
    }
    let file = args.out.display().to_string();
    writeln!(out, "archives   {archives}")?;
    writeln!(
        out,
        "left out   {odd} odd, {alike} published under too many names"
    )?;
    writeln!(out, "of         {of}")?;
    Ok(writeln!(out, "{}: {bytes} bytes", printable(&file))?)
}

fn make(
    from: &Path,
    file: &Path,
    digests: Digests,
    shown: &Shown,
) -> Result<(Written, Timestamp), JarsError> {
    let failed = |action, path: &Path| {
        let path = path.to_owned();
        move |source| JarsError::Io {
            action,
            path,
            source,
        }
    };
    let metadata = from.metadata().map_err(failed("look at", from))?;
    if let Some(directory) = file.parent().filter(|it| !it.as_os_str().is_empty()) {
        private::create_dir_all(directory).map_err(failed("create", directory))?;
    }
    let mut builder = JarsBuilder::at(file)?;
    let mut on_progress = |archives: u64| {
        if archives.is_multiple_of(PROGRESS_EVERY) {
            shown.archives(archives);
        }
    };
    let now = Timestamp::now();
    let of = if metadata.is_dir() {
        add_repository(&mut builder, from, digests, &mut on_progress)?;
        now
    } else {
        add_trivy(&mut builder, from, &mut on_progress)?;
        let modified = metadata.modified().ok();
        let modified = modified.and_then(|at| Timestamp::try_from(at).ok());
        modified.map_or(now, |modified| modified.min(now))
    };
    let written = builder.finish(of, &from.display().to_string())?;
    Ok((written, of))
}
