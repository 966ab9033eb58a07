//! What fed plugins say, as findings: beside those of the feeds, within bounds of its own.

use std::collections::{BTreeMap, BTreeSet};

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::finding::{Finding, FindingPackage, FindingStatus, MAX_PATHS};
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Component, Evidence};
use sluicegate_model::weakness::{
    CONFIGURATION, FoundWeakness, MALWARE, SECRETS, WeakPackage, Weakness,
};

use crate::feeds::cve::CveNumber;
use crate::feeds::{FeedIndex, shown_probability};

/// Most findings of the feeds on packages that plugins alone name.
pub(super) const MAX_FINDINGS: usize = 5_000;

/// Most questions about packages that plugins alone name.
pub(super) const MAX_QUESTIONS: usize = 2_000_000;

/// Most weaknesses that plugins found themselves: what a full set may say of one image, and twice as
/// many as each detector of the program finds in its files.
const MAX_WEAKNESSES: usize = 16_800;

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
    let few = inventory.weaknesses.get(..MAX_WEAKNESSES);
    all(few.unwrap_or(&inventory.weaknesses), feeds)
}

/// Gives weaknesses as findings.
pub(super) fn all<'a>(
    weaknesses: &'a [FoundWeakness],
    feeds: &'a FeedIndex,
) -> impl Iterator<Item = Finding> + 'a {
    // One secret is one finding, wherever it stands, and one malicious content; everything else is one
    // for each place.
    let mut groups: BTreeMap<(&str, &str), Vec<&FoundWeakness>> = BTreeMap::new();
    let mut alone = Vec::new();
    for found in weaknesses {
        match found.weakness.hash.as_deref() {
            Some(hash) => groups
                .entry((&found.weakness.id, hash))
                .or_default()
                .push(found),
            None => alone.push(found),
        }
    }
    let alone = alone.into_iter().map(|found| finding(found, feeds));
    alone.chain(groups.into_values().filter_map(move |places| {
        let first = places
            .iter()
            .min_by_key(|it| (it.weakness.is_hidden, &it.weakness.path))?;
        Some(at_places(finding(first, feeds), &places))
    }))
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
        severity_source: Some(teller(found)),
        cvss: None,
        kev: cves.iter().any(|cve| feeds.is_known_exploited(*cve)),
        epss: probabilities.max_by(f32::total_cmp).map(shown_probability),
        package,
        published: None,
        fix_published: None,
        source: teller(found),
        detail: Some(detail(found)),
        exception: None,
        vex: Vec::new(),
        attributed: None,
        quieted_by: None,
        copies: 1,
        paths: Vec::new(),
    }
}

/// Says of a secret in which files it stands, and of a malicious content which those are.
fn at_places(mut finding: Finding, places: &[&FoundWeakness]) -> Finding {
    let paths: BTreeSet<&str> = places.iter().map(|it| it.weakness.path.as_str()).collect();
    finding.copies = u64::try_from(paths.len()).unwrap_or(u64::MAX);
    if paths.len() > 1 {
        let paths = paths.into_iter().take(MAX_PATHS);
        finding.paths = paths.map(str::to_owned).collect();
    }
    finding
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
        evidence: if said.is_hidden {
            Evidence::Historical
        } else {
            Evidence::Installed
        },
    }
}

/// Gives the version that ends it: the remedy that names the package itself.
fn fixed(said: &Weakness, package: &str) -> Option<String> {
    let own = said.remedy.iter().find(|remedy| remedy.package == package);
    own.map(|remedy| remedy.version.clone())
}

/// Says who found it.
fn teller(found: &FoundWeakness) -> String {
    if [SECRETS, CONFIGURATION, MALWARE].contains(&&*found.plugin) {
        format!("detector {}", found.plugin)
    } else {
        format!("plugin {}", found.plugin)
    }
}

/// Says in one line what it is, where in the file, and what ends it.
fn detail(found: &FoundWeakness) -> String {
    let said = &found.weakness;
    if found.plugin == MALWARE {
        let hidden = if said.is_hidden {
            "; a later layer hides the file, and whoever has the image has it"
        } else {
            ""
        };
        return format!("{}, in layer {}{hidden}", said.summary, found.layer);
    }
    let line = said.line.map(|line| format!(" (line {line})"));
    let line = line.unwrap_or_default();
    if let Some(hash) = &said.hash {
        let place = match said.line {
            Some(_) => format!("layer {}", found.layer),
            None => "the image's configuration".to_owned(),
        };
        let summary = &said.summary;
        if said.is_hidden {
            return format!(
                "{summary}{line}, hash {hash}; revoke it: a later layer hides the file, and whoever has \
                 the image has {place}"
            );
        }
        return format!(
            "{summary}{line}, hash {hash}; revoke it and take it out: it stays in {place}"
        );
    }
    let each = said.remedy.iter();
    let each = each.map(|remedy| format!("{} {}", remedy.package, remedy.version));
    let each = each.collect::<Vec<_>>().join(" or ");
    let remedy = (!each.is_empty()).then(|| format!("; remedy: {each}"));
    if found.plugin == CONFIGURATION && !said.path.starts_with("config: ") {
        return format!("{}, in layer {}", said.summary, found.layer);
    }
    format!("{}{line}{}", said.summary, remedy.unwrap_or_default())
}
