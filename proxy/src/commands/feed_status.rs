//! `sluicegate feeds status`: how current the advisories are, and what of them could not be read.

use std::io::Write;
use std::path::Path;

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};
use sluicegate_feeds::shown::{kept, problems, shown};
use sluicegate_formats::text;

use super::CommandError;
use super::query::{Format, QuerySource, cell, members, print_json, write_rows};

/// Where to ask, and how to print.
#[derive(Args, Debug)]
pub struct StatusArgs {
    /// Lists the records that could not be read, each with its reason
    #[arg(long)]
    problems: bool,
    #[command(flatten)]
    source: QuerySource,
}

/// Runs the command.
pub async fn run(args: StatusArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let (mut feeds, unread) = match &args.source.data {
        Some(data) => stopped(data, args.problems)?,
        None => running(&args.source, args.problems).await?,
    };
    if args.source.print.format == Format::Json {
        if let (Some(feeds), true) = (feeds.as_object_mut(), args.problems) {
            feeds.insert("unread".to_owned(), unread);
        }
        return print_json(out, &feeds);
    }
    let no_header = args.source.print.no_header;
    write_feeds(out, no_header, &feeds)?;
    if args.problems && members(&unread, "").is_empty() {
        writeln!(out, "\nevery record could be read")?;
    } else if args.problems {
        let titles = ["ECOSYSTEM", "RECORD", "REASON"];
        let row = |item: &Value| ["/ecosystem", "/record", "/reason"].map(|at| cell(item, at));
        write_table(
            out,
            no_header,
            &titles,
            members(&unread, "").iter().map(row),
        )?;
    }
    Ok(())
}

async fn running(source: &QuerySource, is_wanted: bool) -> Result<(Value, Value), CommandError> {
    let member = |mut answer: Value, name: &str| {
        let member = answer.get_mut(name).map(Value::take);
        member.unwrap_or_default()
    };
    let feeds = member(source.get("status").await?, "feeds");
    let mut unread = Value::Null;
    if is_wanted {
        unread = member(source.get("feeds/problems").await?, "items");
    }
    Ok((feeds, unread))
}

fn stopped(data: &Path, is_wanted: bool) -> Result<(Value, Value), CommandError> {
    let now = Timestamp::now();
    let state = kept(data, now).map_err(|error| CommandError::NotFound(error.to_string()))?;
    let unread = if is_wanted {
        json!(problems(&state.index))
    } else {
        Value::Null
    };
    Ok((shown(&state, false, now), unread))
}

fn write_feeds(out: &mut impl Write, no_header: bool, feeds: &Value) -> Result<(), CommandError> {
    writeln!(out, "snapshot  {}", cell(feeds, "/snapshot"))?;
    writeln!(out, "loaded    {}", cell(feeds, "/loaded"))?;
    let titles = ["SOURCE", "CONFIRMED", "AGE", "BUNDLE", "EXPIRES", "PROBLEM"];
    let row = |source: &Value| {
        [
            cell(source, "/source"),
            cell(source, "/confirmed"),
            age(source),
            cell(source, "/bundle/version"),
            cell(source, "/bundle/expires"),
            cell(source, "/problem"),
        ]
    };
    write_table(
        out,
        no_header,
        &titles,
        members(feeds, "/sources").iter().map(row),
    )?;
    let titles = ["FAMILY", "NEWEST", "AGE", "AUTO"];
    let row = |family: &Value| {
        [
            cell(family, "/family"),
            cell(family, "/newest"),
            age(family),
            worded(family.get("usual_seconds")),
        ]
    };
    write_table(
        out,
        no_header,
        &titles,
        members(feeds, "/families").iter().map(row),
    )?;
    write_ecosystems(out, no_header, feeds)
}

fn write_ecosystems(
    out: &mut impl Write,
    no_header: bool,
    feeds: &Value,
) -> Result<(), CommandError> {
    let titles = [
        "ECOSYSTEM",
        "RECORDS",
        "NEWEST",
        "AGE",
        "NO SEVERITY",
        "PROBLEMS",
    ];
    let row = |ecosystem: &Value| {
        [
            cell(ecosystem, "/ecosystem"),
            cell(ecosystem, "/records"),
            cell(ecosystem, "/newest"),
            age(ecosystem),
            share(ecosystem),
            cell(ecosystem, "/problems"),
        ]
    };
    write_table(
        out,
        no_header,
        &titles,
        members(feeds, "/ecosystems").iter().map(row),
    )?;
    let titles = ["TABLE", "ENTRIES", "NEWEST", "AGE"];
    let row = |table: &Value| {
        [
            cell(table, "/table"),
            cell(table, "/entries"),
            cell(table, "/newest"),
            age(table),
        ]
    };
    match members(feeds, "/tables") {
        [] => {}
        tables => write_table(out, no_header, &titles, tables.iter().map(row))?,
    }
    let titles = ["KNOWLEDGE", "ENTRIES", "NEWEST", "AGE", "FROM"];
    let row = |known: &Value| {
        [
            cell(known, "/knowledge"),
            cell(known, "/entries"),
            cell(known, "/newest"),
            age(known),
            cell(known, "/source"),
        ]
    };
    match members(feeds, "/knowledge") {
        [] => Ok(()),
        known => write_table(out, no_header, &titles, known.iter().map(row)),
    }
}

fn write_table<const N: usize>(
    out: &mut impl Write,
    no_header: bool,
    titles: &[&'static str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> Result<(), CommandError> {
    let rows = rows.map(|row| row.map(|cell| text::printable(&cell)));
    writeln!(out)?;
    write_rows(out, titles, no_header, rows)
}

/// Words an item's age.
fn age(item: &Value) -> String {
    worded(item.get("age_seconds"))
}

/// Words seconds so that they can be compared at a glance: by their two largest units.
pub(super) fn worded(seconds: Option<&Value>) -> String {
    let Some(seconds) = seconds.and_then(Value::as_i64) else {
        return "-".to_owned();
    };
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (1.., ..) => format!("{days}d {}h", hours % 24),
        (_, 1.., _) => format!("{hours}h {}m", minutes % 60),
        (_, _, 1..) => format!("{minutes}m"),
        _ => format!("{seconds}s"),
    }
}

/// Gives the share of the records that state no severity.
fn share(ecosystem: &Value) -> String {
    let number = |name: &str| ecosystem.get(name).and_then(Value::as_u64);
    match (number("without_severity"), number("records")) {
        (Some(without), Some(records @ 1..)) => format!("{}%", without * 100 / records),
        _ => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_shares_are_worded_for_people() {
        for (seconds, words) in [
            (59, "59s"),
            (60, "1m"),
            (3_599, "59m"),
            (7_380, "2h 3m"),
            (86_400, "1d 0h"),
            (400 * 86_400 + 3_600, "400d 1h"),
        ] {
            assert_eq!(age(&json!({"age_seconds": seconds})), words);
        }
        assert_eq!(age(&json!({"age_seconds": null})), "-");
        for (without, records, words) in [(0, 3, "0%"), (2, 3, "66%"), (3, 3, "100%"), (0, 0, "-")]
        {
            let ecosystem = json!({"without_severity": without, "records": records});
            assert_eq!(share(&ecosystem), words);
        }
    }
}
