//! How query commands reach what they show, and how they print it.
//!
//! Reading order: this file (the flags), `service` (who answers, by
//! what `address` reads and `transport` carries), `listing` (how lists are printed).

mod address;
mod listing;
mod pages;
mod service;
mod transport;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::SignedDuration;
use serde_json::Value;
use sluicegate_config::{Environment, Flags, load_with_file};
use sluicegate_model::Repository;
use url::Url;

pub use listing::{Column, Listing, Rows, Shape, write_rows};
pub use pages::Pages;
pub use service::{AdminFlags, Service, ServiceFlags};

use sluicegate_formats::answers::VerdictAnswer;
use sluicegate_formats::json::write_document;
use sluicegate_formats::text::{printable, printable_lines};
use sluicegate_model::form::ReadAs;
use sluicegate_model::names::Names;
use sluicegate_model::verdict::Verdict;

use super::CommandError;
use crate::moment::Moment;

/// Where to ask for one thing, and how to print it.
#[derive(Args, Clone, Debug)]
pub struct QuerySource {
    /// Which service.
    #[command(flatten)]
    pub service: ServiceFlags,
    /// Data directory of a stopped service
    #[arg(long, value_name = "DIR", conflicts_with = "service")]
    pub data: Option<PathBuf>,
    /// How to print.
    #[command(flatten)]
    pub print: Print,
}

/// Where to ask for a list, and how to print it.
#[derive(Args, Clone, Debug)]
pub struct ListSource {
    /// Which service.
    #[command(flatten)]
    pub service: ServiceFlags,
    /// Data directory of a stopped service
    #[arg(long, value_name = "DIR", conflicts_with = "service")]
    pub data: Option<PathBuf>,
    /// How to print.
    #[command(flatten)]
    pub print: PrintList,
}

/// How to print one thing, and what to say beside it.
#[derive(Args, Clone, Copy, Debug)]
pub struct Print {
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Leaves the titles of tables out
    #[arg(long)]
    pub no_header: bool,
    /// Says nothing on the standard error but errors
    #[arg(long, short)]
    pub quiet: bool,
}

/// How to print a list, and what to say beside it.
#[derive(Args, Clone, Copy, Debug)]
pub struct PrintList {
    /// How to print
    #[arg(long, value_enum, default_value_t = ListFormat::Table)]
    pub format: ListFormat,
    /// Leaves the titles of tables and CSV out
    #[arg(long)]
    pub no_header: bool,
    /// Says nothing on the standard error but errors
    #[arg(long, short)]
    pub quiet: bool,
}

/// Where to ask for all of a list, and how to write it.
#[derive(Args, Clone, Debug)]
pub struct ExportSource {
    #[command(flatten)]
    service: ServiceFlags,
    /// Data directory of a stopped service
    #[arg(long, value_name = "DIR", conflicts_with = "service")]
    data: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t = ExportFormat::Jsonl)]
    format: ExportFormat,
    /// Leaves the titles of CSV out
    #[arg(long)]
    no_header: bool,
    /// Says nothing on the standard error but errors
    #[arg(long, short)]
    quiet: bool,
}

/// How all of a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// One item a line.
    Jsonl,
    /// One item a row.
    Csv,
}

/// How to print one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person.
    Table,
    /// For a machine.
    Json,
}

/// How to print a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For a person.
    Table,
    /// For a machine: what the API answers.
    Json,
    /// For a machine: one item a line.
    Jsonl,
    /// For a spreadsheet.
    Csv,
}

impl QuerySource {
    /// Reaches for whoever answers.
    pub async fn connect(&self) -> Result<Service, CommandError> {
        Service::of(&self.service, self.data.as_deref()).await
    }

    /// Asks for a path under `/api/v1/`.
    pub async fn get(&self, path_and_query: &str) -> Result<Value, CommandError> {
        self.connect().await?.get(path_and_query).await
    }
}

impl ListSource {
    /// Reaches for whoever answers.
    pub async fn connect(&self) -> Result<Service, CommandError> {
        Service::of(&self.service, self.data.as_deref()).await
    }
}

impl PrintList {
    /// Says something to a person, who may not want to hear it.
    pub fn note(self, text: &str) {
        if !self.quiet {
            note(text);
        }
    }

    /// Prints one page of a list; what it lacks, and where the next one starts, is said beside it.
    pub fn page(
        self,
        out: &mut impl Write,
        listing: &Listing,
        page: &Value,
    ) -> Result<(), CommandError> {
        if self.format == ListFormat::Json {
            print_json(out, page)?;
        } else {
            let mut rows = Rows::new(out, listing, self.format, self.no_header)?;
            rows.write(items(page))?;
            rows.finish()?;
        }
        match (items(page), next(page)) {
            ([], None) => self.note(&format!("no {} match", listing.noun)),
            (_, Some(next)) => self.note(&format!("there are more: --after {next}")),
            (_, None) => {}
        }
        Ok(())
    }
}

