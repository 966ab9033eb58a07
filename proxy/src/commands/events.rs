//! `sluicegate events list|follow`: which verdicts changed without a pull, and whom that concerns;
//! what else happened that nobody asked for.

use std::io::Write;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::Value;
use sluicegate_engine::events::EventKind;

use super::CommandError;
use super::query::{
    Column, ListSource, Listing, Pages, PrintList, Rows, Service, ServiceFlags, Shape, query_string,
};

/// Between two looks at what has happened.
const PAUSE: Duration = Duration::from_secs(2);

const LISTED: Listing = Listing {
    noun: "events",
    columns: &[
        Column::text("SEQ", "/seq"),
        Column::of("TIME", "/time", Shape::Time),
        Column::text("TYPE", "/type"),
        Column::text("DIRECTION", "/direction"),
        Column::text("BEFORE", "/decision/before"),
        Column::text("AFTER", "/decision/after"),
        Column::text("REPOSITORY", "/repository"),
        Column::of("TAGS", "/tags", Shape::Texts),
        Column::of("DIGEST", "/digest", Shape::Digest),
        Column::of("ADDED", "/findings/added/ids", Shape::Texts),
        Column::of("REMOVED", "/findings/removed/ids", Shape::Texts),
        Column::of("CAUSE", "/cause", Shape::Made(cause)),
        Column::of("PULLED BY", "/pulled_by", Shape::Made(clients)),
        Column::text("SCANNER", "/scanner"),
        Column::text("REASON", "/reason"),
        Column::text("CLIENT", "/client"),
        Column::text("COUNT", "/count"),
        Column::text("RULE", "/rule"),
        Column::text("EXCEPTION", "/exception"),
        Column::text("FAMILY", "/family"),
        Column::of("ENDS", "/ends", Shape::Time),
    ],
};

/// What changed without a pull
#[derive(Subcommand, Debug)]
#[command(after_help = "Example: sluicegate events list --direction worse --since 7d")]
pub enum EventsCommand {
    /// Lists events, newest first
    #[command(after_help = "Examples:\n  \
        sluicegate events list --direction worse --since 7d\n  \
        sluicegate events list --vulnerability CVE-2021-44228 --format jsonl\n  \
        sluicegate events list --cause policy --repository library/nginx\n  \
        sluicegate events list --type scanner.lost\n  \
        sluicegate events follow --type pull.blocked")]
    List(ListArgs),
    /// Prints events as they happen, until it is interrupted
    #[command(after_help = "Examples:\n  \
        sluicegate events follow --direction worse\n  \
        sluicegate events follow --since 1h --format jsonl\n\n\
        Where the service is away, it is asked again until it is back; no event is missed. With\n\
        --format json each event is a line, as with jsonl.")]
    Follow(FollowArgs),
}

/// Which events.
#[derive(Args, Debug)]
pub struct Filters {
    /// Only what happened of this kind
    #[arg(long = "type", value_name = "TYPE", value_parser = EventKind::ALL.map(EventKind::as_str))]
    kind: Option<String>,
    /// Only this repository, by its canonical name or as it is pulled
    #[arg(long, value_name = "NAME")]
    repository: Option<String>,
    /// Only this manifest digest
    #[arg(long, value_name = "DIGEST")]
    digest: Option<String>,
    /// Only those in which this finding came or went, by CVE or other id
    #[arg(long, value_name = "ID")]
    vulnerability: Option<String>,
    /// Only those that went this way
    #[arg(long, value_parser = ["worse", "better", "other"])]
    direction: Option<String>,
    /// Only those with this cause; time alone is the end of a grace or a support
    #[arg(long, value_parser = ["feeds", "policy", "scanner", "exceptions", "time"])]
    cause: Option<String>,
    /// Since this instant, day (UTC) or age: 2026-11-28T10:00:00Z, 2026-11-28, 7d
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Before this instant, day (UTC) or age
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
}

/// The filters of the list.
#[derive(Args, Debug)]
pub struct ListArgs {
    #[command(flatten)]
    source: ListSource,
    #[command(flatten)]
    filters: Filters,
    /// At most this many
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// Continue below this number
    #[arg(long, value_name = "SEQ")]
    after: Option<String>,
}

/// What is waited for.
#[derive(Args, Debug)]
pub struct FollowArgs {
    #[command(flatten)]
    service: ServiceFlags,
    #[command(flatten)]
    print: PrintList,
    #[command(flatten)]
    filters: Filters,
}

/// Runs the command.
pub async fn run(command: EventsCommand, out: &mut impl Write) -> Result<(), CommandError> {
    match command {
        EventsCommand::List(args) => list(args, out).await,
        EventsCommand::Follow(args) => follow(args, out).await,
    }
}

async fn list(args: ListArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let service = args.source.connect().await?;
    let mut pages = Pages::of(&service, "events", args.filters.query(true), args.after);
    let page = pages.gather(args.limit).await?;
    args.source.print.page(out, &LISTED, &page)
}

