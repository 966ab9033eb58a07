//! The findings for a person: one row for each weakness and source, however many packages and
//! places it is in.

use std::collections::HashMap;
use std::io::{self, Write};

use sluicegate_model::finding::{Finding, FindingKind, FindingStatus, QuietedBy};
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Component, Evidence};
use sluicegate_model::severity::Severity;
use sluicegate_model::verdict::Verdict;
use sluicegate_model::vex::VexStatement;

use super::super::appearance::{Appearance, Colour};
use super::super::grid::{Cell, Grid};
use super::super::text::{counted, printable};
use super::super::view::View;
use super::layer_digest;

/// Packages of one source that a terminal is shown before "and N more".
const NAMED: usize = 3;
/// Rows that a terminal is shown; of more, the worst.
const MAX_ROWS: usize = 100;
const HEADER: [&str; 8] = [
    "SEVERITY",
    "ID",
    "PACKAGE",
    "INSTALLED",
    "FIXED IN",
    "NOTE",
    "WHERE",
    "LAYER",
];

/// Findings that one update mends: the same weakness, source, version and fix.
struct Group<'a> {
    first: &'a Finding,
    component: Option<&'a Component>,
    names: Vec<&'a str>,
    places: Vec<&'a str>,
    /// How many places are not among them.
    unnamed: u64,
}

type RowKey<'a> = (
    (&'a str, &'a str, &'a str),
    (
        Option<&'a str>,
        (Option<&'a str>, &'a [VexStatement]),
        (FindingStatus, Option<QuietedBy>),
        Option<&'a str>,
        Evidence,
    ),
);

/// What became of the findings.
pub(super) struct Rows {
    /// Rows that there are for those to be seen.
    pub(super) all: usize,
    /// Findings that are not to be seen.
    pub(super) hidden: usize,
}

/// Writes the findings to be seen in the verdict's order, which is worst first.
pub(super) fn write(
    verdict: &Verdict,
    inventory: &Inventory,
    view: &View,
    appearance: Appearance,
    out: &mut dyn Write,
) -> io::Result<Rows> {
    let groups = groups(verdict, inventory, view);
    let seen = verdict
        .findings
        .iter()
        .filter(|finding| view.shows(finding));
    let rows = Rows {
        all: groups.len(),
        hidden: verdict.findings.len().saturating_sub(seen.count()),
    };
    if groups.is_empty() {
        return Ok(rows);
    }
    // A pipe is searched: there nothing is left out.
    let most = match appearance.width {
        Some(_) if !view.all => MAX_ROWS,
        _ => usize::MAX,
    };
    let mut grid = Grid::new(HEADER);
    for group in groups.iter().take(most) {
        grid.row(row(group, appearance));
    }
    writeln!(out)?;
    grid.write(appearance, out)?;
    let rest = groups.get(most..).unwrap_or_default();
    if !rest.is_empty() {
        let count = counted(rest.len(), "more row");
        let bearing = rest.iter().filter(|group| group.first.bears());
        let worst = bearing.map(|group| group.first.severity).max();
        let none_worse = worst.map_or_else(
            || "which do not bear on the image".to_owned(),
            |worst| format!("none worse than {worst}"),
        );
        writeln!(out, "and {count}, {none_worse}: --all shows them")?;
    }
    Ok(rows)
}

fn groups<'a>(verdict: &'a Verdict, inventory: &'a Inventory, view: &View) -> Vec<Group<'a>> {
    let components: HashMap<(&str, &str), &Component> = inventory
        .components
        .iter()
        .map(|component| {
            (
                (component.purl.as_str(), component.path.as_str()),
                component,
            )
        })
        .collect();
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut positions: HashMap<RowKey<'_>, usize> = HashMap::new();
    for finding in verdict
        .findings
        .iter()
        .filter(|finding| view.shows(finding))
    {
        let package = &finding.package;
        let component = components
            .get(&(finding.found_as(), package.path.as_str()))
            .copied();
        let source = source_name(finding, component);
        let key = (
            (finding.id.as_str(), source, package.version.as_str()),
            (
                finding.fixed.as_deref(),
                (finding.exception.as_deref(), finding.vex.as_slice()),
                (finding.status, finding.quieted_by),
                finding.attributed.as_deref().map(|own| own.purl.as_str()),
                package.evidence,
            ),
        );
        let position = *positions.entry(key).or_insert(groups.len());
        match groups.get_mut(position) {
            Some(group) => group.add(finding),
            None => groups.push(Group {
                first: finding,
                component,
                names: vec![&package.name],
                places: finding.places().collect(),
                unnamed: unnamed(finding),
            }),
        }
    }
    groups
}

/// Counts the places of a finding that it does not name.
fn unnamed(finding: &Finding) -> u64 {
    let named = u64::try_from(finding.places().count()).unwrap_or(u64::MAX);
    finding.copies.saturating_sub(named)
}

