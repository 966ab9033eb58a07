//! What fed plugins say, as findings: beside those of the feeds, within bounds of its own.

use std::collections::BTreeSet;

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::finding::{Finding, FindingPackage, FindingStatus};
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Component, Evidence};
use sluicegate_model::weakness::{FoundWeakness, WeakPackage, Weakness};

use crate::feeds::cve::CveNumber;
use crate::feeds::{FeedIndex, shown_probability};

/// Most findings of the feeds on packages that plugins alone name.
pub(super) const MAX_FINDINGS: usize = 5_000;

/// Most questions about packages that plugins alone name.
pub(super) const MAX_QUESTIONS: usize = 2_000_000;

/// Most weaknesses that plugins found themselves: what a full set may say of one image.
const MAX_WEAKNESSES: usize = 12_800;

/// Gives the components that the scanner found, and those that plugins alone name.
pub(super) fn apart(inventory: &Inventory) -> (Vec<&Component>, Vec<&Component>) {
    if inventory.told.is_empty() {
        return (inventory.components.iter().collect(), Vec::new());
    }
    let told = inventory.told.iter();
    let told: BTreeSet<(&str, &str)> = told.map(|it| (&*it.purl, &*it.path)).collect();
    let components = inventory.components.iter();
    components.partition(|it| !told.contains(&(it.purl.as_str(), it.path.as_str())))
}

/// Gives the weaknesses that plugins found themselves.
pub(super) fn findings<'a>(
    inventory: &'a Inventory,
    feeds: &'a FeedIndex,
) -> impl Iterator<Item = Finding> + 'a {
    let weaknesses = inventory.weaknesses.iter().take(MAX_WEAKNESSES);
    weaknesses.map(|found| finding(found, feeds))
}

/// Says of an inventory that somebody reported that it names more than plugins may say.
pub(super) fn gap(inventory: &Inventory) -> Option<Gap> {
    let named = inventory.weaknesses.len();
    let detail = format!("{named} weaknesses are named, of which {MAX_WEAKNESSES} are listed");
    (named > MAX_WEAKNESSES).then(|| Gap::fatal(GapKind::Budget, detail))
}

fn finding(found: &FoundWeakness, feeds: &FeedIndex) -> Finding {
    let said = &found.weakness;
    let names = std::iter::once(&said.id).chain(&said.aliases);
    let cves: Vec<CveNumber> = names.filter_map(|name| CveNumber::parse(name)).collect();
    let probabilities = cves
        .iter()
        .filter_map(|cve| feeds.exploit_probability(*cve));
    let package = package(found);
    Finding {
        fixed: fixed(said, &package.name),
        id: said.id.clone(),
        aliases: said.aliases.clone(),
        advisories: Vec::new(),
        kind: said.kind,
        status: FindingStatus::Affected,
        severity: said.severity,
        severity_source: Some(format!("plugin {}", found.plugin)),
        cvss: None,
        kev: cves.iter().any(|cve| feeds.is_known_exploited(*cve)),
        epss: probabilities.max_by(f32::total_cmp).map(shown_probability),
        package,
        published: None,
        fix_published: None,
        source: format!("plugin {}", found.plugin),
        detail: Some(detail(said)),
        exception: None,
        vex: Vec::new(),
        attributed: None,
        quieted_by: None,
        copies: 1,
        paths: Vec::new(),
    }
}

/// Names the package that has a weakness; of what is no package's, the file.
fn package(found: &FoundWeakness) -> FindingPackage {
    let said = &found.weakness;
    let WeakPackage {
        name,
        version,
        purl,
    } = said.package.clone().unwrap_or_else(|| WeakPackage {
        name: said.path.clone(),
        version: String::new(),
        purl: String::new(),
    });
    FindingPackage {
        name,
        version,
        purl,
        ecosystem: None,
        source: None,
        path: said.path.clone(),
        layer: found.layer.clone(),
        layer_origin: None,
        evidence: Evidence::Installed,
    }
}

/// Gives the version that ends it: the remedy that names the package itself.
fn fixed(said: &Weakness, package: &str) -> Option<String> {
    let own = said.remedy.iter().find(|remedy| remedy.package == package);
    own.map(|remedy| remedy.version.clone())
}

/// Says in one line what it is, where in the file, and what ends it.
fn detail(said: &Weakness) -> String {
    let line = said.line.map(|line| format!(" (line {line})"));
    let each = said.remedy.iter();
    let each = each.map(|remedy| format!("{} {}", remedy.package, remedy.version));
    let each = each.collect::<Vec<_>>().join(" or ");
    let remedy = (!each.is_empty()).then(|| format!("; remedy: {each}"));
    let (line, remedy) = (line.unwrap_or_default(), remedy.unwrap_or_default());
    format!("{}{line}{remedy}", said.summary)
}