impl ExportSource {
    /// Writes a list of the API from its first item to its last, page by page.
    pub async fn write_all(
        &self,
        list: &str,
        filters: String,
        listing: &Listing,
        out: &mut impl Write,
    ) -> Result<(), CommandError> {
        let service = Service::of(&self.service, self.data.as_deref()).await?;
        let format = match self.format {
            ExportFormat::Jsonl => ListFormat::Jsonl,
            ExportFormat::Csv => ListFormat::Csv,
        };
        let mut pages = Pages::of(&service, list, filters, None);
        let mut rows = Rows::new(out, listing, format, self.no_header)?;
        let mut is_empty = true;
        while let Some(items) = pages.next_page().await? {
            is_empty &= items.is_empty();
            rows.write(&items)?;
        }
        rows.finish()?;
        if is_empty && !self.quiet {
            note(&format!("no {} match", listing.noun));
        }
        Ok(())
    }
}

/// Gives the canonical name of a repository by the configuration of this process.
pub fn named_here(name: &str) -> Result<Repository, CommandError> {
    let wrong = |error: &dyn std::fmt::Display| CommandError::Usage(error.to_string());
    let loaded = load_with_file(Flags::default(), &Environment::of_process());
    let settings = loaded.map_err(|errors| wrong(&errors))?.settings;
    let upstreams = settings.upstreams.keys().map(String::as_str);
    let own = settings.names.iter().map(String::as_str);
    let names = Names::new(upstreams, own, &settings.default_upstream);
    names.canonical(name, None).map_err(|error| wrong(&error))
}

/// Says something to a person, on the standard error.
pub fn note(text: &str) {
    let _nobody_listens = writeln!(std::io::stderr(), "{}", printable_lines(text));
}

/// Reads the address of a service: a URL, or a host with or without a port.
pub fn service_url(text: &str) -> Result<Url, CommandError> {
    let wrong = |why: String| CommandError::Usage(format!("--service: {why}"));
    let base = address::base_url(text).map_err(|why| wrong(why.to_string()))?;
    Url::parse(&base).map_err(|why| wrong(why.to_string()))
}

/// Builds a query string from the parameters that are there.
pub fn query_string(pairs: &[(&str, Option<String>)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    query.finish()
}

/// Prints a value for a machine.
pub fn print_json(out: &mut impl Write, value: &Value) -> Result<(), CommandError> {
    Ok(write_document(value, out)?)
}

/// Gives a member of a JSON object as text for a table cell, printable.
pub fn cell(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => "-".into(),
        Some(Value::String(text)) => printable(text),
        Some(other) => printable(&other.to_string()),
    }
}

/// Gives the members of a list inside a JSON value; nothing where there is no list.
pub fn members<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// Gives the items of a page.
pub fn items(page: &Value) -> &[Value] {
    members(page, "/items")
}

/// Gives the cursor of the next page.
pub fn next(page: &Value) -> Option<&str> {
    page.pointer("/next").and_then(Value::as_str)
}

/// Reads the verdict on one image that a service answers.
///
/// *Errors*: [`CommandError::Failed`] for anything else, an index's among it.
pub fn verdict_of(answer: Value) -> Result<Verdict, CommandError> {
    let read = serde_json::from_value::<ReadAs<VerdictAnswer>>(answer);
    let ReadAs(verdict) = read.map_err(|error| {
        CommandError::Failed(format!(
            "the service's answer is no verdict on one image: {error}"
        ))
    })?;
    Ok(verdict)
}

/// Reads how long something is to be good, in seconds.
///
/// *Errors*: [`CommandError::Usage`] for an instant, and for no time at all.
pub fn seconds(flag: &str, time: Moment) -> Result<u32, CommandError> {
    let span = match time {
        Moment::Ago(span) => span,
        Moment::At(_) => SignedDuration::ZERO,
    };
    let fits = u32::try_from(span.as_secs()).ok().filter(|secs| *secs > 0);
    fits.ok_or_else(|| CommandError::Usage(format!("{flag}: wanted a time such as 90d or 12h")))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use sluicegate_formats::text::is_treacherous;

    use super::{cell, print_json};

    #[test]
    fn what_a_service_says_steers_no_terminal() {
        let evil = "1\u{1b}[2J\u{9b}31m\u{7f}\u{202e}\u{2028}\nforged";
        let answer = json!({"tag": evil, "list": [evil], "none": null});
        for pointer in ["/tag", "/list", "/none", "/absent"] {
            let shown = cell(&answer, pointer);
            assert!(!shown.contains(is_treacherous), "{shown:?}");
        }
        let mut out = Vec::new();
        print_json(&mut out, &answer).unwrap();
        let text = String::from_utf8(out).unwrap();
        let acts = |c: char| c != '\n' && is_treacherous(c);
        assert!(!text.contains(acts), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), answer);
    }
}