/// Names what a package was built from; itself where nothing else is known.
fn source_name<'a>(finding: &'a Finding, component: Option<&'a Component>) -> &'a str {
    let of_component = || Some(&component?.package.source.as_ref()?.name);
    let package = &finding.package;
    let source = package.source.as_ref().or_else(of_component);
    source.unwrap_or(&package.name)
}

impl<'a> Group<'a> {
    fn add(&mut self, finding: &'a Finding) {
        let package = &finding.package;
        if !self.names.contains(&package.name.as_str()) {
            self.names.push(&package.name);
        }
        for place in finding.places() {
            if !self.places.contains(&place) {
                self.places.push(place);
            }
        }
        self.unnamed = self.unnamed.saturating_add(unnamed(finding));
    }

    fn package(&self) -> Cell {
        match self.names.as_slice() {
            [name] => Cell::text(name),
            names => {
                let source = source_name(self.first, self.component);
                let named = |most| format!("{source} ({})", listed(names, 0, most));
                Cell::long(named(usize::MAX), named(NAMED))
            }
        }
    }

    fn place(&self) -> Cell {
        let named = |most| listed(&self.places, self.unnamed, most);
        Cell::long(named(usize::MAX), named(NAMED))
    }

    fn notes(&self) -> String {
        let finding = self.first;
        let mut notes = Vec::new();
        match finding.kind {
            FindingKind::Malware => notes.push("malware".to_owned()),
            FindingKind::Eol => notes.push("end of life".to_owned()),
            FindingKind::Informational => notes.push("informational".to_owned()),
            FindingKind::Configuration => notes.push("configuration".to_owned()),
            FindingKind::Secret => notes.push("secret".to_owned()),
            FindingKind::Licence => notes.push("licence".to_owned()),
            FindingKind::Vulnerability => {}
        }
        if finding.kev {
            notes.push("exploited".into());
        }
        // A record that is listed rates itself; what others say is told.
        if let Some(source) = &finding.severity_source
            && source.starts_with("alias ")
        {
            notes.push(format!("severity of {}", printable(source)));
        }
        if finding.status == FindingStatus::NotAffected {
            notes.push("not affected".into());
        }
        match &finding.detail {
            Some(detail) => notes.push(printable(detail)),
            None if finding.status == FindingStatus::Unknown => {
                notes.push("version not comparable".into());
            }
            None => {}
        }
        match finding.package.evidence {
            Evidence::Historical => notes.push("record removed".into()),
            Evidence::Claimed => notes.push("claimed by an SBOM".into()),
            Evidence::Inferred => notes.push("inferred, not stated".into()),
            Evidence::Digest => notes.push("known by its digest".into()),
            Evidence::Cached => notes.push("in a cache".into()),
            Evidence::Installed | Evidence::Declared => {}
        }
        if let Some(own) = &finding.attributed {
            let (name, version) = (printable(&own.name), printable(&own.version));
            notes.push(format!("in its file: {name} {version}"));
        }
        if finding.quieted_by == Some(QuietedBy::Owner) {
            notes.push("fixed by its owner".into());
        }
        if let Some(exception) = &finding.exception {
            notes.push(format!("exception {}", printable(exception)));
        }
        for statement in &finding.vex {
            let (status, author) = (statement.status.as_str(), printable(&statement.author));
            notes.push(format!("vex {status} by {author}"));
        }
        notes.join(", ")
    }
}

fn row(group: &Group<'_>, appearance: Appearance) -> [Cell; 8] {
    let finding = group.first;
    let severity = match finding.cvss {
        Some(score) => format!("{} {score:.1}", finding.severity),
        None if !finding.kind.has_severity() => "-".to_owned(),
        None => finding.severity.to_string(),
    };
    [
        Cell::text(severity).coloured(colour(finding.severity)),
        Cell::text(&finding.id),
        group.package(),
        Cell::text(&finding.package.version),
        Cell::text(finding.fixed.as_deref().unwrap_or("-")),
        Cell::text(group.notes()),
        group.place(),
        Cell::text(layer_digest(&finding.package.layer, appearance)),
    ]
}

fn colour(severity: Severity) -> Option<Colour> {
    match severity {
        Severity::Critical | Severity::High => Some(Colour::Red),
        Severity::Medium => Some(Colour::Yellow),
        Severity::Low | Severity::Negligible | Severity::Unknown => None,
    }
}

/// Names a few, and counts the others, of which some have no name here.
fn listed(names: &[&str], unnamed: u64, most: usize) -> String {
    let named: Vec<&str> = names.iter().take(most).copied().collect();
    let named = named.join(", ");
    let more = u64::try_from(names.len().saturating_sub(most)).unwrap_or(u64::MAX);
    match more.saturating_add(unnamed) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
