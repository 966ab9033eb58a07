//! `sluicegate verdicts export`: everything that is known of all images, page by page.
//!
//! Reading order: this file (what is asked for, and where it goes), `verdict_rows` (what a line has).

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::Value;
use sluicegate_formats::answers::InventoryAnswer;
use sluicegate_formats::cyclonedx::Images;
use sluicegate_formats::defectdojo::Report;
use sluicegate_formats::sarif::Runs;
use sluicegate_formats::text::counted;
use sluicegate_model::form::ReadAs;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::verdict::Verdict;

use super::CommandError;
use super::query::{
    ListFormat, Pages, Rows, Service, ServiceFlags, note, query_string, verdict_of,
};
use super::verdict_rows::{self, Of};
use super::verdicts::Filters;

/// What `--help` says at its end.
pub(super) const HELP: &str = "Examples:\n  \
    sluicegate verdicts export > verdicts.jsonl\n  \
    sluicegate verdicts export --of findings --format csv > findings.csv\n  \
    sluicegate verdicts export --of packages --repository library/nginx > packages.jsonl\n  \
    sluicegate verdicts export --format cyclonedx > images.cdx.json\n  \
    sluicegate verdicts export --format defectdojo --decision refuse > refused.json\n\n\
    Images come in the order in which they were first judged: one that is judged anew meanwhile keeps\n\
    its place, so that each is there once. Nothing is held that was written: any number of images\n\
    takes the same memory.";

/// What is written, and how.
#[derive(Args, Debug)]
pub struct ExportArgs {
    #[command(flatten)]
    service: ServiceFlags,
    /// Data directory of a stopped service
    #[arg(long, value_name = "DIR", conflicts_with = "service")]
    data: Option<PathBuf>,
    /// How to write it
    #[arg(long, value_enum, default_value_t = ExportFormat::Jsonl)]
    format: ExportFormat,
    /// What a line of JSON lines or CSV is about [default: verdicts]
    #[arg(long, value_enum)]
    of: Option<Of>,
    /// Leaves the titles of CSV out
    #[arg(long)]
    no_header: bool,
    /// Says nothing on the standard error but errors
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    filters: Filters,
}

/// How all of it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ExportFormat {
    /// One item a line.
    Jsonl,
    /// One item a row.
    Csv,
    /// SARIF 2.1.0: one log, a run for each image.
    Sarif,
    /// CycloneDX 1.6: one document, images with their packages and findings.
    Cyclonedx,
    /// The findings, as DefectDojo's Generic Findings Import takes them.
    Defectdojo,
}

/// Where images go.
enum Written<'a, W: Write> {
    Rows(Rows<'a, W>, Of),
    Sarif(Runs<&'a mut W>),
    Cyclonedx(Box<Images<&'a mut W, File>>),
    Defectdojo(Report<&'a mut W>),
}

/// What was written.
#[derive(Default)]
struct Told {
    images: usize,
    /// Those of which it is not known any more what they hold.
    without_inventory: usize,
}

/// Runs the command.
pub(super) async fn run(args: ExportArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let of = args.of.unwrap_or(Of::Verdicts);
    let is_document = !matches!(args.format, ExportFormat::Jsonl | ExportFormat::Csv);
    if is_document && args.of.is_some() {
        let why = "--of chooses the lines of jsonl and csv: a document has what its format has";
        return Err(CommandError::Usage(why.to_owned()));
    }
    let needs_packages = args.format == ExportFormat::Cyclonedx || of == Of::Packages;
    let include = if needs_packages {
        "inventory"
    } else {
        "findings"
    };
    let wanted = query_string(&[
        ("include", Some(include.to_owned())),
        ("order", Some("first-judged".to_owned())),
    ]);
    let filters = args.filters.query();
    let parts = [filters.as_str(), &wanted];
    let parts: Vec<&str> = parts.into_iter().filter(|it| !it.is_empty()).collect();
    let service = Service::of(&args.service, args.data.as_deref()).await?;
    let mut pages = Pages::of(&service, "verdicts", parts.join("&"), None);
    // Whoever cannot be asked leaves no half of a document behind.
    let mut page = pages.next_page().await?;
    let mut written = Written::begin(args.format, of, args.no_header, out)?;
    let mut told = Told::default();
    while let Some(items) = page {
        for item in items {
            told.images = told.images.saturating_add(1);
            let has_no_inventory = item.get("inventory").is_some_and(Value::is_null);
            told.without_inventory += usize::from(has_no_inventory);
            written.add(item)?;
        }
        page = pages.next_page().await?;
    }
    written.finish()?;
    if !args.quiet {
        told.note();
    }
    Ok(())
}

impl Told {
    fn note(&self) {
        if self.images == 0 {
            note("no verdicts match");
        }
        if self.without_inventory > 0 {
            note(&format!(
                "the packages of {} are no longer kept: the next pull makes them again",
                counted(self.without_inventory, "image")
            ));
        }
    }
}

impl<'a, W: Write> Written<'a, W> {
    fn begin(
        format: ExportFormat,
        of: Of,
        no_header: bool,
        out: &'a mut W,
    ) -> Result<Self, CommandError> {
        let rows = |out, format| Rows::new(out, of.listing(), format, no_header);
        Ok(match format {
            ExportFormat::Jsonl => Self::Rows(rows(out, ListFormat::Jsonl)?, of),
            ExportFormat::Csv => Self::Rows(rows(out, ListFormat::Csv)?, of),
            ExportFormat::Sarif => Self::Sarif(Runs::begin(out)?),
            ExportFormat::Defectdojo => Self::Defectdojo(Report::begin(out)?),
            ExportFormat::Cyclonedx => {
                let aside = [tempfile::tempfile()?, tempfile::tempfile()?];
                Self::Cyclonedx(Box::new(Images::begin(out, aside)?))
            }
        })
    }

    /// Writes one image of a page.
    fn add(&mut self, item: Value) -> Result<(), CommandError> {
        match self {
            Self::Rows(rows, of) => {
                return verdict_rows::each(*of, item, |row| rows.write(std::slice::from_ref(&row)));
            }
            Self::Sarif(runs) => runs.add(&verdict_of(item)?)?,
            Self::Defectdojo(report) => report.add(&verdict_of(item)?)?,
            Self::Cyclonedx(images) => {
                let (verdict, inventory) = image_of(item)?;
                images.add(&verdict, inventory.as_ref())?;
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<(), CommandError> {
        match self {
            Self::Rows(rows, _) => rows.finish(),
            Self::Sarif(runs) => Ok(runs.finish()?),
            Self::Defectdojo(report) => Ok(report.finish()?),
            Self::Cyclonedx(images) => Ok(images.finish()?),
        }
    }
}

/// Reads a verdict and what its image holds.
fn image_of(mut item: Value) -> Result<(Verdict, Option<Inventory>), CommandError> {
    let held = item.get_mut("inventory").map(Value::take);
    let read = serde_json::from_value::<Option<ReadAs<InventoryAnswer>>>(held.unwrap_or_default());
    let inventory = read.map_err(|error| {
        CommandError::Failed(format!("the service's answer is no inventory: {error}"))
    })?;
    Ok((verdict_of(item)?, inventory.map(|ReadAs(held)| held)))
}