async fn follow(args: FollowArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let service = args.service.running().await?;
    // The first look also tells whether the question is understood; later failures are waited out.
    let newest = Pages::of(&service, "events", String::new(), None)
        .gather(1)
        .await?;
    let mut seen = super::query::items(&newest).first().map_or(0, seq);
    let mut titles = !args.print.no_header;
    if args.filters.since.is_some() {
        let mut earlier = newer_than(&service, &args.filters.query(true), 0).await?;
        earlier.retain(|event| seq(event) <= seen);
        print(&args, &mut titles, &earlier, out)?;
    } else {
        // Nothing is printed of what was before; a mistake in a filter is told at once.
        let filters = args.filters.query(false);
        Pages::of(&service, "events", filters, None)
            .gather(1)
            .await?;
    }
    let mut is_away = false;
    loop {
        tokio::time::sleep(PAUSE).await;
        match newer_than(&service, &args.filters.query(false), seen).await {
            Ok(events) => {
                is_away = false;
                seen = events.last().map_or(seen, seq);
                print(&args, &mut titles, &events, out)?;
            }
            Err(error @ CommandError::Usage(_)) => return Err(error),
            Err(error) => {
                if !is_away {
                    args.print
                        .note(&format!("{error}; asked again until it answers"));
                }
                is_away = true;
            }
        }
    }
}

/// Gives the events behind a number, the oldest first.
async fn newer_than(
    service: &Service,
    filters: &str,
    seen: u64,
) -> Result<Vec<Value>, CommandError> {
    let mut pages = Pages::of(service, "events", filters.to_owned(), None);
    let mut newer = Vec::new();
    while let Some(items) = pages.next_page().await? {
        let is_all = items.iter().any(|event| seq(event) <= seen);
        newer.extend(items.into_iter().filter(|event| seq(event) > seen));
        if is_all {
            break;
        }
    }
    newer.reverse();
    Ok(newer)
}

fn print(
    args: &FollowArgs,
    titles: &mut bool,
    events: &[Value],
    out: &mut impl Write,
) -> Result<(), CommandError> {
    if events.is_empty() {
        return Ok(());
    }
    let mut rows = Rows::new(out, &LISTED, args.print.format, !*titles)?;
    *titles = false;
    rows.write(events)?;
    rows.finish()?;
    Ok(out.flush()?)
}

impl Filters {
    fn query(&self, with_since: bool) -> String {
        query_string(&[
            ("type", self.kind.clone()),
            ("repository", self.repository.clone()),
            ("digest", self.digest.clone()),
            ("vulnerability", self.vulnerability.clone()),
            ("direction", self.direction.clone()),
            ("cause", self.cause.clone()),
            ("since", self.since.clone().filter(|_| with_since)),
            ("until", self.until.clone().filter(|_| with_since)),
        ])
    }
}

fn seq(event: &Value) -> u64 {
    event.get("seq").and_then(Value::as_u64).unwrap_or(0)
}

/// Names what changed outside the image; where nothing did, only time has passed.
fn cause(cause: &Value) -> String {
    let changed = |name: &&&str| cause.get(name).is_some_and(|change| !change.is_null());
    let named: Vec<&str> = ["feeds", "policy", "scanner", "exceptions"]
        .iter()
        .filter(changed)
        .copied()
        .collect();
    match named.as_slice() {
        // It is about no verdict.
        [] if cause.is_null() => String::new(),
        [] => "time".to_owned(),
        some => some.join(" "),
    }
}

/// Names the clients that pulled the image, and counts those that are not named.
fn clients(pulled_by: &Value) -> String {
    let clients = super::query::members(pulled_by, "/clients").iter();
    let named = clients.filter_map(|client| client.get("client").and_then(Value::as_str));
    let mut named: Vec<String> = named.map(str::to_owned).collect();
    named.dedup();
    match pulled_by.get("others").and_then(Value::as_u64) {
        None | Some(0) => {}
        Some(others) => named.push(format!("and {others} more")),
    }
    named.join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn causes_and_clients_are_named() {
        let change = json!({"from": "a", "to": "b"});
        for (feeds, policy, wanted) in [
            (change.clone(), Value::Null, "feeds"),
            (change.clone(), change.clone(), "feeds policy"),
            (Value::Null, Value::Null, "time"),
        ] {
            let of = json!({"feeds": feeds, "policy": policy, "scanner": null});
            assert_eq!(cause(&of), wanted);
        }
        assert_eq!(cause(&Value::Null), "");
        let by = json!({"clients": [{"client": "10.0.0.1"}, {"client": "10.0.0.2"}], "others": 3});
        assert_eq!(clients(&by), "10.0.0.1 10.0.0.2 and 3 more");
        assert_eq!(clients(&Value::Null), "");
    }
}
