//! The findings for a person: one row for each weakness and source, however many packages and
//! places it is in.

use std::collections::HashMap;
use std::io::{self, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table};
use sluicegate_model::finding::{Finding, FindingKind, FindingStatus};
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Component, Evidence};
use sluicegate_model::severity::Severity;
use sluicegate_model::verdict::Verdict;

use super::super::appearance::Appearance;
use super::super::text::shown;
use super::short_digest;

/// Packages of one source named before "and N more".
const NAMED: usize = 3;
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

type Key<'a> = (
    (&'a str, &'a str, &'a str),
    (Option<&'a str>, Option<&'a str>, FindingStatus),
);

/// Writes the findings in the verdict's order, which is worst first.
pub(super) fn write(
    verdict: &Verdict,
    inventory: &Inventory,
    appearance: Appearance,
    out: &mut dyn Write,
) -> io::Result<()> {
    if verdict.findings.is_empty() {
        return Ok(());
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(appearance.width);
    if appearance.colours {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table.set_header(HEADER.map(|name| Cell::new(name).add_attribute(Attribute::Bold)));
    for group in groups(verdict, inventory) {
        table.add_row(row(&group));
    }
    writeln!(out)?;
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn groups<'a>(verdict: &'a Verdict, inventory: &'a Inventory) -> Vec<Group<'a>> {
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
    let mut positions: HashMap<Key<'_>, usize> = HashMap::new();
    for finding in &verdict.findings {
        let package = &finding.package;
        let component = components
            .get(&(package.purl.as_str(), package.path.as_str()))
            .copied();
        let source = source_name(component).unwrap_or(&package.name);
        let key = (
            (finding.id.as_str(), source, package.version.as_str()),
            (
                finding.fixed.as_deref(),
                finding.exception.as_deref(),
                finding.status,
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

fn source_name(component: Option<&Component>) -> Option<&str> {
    let source = component?.package.source.as_ref()?;
    Some(&source.name)
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

    fn package(&self) -> String {
        match self.names.as_slice() {
            [name] => shown(name),
            names => {
                let source = source_name(self.component).unwrap_or(&self.first.package.name);
                format!("{} ({})", shown(source), listed(names))
            }
        }
    }

    fn place(&self) -> String {
        match (self.places.as_slice(), self.unnamed) {
            ([place], 0) => shown(place),
            (places, unnamed) => listed_of(places, unnamed),
        }
    }

    fn notes(&self) -> String {
        let finding = self.first;
        let mut notes = Vec::new();
        match finding.kind {
            FindingKind::Malware => notes.push("malware".to_owned()),
            FindingKind::Eol => notes.push("end of life".to_owned()),
            FindingKind::Vulnerability => {}
        }
        if finding.kev {
            notes.push("exploited".into());
        }
        // A record that is listed rates itself; what others say is told.
        if let Some(source) = &finding.severity_source
            && source.starts_with("alias ")
        {
            notes.push(format!("severity of {}", shown(source)));
        }
        match &finding.detail {
            Some(detail) => notes.push(shown(detail)),
            None if finding.status == FindingStatus::Unknown => {
                notes.push("version not comparable".into());
            }
            None => {}
        }
        match self.component.map(|component| component.evidence) {
            Some(Evidence::Historical) => notes.push("record removed".into()),
            Some(Evidence::Claimed) => notes.push("claimed by an SBOM".into()),
            Some(Evidence::Installed | Evidence::Declared) | None => {}
        }
        if let Some(exception) = &finding.exception {
            notes.push(format!("exception {}", shown(exception)));
        }
        notes.join(", ")
    }
}

fn row(group: &Group<'_>) -> [Cell; 8] {
    let finding = group.first;
    let severity = match finding.cvss {
        Some(score) => format!("{} {score:.1}", finding.severity),
        None => finding.severity.to_string(),
    };
    let fixed = finding.fixed.as_deref().map_or_else(|| "-".into(), shown);
    [
        coloured(severity, finding.severity),
        Cell::new_owned(shown(&finding.id)),
        Cell::new_owned(group.package()),
        Cell::new_owned(shown(&finding.package.version)),
        Cell::new_owned(fixed),
        Cell::new_owned(group.notes()),
        Cell::new_owned(group.place()),
        Cell::new(short_digest(&finding.package.layer)),
    ]
}

fn coloured(text: String, severity: Severity) -> Cell {
    let cell = Cell::new_owned(text);
    match severity {
        Severity::Critical => cell.fg(Color::Red).add_attribute(Attribute::Bold),
        Severity::High => cell.fg(Color::Red),
        Severity::Medium => cell.fg(Color::Yellow),
        Severity::Low | Severity::Negligible | Severity::Unknown => cell,
    }
}

/// Names the first few and counts the others.
fn listed(names: &[&str]) -> String {
    listed_of(names, 0)
}

/// Names a few, and counts the others, of which some have no name here.
fn listed_of(names: &[&str], unnamed: u64) -> String {
    let named: Vec<String> = names.iter().take(NAMED).map(|name| shown(name)).collect();
    let named = named.join(", ");
    let more = u64::try_from(names.len().saturating_sub(NAMED)).unwrap_or(u64::MAX);
    match more.saturating_add(unnamed) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
