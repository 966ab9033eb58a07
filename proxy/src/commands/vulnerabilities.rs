//! `sluicegate vulnerabilities ID`: one weakness over all images, also those that had it.

use std::io::Write;

use clap::Args;
use serde_json::Value;
use sluicegate_model::percent::encoded;

use super::CommandError;
use super::query::{
    Column, ListFormat, ListSource, Listing, Pages, Shape, cell, members, query_string,
};

/// What stands in a path as it is, beside letters and digits.
const BARE: &[u8] = b"-._~:";

const LISTED: Listing = Listing {
    noun: "images",
    columns: &[
        Column::text("STATE", "/state"),
        Column::text("REPOSITORY", "/repository"),
        Column::of("TAGS", "/tags", Shape::Texts),
        Column::of("DIGEST", "/digest", Shape::Digest),
        Column::of("PACKAGE", "/packages", Shape::Made(packages)),
        Column::of("FIRST SEEN", "/first_seen", Shape::Time),
        Column::of("LAST SEEN", "/last_seen", Shape::Time),
        Column::text("PULLS", "/pulled/pulls"),
        Column::of("LAST PULLED", "/pulled/last/time", Shape::Time),
        Column::of("BY", "/pulled/last", Shape::Made(puller)),
        Column::text("DECISION", "/decision"),
        Column::of("ALLOWED BY", "/allowed_by", Shape::Made(allowed_by)),
    ],
};

/// Which weakness.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    sluicegate vulnerabilities CVE-2021-44228\n  \
    sluicegate vulnerabilities CVE-2021-44228 --state withdrawn --format csv\n\n\
    Every image that was ever judged is looked at. An image that has it no more stays listed, with\n\
    the time when that was found. Who pulled is told by the decision log.")]
pub struct VulnerabilitiesArgs {
    #[command(flatten)]
    source: ListSource,
    /// CVE or other id, alias or record, in any letter case
    id: String,
    /// Only this repository, by its canonical name or as it is pulled
    #[arg(long, value_name = "NAME")]
    repository: Option<String>,
    /// Only images that have it, or only those that had it
    #[arg(long, value_parser = ["present", "withdrawn"])]
    state: Option<String>,
    /// At most this many
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// Continue after this cursor
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
}

/// Runs the command.
pub async fn run(args: VulnerabilitiesArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let service = args.source.connect().await?;
    let query = query_string(&[("repository", args.repository), ("state", args.state)]);
    let list = format!("vulnerabilities/{}", encoded(&args.id, BARE));
    let mut pages = Pages::of(&service, &list, query, args.after);
    let page = pages.gather(args.limit).await?;
    if args.source.print.format == ListFormat::Table {
        args.source.print.note(&headline(&page));
    }
    args.source.print.page(out, &LISTED, &page)
}

/// Says how many images there are, whatever is listed of them.
fn headline(page: &Value) -> String {
    let count = |name: &str| page.get(name).and_then(Value::as_u64).unwrap_or(0);
    let id = cell(page, "/id");
    match (count("have"), count("had")) {
        (0, 0) => format!("{id}: no image has it, none had it"),
        (have, 0) => format!("{id}: {} it", counted(have, "has", "have")),
        (0, had) => format!("{id}: no image has it, {had} had it"),
        (have, had) => format!("{id}: {} it, {had} had it", counted(have, "has", "have")),
    }
}

fn counted(count: u64, one: &str, several: &str) -> String {
    if count == 1 {
        format!("1 image {one}")
    } else {
        format!("{count} images {several}")
    }
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

fn packages(listed: &Value) -> String {
    let packages = members(listed, "").iter();
    let named = packages.filter_map(|it| {
        let (name, version) = (text(it, "name")?, text(it, "version")?);
        Some(format!("{name} {version}").trim_end().to_owned())
    });
    named.collect::<Vec<String>>().join(", ")
}

/// Names who pulled: by a key, where there was one, and from where.
fn puller(once: &Value) -> String {
    match (text(once, "client"), text(once, "principal")) {
        (Some(client), Some(principal)) => format!("{principal} {client}"),
        (client, _) => client.unwrap_or_default().to_owned(),
    }
}

/// Names what allowed an image, with who answers for it.
fn allowed_by(listed: &Value) -> String {
    let named = members(listed, "").iter().filter_map(|it| {
        let name = text(it, "name")?;
        let by = [text(it, "author"), text(it, "ticket")];
        let by: Vec<&str> = by.into_iter().flatten().collect();
        Some(if by.is_empty() || name.starts_with("break-glass:") {
            name.to_owned()
        } else {
            format!("{name} ({})", by.join(", "))
        })
    });
    named.collect::<Vec<String>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::query::Rows;
    use super::*;

    #[test]
    fn a_row_tells_since_when_who_pulled_and_who_allowed() {
        let item = json!({"state": "present", "repository": "docker.io/shop/app", "tags": ["1", "2"],
            "digest": "sha256:00", "packages": [{"name": "zlib", "version": "1.0"}, {"name": "zlib-dev", "version": "1.0"}],
            "first_seen": "2026-11-28T10:00:00Z", "last_seen": "2026-11-29T10:00:00Z", "withdrawn_at": null,
            "decision": "allow", "allowed_by": [{"name": "not-reachable", "author": "a.lopez", "ticket": "SEC-1"},
                {"name": "grace:critical", "author": null, "ticket": null}],
            "pulled": {"pulls": 3, "last": {"time": "2026-11-28T12:00:00Z", "client": "10.0.3.17", "principal": "ci"}}});
        let nobody = json!({"state": "withdrawn", "pulled": null, "allowed_by": []});
        let mut out = Vec::new();
        let mut rows = Rows::new(&mut out, &LISTED, ListFormat::Csv, true).unwrap();
        rows.write(&[item, nobody]).unwrap();
        rows.finish().unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "present,docker.io/shop/app,1 2,sha256:00,\"zlib 1.0, zlib-dev 1.0\",2026-11-28T10:00:00Z,\
             2026-11-29T10:00:00Z,3,2026-11-28T12:00:00Z,ci 10.0.3.17,allow,\
             \"not-reachable (a.lopez, SEC-1), grace:critical\"\n\
             withdrawn,,,,,,,,,,,\n"
        );
    }

    #[test]
    fn the_headline_counts_images() {
        let of = |have: u64, had: u64| headline(&json!({"id": "CVE-1", "have": have, "had": had}));
        assert_eq!(of(3, 1), "CVE-1: 3 images have it, 1 had it");
        assert_eq!(of(1, 0), "CVE-1: 1 image has it");
        assert_eq!(of(0, 2), "CVE-1: no image has it, 2 had it");
        assert_eq!(of(0, 0), "CVE-1: no image has it, none had it");
    }
}
